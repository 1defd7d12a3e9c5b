"""Conversions between sRGB, linear light, CIE Lab and network units, each beside its inverse."""

from __future__ import annotations

import numpy as np

from deepkoal.arrays import Tensor, constant, namespace

AB_SCALE = 110.0
"""The ab value that network units map to 1."""

# sRGB primaries under D65, after http://www.brucelindbloom.com/Eqn_RGB_XYZ_Matrix.html
RGB_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)

XYZ_TO_RGB = np.linalg.inv(RGB_TO_XYZ)

WHITE_D65 = RGB_TO_XYZ.sum(axis=1)  # so that greys have a = b = 0 exactly

# CIE 15:2004, the exact rational forms of 0.008856 and 903.3
_EPSILON = 216 / 24389

_KAPPA = 24389 / 27


def srgb_to_linear(rgb_float: Tensor) -> Tensor:
    """Undo sRGB's gamma (IEC 61966-2-1), negative values mirrored.

    Args:
        rgb_float: any shape, gamma-encoded, 0…1 (values beyond are extended).

    Returns:
        Linear light, same shape.
    """
    ops = namespace(rgb_float)
    magnitude = ops.abs(rgb_float)
    curve = ops.power((ops.maximum(magnitude, 0.04045) + 0.055) / 1.055, 2.4)
    return ops.where(magnitude <= 0.04045, rgb_float / 12.92, ops.sign(rgb_float) * curve)


def linear_to_srgb(linear: Tensor) -> Tensor:
    """Apply sRGB's gamma; the inverse of `srgb_to_linear`.

    Args:
        linear: any shape, linear light, 0…1 (values beyond are extended).

    Returns:
        Gamma-encoded values, same shape.
    """
    ops = namespace(linear)
    magnitude = ops.abs(linear)
    curve = 1.055 * ops.power(ops.maximum(magnitude, 0.0031308), 1 / 2.4) - 0.055
    return ops.where(magnitude <= 0.0031308, linear * 12.92, ops.sign(linear) * curve)


def _mix(channels: Tensor, matrix: np.ndarray) -> Tensor:
    return namespace(channels).matmul(channels, constant(matrix.T, channels))


def linear_to_lab(linear: Tensor) -> Tensor:
    """Convert linear sRGB (..., 3) to Lab (..., 3); CIE 15:2004."""
    ops = namespace(linear)
    ratios = _mix(linear, RGB_TO_XYZ / WHITE_D65[:, None])
    cube_root = ops.power(ops.maximum(ratios, _EPSILON), 1 / 3)
    f = ops.where(ratios > _EPSILON, cube_root, (_KAPPA * ratios + 16) / 116)
    fx, fy, fz = f[..., 0], f[..., 1], f[..., 2]
    return ops.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], axis=-1)


def lab_to_linear(lab: Tensor) -> Tensor:
    """Convert Lab (..., 3) to linear sRGB (..., 3), outside 0…1 where out of gamut."""
    ops = namespace(lab)
    fy = (lab[..., 0] + 16) / 116
    f = ops.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    ratios = ops.where(f > _EPSILON ** (1 / 3), f * f * f, (116 * f - 16) / _KAPPA)
    return _mix(ratios, XYZ_TO_RGB * WHITE_D65)


def rgb_to_lab(rgb_float: Tensor) -> Tensor:
    """Convert sRGB to Lab (D65).

    Args:
        rgb_float: (..., 3) floating point, gamma-encoded, 0…1.

    Returns:
        lab: (..., 3), L in 0…100, ab about −110…110.
    """
    return linear_to_lab(srgb_to_linear(rgb_float))


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Convert Lab (D65) to sRGB; the inverse of `rgb_to_lab`.

    Args:
        lab: (..., 3) floating point, L in 0…100.

    Returns:
        rgb_float: (..., 3), **not clipped**: outside 0…1 where the color is out of gamut.
    """
    return linear_to_srgb(lab_to_linear(lab))


def normalize_l(l: Tensor) -> Tensor:
    """Map L from 0…100 to network units −1…1."""
    return l / 50.0 - 1.0


def denormalize_l(l_norm: Tensor) -> Tensor:
    """Map L from network units −1…1 to 0…100."""
    return (l_norm + 1.0) * 50.0


def normalize_ab(ab: Tensor) -> Tensor:
    """Map ab from about −110…110 to network units about −1…1."""
    return ab / AB_SCALE


def denormalize_ab(ab_norm: Tensor) -> Tensor:
    """Map ab from network units about −1…1 to about −110…110."""
    return ab_norm * AB_SCALE


def in_gamut(lab: Tensor, tolerance: float = 1e-4) -> Tensor:
    """Return which Lab colors sRGB can show.

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
