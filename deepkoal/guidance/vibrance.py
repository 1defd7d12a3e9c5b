"""Readings of a network's outputs: how chroma is taken from what it says."""

from __future__ import annotations

from collections.abc import Mapping

from deepkoal.color import Tensor, decode_ab, denormalize_ab
from deepkoal.config import VIBRANCE_RANGE, DeepkoalError


def check_vibrance(vibrance: float) -> float:
    """Return the vibrance, if it is one.

    Raises:
        DeepkoalError: it is no number in 0.2…5.
    """
    low, high = VIBRANCE_RANGE
    if not low <= vibrance <= high:
        raise DeepkoalError(f"vibrance must lie in {low:g}…{high:g} (1 is neutral), not {vibrance}")
    return vibrance


def read_ab(outputs: Mapping[str, Tensor], temperature: float, vibrance: Tensor | float) -> Tensor:
    """Read chroma off a network's outputs.

    From a distribution (`logits`): its annealed mean (Zhang et al. 2016, eq. 5) at temperature /
    vibrance, times vibrance: sharper and stronger, because sharpening alone ends at the mode,
    which is paler than photographs are. From a regression (`ab_norm`): ab times vibrance.

    Args:
        outputs: `logits` (..., h, w, Q) or `ab_norm` (..., h, w, 2) in −1…1.
        temperature: of the annealed mean at vibrance 1.
        vibrance: 0.2…5.

    Returns:
        ab (..., h, w, 2) in CIE Lab units.
    """
    if "logits" in outputs:
        return decode_ab(outputs["logits"], temperature / vibrance) * vibrance
    return denormalize_ab(outputs["ab_norm"]) * vibrance
