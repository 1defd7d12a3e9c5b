"""A part of a photo in all its pixels, for a screen that is zoomed in."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from deepkoal.arrays import ByteArray
from deepkoal.color import rgb_to_lab
from deepkoal.rendering.composition import compose_rgb, lightness

WINDOW_PIXELS = 6_000_000
"""Of a window, at most: more than screens have that a photo is looked at on."""

_MARGIN = 2  # pixels of the preview around the window, for interpolation


def draw_window(
    full: ByteArray,
    repaired: ByteArray,
    preview: ByteArray,
    box: tuple[int, int, int, int],
    scale: float,
    styled: ByteArray | None = None,
) -> tuple[ByteArray, ByteArray]:
    """Return a part of a photo as it was and colored.

    Lightness is that of the photo repaired, which may be the photo itself. Chroma is that of the
    preview, interpolated: eyes see it far less sharp than lightness, and a part of the full result
    would cost as much as all of it. So is what a style adds to lightness, whose texture is no finer
    than that.

    Args:
        full: uint8 (H, W, 3), the photo.
        repaired: the same, as its result is to be in lightness.
        preview: uint8 (h, w, 3), the whole photo colored, smaller.
        box: first row, first column, height and width of the part, in pixels of the photo.
        scale: pixels wanted for one of the photo, along a side, at most 1.
        styled: as `preview`, in a style; None for none.

    Returns:
        Two of uint8 (r, c, 3).
    """
    top, left, height, width = box
    scale = min(1.0, scale, (WINDOW_PIXELS / (height * width)) ** 0.5)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    parts = (photo[top : top + height, left : left + width] for photo in (full, repaired))
    before, after = (
        cast(ByteArray, cv2.resize(part, size, interpolation=cv2.INTER_AREA)) for part in parts
    )
    l = lightness(after)
    lab = _cut_lab(preview, box, full.shape[:2], size)
    if styled is not None:
        plain, lab = lab, _cut_lab(styled, box, full.shape[:2], size)
        l = np.clip(l + lab[..., 0] - plain[..., 0], 0, 100)
    return before, compose_rgb(l, lab[..., 1:])


def _cut_lab(
    preview: ByteArray,
    box: tuple[int, int, int, int],
    whole: tuple[int, ...],
    size: tuple[int, int],
) -> np.ndarray:
    """Return the Lab, float32 (r, c, 3), of a part of a preview, enlarged to `size`."""
    rows, columns = preview.shape[0] / whole[0], preview.shape[1] / whole[1]
    top, left, height, width = box
    first_row = max(0, int(top * rows) - _MARGIN)
    first_column = max(0, int(left * columns) - _MARGIN)
    end_row = int((top + height) * rows) + _MARGIN + 1
    end_column = int((left + width) * columns) + _MARGIN + 1
    cut = preview[first_row:end_row, first_column:end_column].astype(np.float32) / 255
    lab = np.asarray(rgb_to_lab(cut))
    # Half-pixel centers: pixel i of the window lies at (i + ½)·step + first of the photo.
    across = (np.arange(size[0]) + 0.5) * (width / size[0]) + left
    down = (np.arange(size[1]) + 0.5) * (height / size[1]) + top
    grid_x, grid_y = np.meshgrid(
        (across * columns - 0.5 - first_column).astype(np.float32),
        (down * rows - 0.5 - first_row).astype(np.float32),
    )
    return cv2.remap(lab, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
