"""The sRGB gamut in CIE Lab."""

from __future__ import annotations

from deepkoal.arrays import Tensor, namespace
from deepkoal.color.conversion import lab_to_linear, linear_to_lab

_TOLERANCE = 1e-4


def in_gamut(lab: Tensor, tolerance: float = _TOLERANCE) -> Tensor:
    """Tell which Lab colors sRGB can show.

    Args:
        lab: (..., 3) floating point.
        tolerance: how far linear light may lie outside 0…1.

    Returns:
        bool (...).
    """
    linear = lab_to_linear(lab)
    return namespace(lab).all((linear >= -tolerance) & (linear <= 1 + tolerance), axis=-1)


def clip_to_gamut(lab: Tensor) -> Tensor:
    """Bring colors into the sRGB gamut: chroma gives way, lightness does not.

    Linear light is mixed with the grey of the same luminance, by just as much as brings every
    channel into 0…1. Luminance is linear, so L is kept exactly; the hue may turn by a few degrees.

    Args:
        lab: (..., 3) floating point, L in 0…100.

    Returns:
        lab: (..., 3) inside the gamut; colors already inside are unchanged.
    """
    ops = namespace(lab)
    linear = lab_to_linear(lab)
    grey = lab_to_linear(ops.stack([lab[..., 0], lab[..., 0] * 0, lab[..., 0] * 0], axis=-1))
    offset = linear - grey
    # Rounding may put the grey itself a little outside, where a negative share would run wild.
    room = ops.maximum(ops.where(offset > 0, 1 - grey, grey), 0)
    share = ops.where(
        ops.abs(offset) > room, room / ops.maximum(ops.abs(offset), 1e-12), ops.ones_like(room)
    )
    share = ops.min(share, axis=-1, keepdims=True)
    return ops.where(share < 1, linear_to_lab(grey + share * offset), lab)
