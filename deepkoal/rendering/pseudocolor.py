"""Pseudo-color: values as colors of a perceptually uniform map, with a legend that says which.

No network has a part in it: a color stands for a value, and the bar beside the picture reads it
back. The maps are matplotlib's (van der Walt and Smith 2015; cividis by Nuñez, Anderton and Renslow
2018): equal steps of value look like equal steps of color, lightness rises throughout, so that they
hold in grey print, and cividis in every common color blindness.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import ByteArray
from deepkoal.errors import DeepkoalError
from deepkoal.rendering.contact_sheets import plot_figure, rasterize

MAPS = ("viridis", "cividis", "magma", "inferno", "plasma")

_BAR = 26
_MARGIN = 24
_LABELS = 96
_LEAST_HEIGHT = 160


def apply_map(values: NDArray[np.floating], name: str, window: tuple[float, float]) -> ByteArray:
    """Return values as colors.

    Args:
        values: (H, W), in any unit.
        name: of `MAPS`.
        window: the values that the map begins and ends with; what lies beyond has its end's color.

    Returns:
        uint8 (H, W, 3) sRGB.

    Raises:
        DeepkoalError: there is no such map, or the window has no width.
    """
    import matplotlib

    if name not in MAPS:
        raise DeepkoalError(f"no map {name!r}; there are {', '.join(MAPS)}")
    low, high = window
    if not high > low:
        raise DeepkoalError(f"expected a window whose width is above 0, got {low:g} to {high:g}")
    shares = np.clip((values - low) / (high - low), 0, 1)
    colors = matplotlib.colormaps[name](shares)
    return np.asarray(np.rint(255 * colors[..., :3]), np.uint8)


def draw_legend(
    rgb: ByteArray, name: str, window: tuple[float, float], unit: str, notes: Sequence[str] = ()
) -> ByteArray:
    """Return a picture with a color bar to its right and notes below.

    Args:
        rgb: uint8 (H, W, 3), as `apply_map` returns it.
        name: of the map.
        window: likewise.
        unit: of the values, for the bar's label.
        notes: lines below.

    Returns:
        uint8 (H + …, W + …, 3): the picture's own pixels at the upper left, margins around.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    height, width = rgb.shape[:2]
    tall = max(height, _LEAST_HEIGHT) + _MARGIN + (18 * len(notes) + _MARGIN if notes else _MARGIN)
    wide = width + 3 * _MARGIN + _BAR + _LABELS
    with plot_figure(wide, tall) as figure:
        bottom = 1 - (_MARGIN + max(height, _LEAST_HEIGHT)) / tall
        place = ((width + 2 * _MARGIN) / wide, bottom, _BAR / wide, 1 - _MARGIN / tall - bottom)
        scale = ScalarMappable(Normalize(*window), name)
        figure.colorbar(scale, cax=figure.add_axes(place), label=unit)
        for number, note in enumerate(notes):
            figure.text(_MARGIN / wide, (18 * (len(notes) - number) - 6) / tall, note, fontsize=9)
        sheet = rasterize(figure).copy()
    sheet[_MARGIN : _MARGIN + height, _MARGIN : _MARGIN + width] = rgb
    return sheet
