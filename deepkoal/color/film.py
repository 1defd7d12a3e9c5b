"""How light things come out on films that see colors otherwise than eyes do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deepkoal.arrays import Tensor, constant, namespace
from deepkoal.color.conversion import RGB_TO_XYZ, linear_to_lab, srgb_to_linear

FILMS: Mapping[str, tuple[float, float, float]] = {
    "blue-sensitive plate": (0.01, 0.09, 0.9),
    "orthochromatic film": (0.06, 0.5, 0.44),
}
"""Shares of linear sRGB red, green and blue in what a film records. Wet and early dry plates (until
about 1890) see blue almost alone; orthochromatic ones (until about 1930) green too, but no red. The
shares are rough readings of published spectral sensitivities, not measurements of a film."""

_LEAST = 1e-4  # of mean light, where a photo is black


def film_lightness(rgb_float: Tensor, shares: Tensor) -> Tensor:
    """Return the lightness of photos as a film records them, exposed to their own mean light.

    Args:
        rgb_float: (..., H, W, 3) sRGB, 0…1.
        shares: (..., 3) of linear red, green and blue, adding up to 1; see `FILMS`.

    Returns:
        l (..., H, W, 1), float32 in 0…100. With the shares of CIE luminance it is
        the photos' own L.
    """
    ops = namespace(rgb_float)
    linear = srgb_to_linear(rgb_float)
    luminance = ops.sum(linear * constant(RGB_TO_XYZ[1], linear), axis=-1, keepdims=True)
    recorded = ops.sum(linear * shares[..., None, None, :], axis=-1, keepdims=True)
    places = (-3, -2, -1)
    exposure = ops.mean(luminance, axis=places, keepdims=True) / ops.maximum(
        ops.mean(recorded, axis=places, keepdims=True), _LEAST
    )
    grey = ops.clip(recorded * exposure, 0.0, 1.0)
    return linear_to_lab(grey * constant(np.ones(3), linear))[..., :1]
