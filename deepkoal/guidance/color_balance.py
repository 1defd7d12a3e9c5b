"""Warmth and saturation by hue: levers on colors, after all other guidance but hints.

Written once for NumPy arrays and backend tensors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from deepkoal.arrays import Tensor, namespace
from deepkoal.errors import DeepkoalError, check_range
from deepkoal.short_repr import summarize

HUES = {"red": 35, "yellow": 90, "green": 140, "cyan": 200, "blue": 275, "magenta": 330}
"""Hue angles in degrees, atan2(b, a) in CIE Lab, that ranges center on."""

MOST_SATURATION = 3.0

D65_MIREDS = 1e6 / 6504
WARMTH_MIREDS = 90.0
"""Shift of the light's color at a warmth of 1: to 4100 K; at −1 to 15,600 K."""


def check_saturation(saturation: Any) -> dict[str, float]:
    """Return factors by the names in `HUES`, as plain numbers.

    Raises:
        DeepkoalError: they are something else, or out of range.
    """
    if not isinstance(saturation, Mapping) or set(saturation) - set(HUES):
        raise DeepkoalError(
            f"expected saturation as factors by hue ({', '.join(HUES)}), got "
            f"{summarize(saturation)}; such as {{'blue': 1.3}}"
        )
    for name, factor in saturation.items():
        check_range(factor, f"saturation of {name}", 0, MOST_SATURATION)
    return {name: float(factor) for name, factor in saturation.items()}


def scale_saturation(ab: Tensor, saturation: Mapping[str, Tensor | float]) -> Tensor:
    """Return chroma scaled by hue: ab · (Σ w·s), the weights w of all hues summing to 1.

    Between two neighbors of `HUES` their weights go from one to the other as cos² does, so that no
    hue shows an edge. The hue itself and lightness stay.

    Args:
        ab: (..., 2), CIE Lab units.
        saturation: factors by the names in `HUES`, 0…3; of what is missing 1.
    """
    ops = namespace(ab)
    hue = ops.arctan2(ab[..., 1], ab[..., 0]) * (180 / math.pi)
    factor = 1 + 0 * hue
    names = list(HUES)
    for index, name in enumerate(names):
        scale = saturation.get(name, 1.0)
        if isinstance(scale, (int, float)) and scale == 1:
            continue
        before = HUES[names[index - 1]] - HUES[name]
        after = HUES[names[(index + 1) % len(names)]] - HUES[name]
        distance = (hue - HUES[name] + 180) % 360 - 180
        span = ops.where(distance < 0, -(before % -360.0), after % 360.0)
        share = ops.minimum(ops.abs(distance) / span, 1)
        factor = factor + (scale - 1) * ops.cos(share * (math.pi / 2)) ** 2
    return ab * factor[..., None]


def shift_warmth(ab: Tensor, l: Tensor, warmth: float) -> Tensor:
    """Return chroma as under a warmer or cooler daylight, at the same lightness.

    Von Kries's rule in XYZ, X' = X · kx and Z' = Z · kz, which in Lab is, but for the darkest
    tones, a' = a · ∛kx + 500 · (∛kx − 1) · (L + 16) / 116 and likewise b. The factors are those
    from D65 to the CIE daylight of `WARMTH_MIREDS` · warmth more mireds.

    Args:
        ab: (..., h, w, 2), CIE Lab units.
        l: (h, w), lightness in 0…100.
        warmth: −1…1; above 0 is warmer.
    """
    return tint(ab, l, *find_warmth_factors(warmth))


def tint(ab: Tensor, l: Tensor, scale_x: Tensor | float, scale_z: Tensor | float) -> Tensor:
    """Return chroma under another light, see `shift_warmth`.

    Args:
        ab: (..., h, w, 2), CIE Lab units.
        l: (h, w), lightness in 0…100.
        scale_x: ∛kx, a number or a tensor ().
        scale_z: ∛kz, likewise.
    """
    ops = namespace(ab)
    brightness = (l + 16) / 116
    a = ab[..., 0] * scale_x + 500 * (scale_x - 1) * brightness
    b = ab[..., 1] * scale_z + 200 * (1 - scale_z) * brightness
    return ops.stack([a, b], axis=-1)


def balance_colors(
    ab: Tensor, l: Tensor, *, warmth: float, saturation: Mapping[str, float]
) -> Tensor:
    """Return chroma (..., h, w, 2) of lightness (h, w) after `scale_saturation` and `shift_warmth`.

    Exactly as it was where nothing is asked for.
    """
    if any(factor != 1 for factor in saturation.values()):
        ab = scale_saturation(ab, saturation)
    return shift_warmth(ab, l, warmth) if warmth else ab


def find_warmth_factors(warmth: float) -> tuple[float, float]:
    """Return ∛kx and ∛kz of `shift_warmth`."""
    kelvin = 1e6 / (D65_MIREDS + WARMTH_MIREDS * warmth)
    white, before = find_daylight(kelvin), find_daylight(1e6 / D65_MIREDS)
    factors = np.cbrt(white / before)
    return float(factors[0]), float(factors[2])


def find_daylight(kelvin: float) -> np.ndarray:
    """Return X, Y, Z of a CIE daylight illuminant, Y = 1; CIE 15:2004, formula 3.3.

    Args:
        kelvin: correlated color temperature, 4000…25000.
    """
    u = 1000 / kelvin
    if kelvin <= 7000:
        x = 0.244063 + u * (0.09911 + u * (2.9678 - u * 4.6070))
    else:
        x = 0.237040 + u * (0.24748 + u * (1.9018 - u * 2.0064))
    y = -3 * x * x + 2.87 * x - 0.275
    return np.array([x / y, 1, (1 - x - y) / y])
