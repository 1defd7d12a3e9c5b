"""Color science: sRGB, CIE Lab, the sRGB gamut and the quantized ab plane.

Every function is differentiable where its formula is and has channels last. NumPy arrays are
answered in NumPy and in their own precision, tensors of any Keras backend in its ops. Lab means
CIE 1976 L*a*b* under illuminant D65 (2° observer): `l` in 0…100, `ab` about −110…110. `rgb_float`
is gamma-encoded sRGB (IEC 61966-2-1) in 0…1.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from deepkoal.arrays import constant, namespace

Tensor = Any
"""A NumPy array or a tensor of the current Keras backend."""

AB_SCALE = 110.0
"""The ab value that network units map to 1."""

BIN_WIDTH = 10.0
"""Side of a quantized ab bin (Zhang et al. 2016)."""

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

_TOLERANCE = 1e-4


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


@functools.cache
def ab_bins() -> np.ndarray:
    """Return the quantized ab plane: centers of bins of width 10 that sRGB can show at some L.

    After Zhang et al. 2016 (arXiv 1603.08511), section 2.1; their 313 bins also count bins whose
    center lies outside the gamut.

    Returns:
        float32 (227, 2), in a fixed order (by a, then b). Read-only.
    """
    axis = np.arange(-120.0, 121.0, BIN_WIDTH)
    l, a, b = np.meshgrid(np.arange(0.5, 100.0, 0.5), axis, axis, indexing="ij")
    # In NumPy's double precision: a GPU's coarse products would find other bins.
    ia, ib = np.nonzero(in_gamut(np.stack([l, a, b], axis=-1)).any(axis=0))
    bins = np.stack([axis[ia], axis[ib]], axis=-1).astype("float32")
    bins.setflags(write=False)
    return bins


def encode_ab(ab: Tensor, neighbors: int = 5, sigma: float = 5.0) -> Tensor:
    """Encode ab as a soft distribution over `ab_bins` (Zhang et al. 2016, section 2.2).

    Args:
        ab: (..., 2) floating point.
        neighbors: how many nearest bins share the mass (more where the last ones are tied).
        sigma: width of the Gaussian that weighs them by distance, in ab units.

    Returns:
        (..., Q) of the same dtype, non-negative, summing to 1.
    """
    ops = namespace(ab)
    bins = constant(ab_bins(), ab)
    square = ops.sum(ab * ab, axis=-1, keepdims=True)
    distance = square - 2 * ops.matmul(ab, ops.transpose(bins)) + ops.sum(bins * bins, axis=-1)
    if ops is np:
        farthest = np.partition(distance, neighbors - 1, axis=-1)[..., neighbors - 1, None]
    else:
        farthest = -ops.top_k(-distance, neighbors)[0][..., -1:]
    mass = _unnormalized(ops.where(distance <= farthest, -distance / (2 * sigma**2), -1e9))
    return mass / ops.sum(mass, axis=-1, keepdims=True)


def decode_ab(logits: Tensor, temperature: float = 0.38) -> Tensor:
    """Read ab off a distribution over `ab_bins` by the annealed mean (Zhang et al. 2016, eq. 5).

    Args:
        logits: (..., Q) floating point, unnormalized log-probabilities.
        temperature: 1 gives the mean, towards 0 the mode: lower is more vivid.

    Returns:
        ab: (..., 2).
    """
    ops = namespace(logits)
    mass = _unnormalized(logits / temperature)
    return ops.matmul(mass, constant(ab_bins(), logits)) / ops.sum(mass, axis=-1, keepdims=True)


def _unnormalized(logits: Tensor) -> Tensor:
    """Return softmax's numerator; NumPy has none, and dividing after a sum costs less."""
    ops = namespace(logits)
    return ops.exp(logits - ops.max(logits, axis=-1, keepdims=True))


def colorfulness(rgb: Tensor) -> Tensor:
    """Measure colorfulness after Hasler & Süsstrunk 2003, with signed opponent channels.

    Args:
        rgb: (..., H, W, 3), 0…255.

    Returns:
        float (...): 0 for grey, about 15 slightly, 45 quite, 80 and more highly colorful.
    """
    ops = namespace(rgb)
    rgb = rgb.astype("float32") if ops is np else ops.cast(rgb, "float32")
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    rg = red - green
    yb = 0.5 * (red + green) - blue
    spread = ops.var(rg, axis=(-2, -1)) + ops.var(yb, axis=(-2, -1))
    center = ops.mean(rg, axis=(-2, -1)) ** 2 + ops.mean(yb, axis=(-2, -1)) ** 2
    return _root(spread) + 0.3 * _root(center)


def _root(x: Tensor) -> Tensor:
    """Return the square root; its slope at 0, which has no end, is taken as 0."""
    ops, tiny = namespace(x), 1e-12
    return ops.where(x > tiny, ops.sqrt(ops.maximum(x, tiny)), 0 * x)
