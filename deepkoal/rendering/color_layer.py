"""The color alone, as a layer to put over the photo in another program."""

from __future__ import annotations

import numpy as np

from deepkoal.arrays import SampleArray

_ROWS = 256  # at a time, so that a large photo is never held in floating point


def make_color_layer(before: SampleArray, after: SampleArray) -> tuple[SampleArray, SampleArray]:
    """Return the layer that turns a photo into its colored result, as transparent as can be.

    Put over the photo in normal mode it gives the result: α·layer + (1 − α)·before = after, within
    one level of the type for rounding. At each pixel α is the least for which the layer's color
    exists (GIMP's "color to alpha" with the photo's own grey as that color), so neutral places are
    fully transparent, and the layer's opacity acts as vibrance does. In the mode "color" programs
    keep luma instead of L, so that it gives the hues but not exactly the result.

    Args:
        before: uint8 or uint16 (H, W, 3), the photo.
        after: of the same type and shape, the photo colored.

    Returns:
        The layer's colors, (H, W, 3), and its opacity α, (H, W), both of that type.
    """
    top = np.iinfo(after.dtype).max
    rgb, alpha = np.empty_like(after), np.empty(after.shape[:2], after.dtype)
    for start in range(0, len(after), _ROWS):
        rows = slice(start, start + _ROWS)
        base = before[rows].astype(np.float64)
        change = after[rows] - base
        room = np.where(change > 0, top - base, base)
        needed = np.max(np.abs(change) / np.maximum(room, 1), axis=-1)
        levels = np.ceil(np.minimum(needed, 1) * top)  # up, so that the color stays within range
        share = np.maximum(levels, 1)[..., None] / top
        rgb[rows] = np.rint(np.clip(base + change / share, 0, top))
        alpha[rows] = levels
    return rgb, alpha
