"""Carries coarse ab chroma to a photo's full size, so that colors stop at the edges of L.

The model is the guided filter's: around each place ab is a linear function of L. It is fitted on
the coarse grid and evaluated at full size, which makes it the fast guided filter (He and Sun 2015,
arXiv 1505.00996) with one change. The original smooths ab itself by two box means, on top of the
averaging that made it coarse; here only the slope is smoothed, and it adds what a coarse cell
cannot hold: ab = ab_coarse + slope * (L - L_coarse). So the prediction keeps its means, small
colored things stay colored, and where L is flat the result is plain bilinear interpolation.

Every step has an exact definition (area mean, bilinear with half-pixel centers, box mean over the
pixels inside the photo), so that another framework can repeat it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import namespace
from deepkoal.color import Tensor
from deepkoal.rendering import NETWORK_STRIDE as NETWORK_STRIDE

_OWN_STRIDES = {"koala": 8}


def find_stride(network: str) -> int:
    """Return what the sides of a network's input must be multiples of, in pixels.

    Photos are padded to it. `koala` takes multiples of 8, as working sizes are, so that its expert
    sees the whole photo and nothing else, as in training.

    Args:
        network: its name, such as `lite`.
    """
    return _OWN_STRIDES.get(network, NETWORK_STRIDE)


RADIUS = 1
"""Half side of the fitting window, in cells of the coarse chroma."""
EPSILON = 60.0
"""Variance of L between cells, in squared L units, at which the slope is halved. Less draws edges
of color harder and takes more texture and grain of L for color."""

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class ChromaField:
    """Chroma as a function of place and lightness: ab = slope * L + offset.

    Attributes:
        coefficients: float32 (h, w, 4) over the whole photo: slope of a, slope of b (ab units per
            L unit), offset of a, offset of b (ab units); between grid points they are bilinear.
    """

    coefficients: FloatArray

    def rows(self, l_rows: FloatArray, top: int, height: int) -> FloatArray:
        """Evaluates the field for some rows of a photo.

        Args:
            l_rows: float32 (r, W), the L of rows `top` to `top + r` of the photo, 0…100.
            top: the first row's index in the photo.
            height: the photo's height in pixels.

        Returns:
            float32 (r, W, 2), ab in CIE Lab units, not clipped.
        """
        count, width = l_rows.shape
        grid_height = self.coefficients.shape[0]
        first, _ = _between_rows(top, grid_height, height)
        last, _ = _between_rows(top + count - 1, grid_height, height)
        # Never the grid's last row alone: OpenCV rounds a single row otherwise.
        first = max(0, min(first, grid_height - 2))
        stretched = stretch_columns(self.coefficients[first : last + 2], width)
        planes = np.empty((count, 4, width), np.float32)
        interpolate_rows(stretched, first, grid_height, top, height, planes)
        ab = planes[:, :2] * l_rows[:, None] + planes[:, 2:]
        return np.ascontiguousarray(ab.transpose(0, 2, 1))


def fit_chroma(
    l_guide: FloatArray, ab: FloatArray, radius: int = RADIUS, epsilon: float = EPSILON
) -> ChromaField:
    """Fits ab = slope * L + offset around each coarse cell.

    The slope is cov(L, ab) / (var(L) + epsilon) over a square window, averaged over the same
    window: equations 5 and 8 of He, Sun and Tang, "Guided image filtering", 2013. The offset is
    ab - slope * L of the cell itself.

    Args:
        l_guide: float32 (h, w), the photo's L in 0…100 at any size; it is averaged to that of ab.
        ab: float32 (hs, ws, 2), coarse chroma of the whole photo in CIE Lab units.
        radius: the window reaches this many cells to each side of its center, at least 1.
        epsilon: in squared L units, see `EPSILON`.

    Returns:
        The field, with coefficients (hs, ws, 4).
    """
    height, width = ab.shape[:2]
    size = 2 * radius + 1, 2 * radius + 1
    inside = _box_sum(np.ones((height, width), np.float32), size)

    def mean(plane: FloatArray) -> FloatArray:
        return _box_sum(plane, size) / inside

    l_coarse = resize_for_network(l_guide, height, width)
    l_mean = mean(l_coarse)
    variance = np.maximum(mean(np.square(l_coarse)) - np.square(l_mean), 0)
    coefficients = np.empty((height, width, 4), np.float32)
    for channel in range(2):
        chroma = np.ascontiguousarray(ab[..., channel])
        covariance = mean(l_coarse * chroma) - l_mean * mean(chroma)
        slope = mean(np.divide(covariance, variance + epsilon, dtype=np.float32))
        coefficients[..., channel] = slope
        coefficients[..., 2 + channel] = chroma - slope * l_coarse
    return ChromaField(coefficients)


def touch_chroma(
    field: ChromaField, l_guide: FloatArray, x: float, y: float, ab: NDArray[np.float32]
) -> ChromaField:
    """Bends a field so that it gives just this ab at one place, and the same two cells away.

    Args:
        field: see `fit_chroma`.
        l_guide: float32 (h, w), the photo's L in 0…100.
        x: from the photo's left edge, in pixels.
        y: from its upper edge.
        ab: float32 (2,), in CIE Lab units.

    Returns:
        A new field.
    """
    height, width = l_guide.shape
    row, column = min(int(y), height - 1), min(int(x), width - 1)
    place = (row + 0.5) / height, (column + 0.5) / width
    bent = bend_chroma(field.coefficients, place, l_guide[row, column], ab)
    return ChromaField(np.asarray(bent, np.float32))


def bend_chroma(
    coefficients: Tensor, place: tuple[Any, Any], l: Tensor | float, ab: Tensor
) -> Tensor:
    """Bends coefficients so that they give just this ab at one place, and the same elsewhere.

    It is the least change of the four cells around the place that their interpolation turns into
    what is missing. Written once for NumPy arrays and backend tensors.

    Args:
        coefficients: (h, w, 4), see `ChromaField`.
        place: how far down and how far right it lies, as shares of the photo, 0…1.
        l: lightness there, 0…100.
        ab: (2,), in CIE Lab units.

    Returns:
        (h, w, 4).
    """
    ops = namespace(coefficients)

    def weigh(share: Any, line: Tensor) -> Tensor:
        """Return each cell's part in the interpolation, (n,), along one side."""
        cells = ops.cumsum(ops.ones_like(line)) - 1
        center = ops.clip(share * (cells[-1] + 1) - 0.5, 0, cells[-1])
        return ops.maximum(1 - ops.abs(cells - center), 0)

    down, right = place
    across = weigh(down, coefficients[:, 0, 0]), weigh(right, coefficients[0, :, 0])
    shares = (across[0][:, None] * across[1])[..., None]
    here = ops.sum(shares * coefficients, axis=(0, 1))
    change = shares / ops.sum(shares * shares) * (ab - (here[:2] * l + here[2:]))
    return ops.concatenate([coefficients[..., :2], coefficients[..., 2:] + change], axis=-1)


def resize_for_network(x: FloatArray, height: int, width: int) -> FloatArray:
    """Resizes by area average along a side that shrinks, bilinearly along one that grows.

    Args:
        x: float32 (H, W) or (H, W, C).
        height: the new height in pixels.
        width: the new width in pixels.

    Returns:
        float32 (height, width) or (height, width, C).
    """
    y = _average_rows(x, height) if height < x.shape[0] else x
    if width < x.shape[1]:
        y = cast(FloatArray, cv2.resize(y, (width, y.shape[0]), interpolation=cv2.INTER_AREA))
    return _bilinear(y, height, width).reshape(height, width, *x.shape[2:])


def stretch_columns(grid: FloatArray, width: int) -> FloatArray:
    """Interpolates a grid of C channels along its rows only, and parts the channels.

    Args:
        grid: float32 (h, w, C), C at most 4.
        width: the photo's width in pixels.

    Returns:
        float32 (h, C, width).
    """
    return np.ascontiguousarray(_bilinear(grid, grid.shape[0], width).transpose(0, 2, 1))


def interpolate_rows(
    stretched: FloatArray, first: int, grid_height: int, top: int, height: int, out: FloatArray
) -> None:
    """Interpolates stretched grid rows down to a photo's rows (half-pixel centers).

    Args:
        stretched: float32 (k, C, W) from `stretch_columns`, grid rows `first` to `first + k`.
        first: the first of these rows' index in the grid.
        grid_height: rows of the whole grid.
        top: the index in the photo of the first row wanted.
        height: the photo's height in pixels.
        out: float32 (r, C, W), filled with the photo's rows `top` to `top + r`.
    """
    for i, row in enumerate(out):
        above, weight = _between_rows(top + i, grid_height, height)
        upper = stretched[above - first]
        lower = stretched[min(above + 1, grid_height - 1) - first]
        cv2.addWeighted(upper, 1 - weight, lower, weight, 0, dst=row)


def _between_rows(row: int, grid_height: int, height: int) -> tuple[int, float]:
    """Returns the grid row at or above the center of a photo's row, and the next one's weight."""
    center = (row + 0.5) * grid_height / height - 0.5
    center = min(max(center, 0.0), grid_height - 1.0)
    return int(center), center - int(center)


def _bilinear(x: FloatArray, height: int, width: int) -> FloatArray:
    if x.shape[:2] == (height, width):
        return x
    return cast(FloatArray, cv2.resize(x, (width, height), interpolation=cv2.INTER_LINEAR))


def _average_rows(x: FloatArray, height: int) -> FloatArray:
    """Averages a photo's rows down to `height`; on a large photo several times OpenCV's speed."""
    edges = np.arange(height + 1) * (x.shape[0] / height)
    out = np.empty((height, *x.shape[1:]), np.float32)
    for row, top, bottom in zip(out, edges[:-1], edges[1:], strict=True):
        covered = np.arange(int(top), min(math.ceil(bottom), x.shape[0]))
        share = np.minimum(covered + 1, bottom) - np.maximum(covered, top)
        weights = (share / share.sum()).astype(np.float32)
        np.dot(weights, x[covered[0] : covered[-1] + 1].reshape(len(covered), -1), row.reshape(-1))
    return out


def _box_sum(plane: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Sums a window of (width, height) pixels around each pixel; outside the photo lie zeros."""
    outside = cv2.BORDER_CONSTANT
    return cast(FloatArray, cv2.boxFilter(plane, -1, size, normalize=False, borderType=outside))
