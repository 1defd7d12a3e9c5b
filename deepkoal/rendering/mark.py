"""A visible mark on a result, for those who want one."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deepkoal.arrays import SampleArray

TEXT = "colorized"
HEIGHT = 0.025
"""Of the text, as a share of the photo's shorter side."""

_LEAST_HEIGHT = 9
_OPACITY = 0.75


def draw_mark(rgb: SampleArray) -> SampleArray:
    """Return a picture with `colorized` in its lower right corner, white with a dark rim.

    Args:
        rgb: uint8 or uint16 (H, W, 3).
    """
    height, width = rgb.shape[:2]
    size = max(_LEAST_HEIGHT, round(min(height, width) * HEIGHT))
    font = ImageFont.load_default(size)
    rim = max(1, size // 10)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(TEXT, stroke_width=rim))
    box = Image.new("L", (right - left, bottom - top))
    covers = box.copy()
    ImageDraw.Draw(box).text((-left, -top), TEXT, 255, font)
    ImageDraw.Draw(covers).text((-left, -top), TEXT, 255, font, stroke_width=rim)
    rows, columns = min(box.height, height), min(box.width, width)
    y, x = max(0, height - rows - size // 2), max(0, width - columns - size // 2)
    place = (slice(y, y + rows), slice(x, x + columns))
    ink = np.asarray(box, np.float32)[:rows, :columns, None] / 255
    share = np.asarray(covers, np.float32)[:rows, :columns, None] / 255 * _OPACITY
    marked = rgb.copy()
    top_level = np.iinfo(rgb.dtype).max
    marked[place] = np.rint(rgb[place] * (1 - share) + ink * top_level * share)
    return marked
