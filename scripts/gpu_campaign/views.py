"""Crops of photos, zoomed and mirrored: drawn on the host, cut on the device."""

from __future__ import annotations

import numpy as np
from keras import ops

from deepkoal.color import Tensor

LEAST_ZOOM = 0.35
"""Side of the smallest crop over the photo's short side."""

MOST_ENLARGED = 0.55
"""Side of a crop over the side that is asked for, at least: no crop is enlarged more."""

STRETCH = 1.25
"""Ratio of a crop's sides over the true one, at most."""


def draw_views(rng: np.random.Generator, sizes: np.ndarray, size: int) -> np.ndarray:
    """Draw a crop of each photo: one of any scale, so that small faces and close-ups are both seen.

    Args:
        rng: of the draws.
        sizes: float (B, 2), height and width of the photos in pixels, as they were decoded.
        size: side of the crops in pixels, after scaling.

    Returns:
        float32 (B, 5): top, left, height and width as shares of the photo's height and width; and
        1 where the crop is to be mirrored, else 0.
    """
    short = sizes.min(axis=1)
    least = np.clip(MOST_ENLARGED * size / short, LEAST_ZOOM, 1)
    draws = rng.random((5, len(sizes)))
    side = least ** draws[0]  # even in the logarithm, from the least to the whole short side
    stretch = STRETCH ** (draws[1] - 0.5)
    height = np.minimum(1, side * stretch * short / sizes[:, 0])
    width = np.minimum(1, side / stretch * short / sizes[:, 1])
    top, left = draws[2] * (1 - height), draws[3] * (1 - width)
    return np.stack([top, left, height, width, draws[4] < 0.5], axis=1).astype("float32")


def cut_views(photos: Tensor, views: Tensor, size: int) -> Tensor:
    """Cut the crops and scale them, smoothing what gets smaller, as two matrix products.

    Args:
        photos: uint8 (B, S, S, 3), each squeezed to a square.
        views: float32 (B, 5), as `draw_views` has them.
        size: side of the result in pixels.

    Returns:
        rgb (B, size, size, 3), float32 in 0…255.
    """
    views = ops.convert_to_tensor(views)
    rows = _weigh(views[:, 0], views[:, 2], ops.zeros_like(views[:, 4]), photos.shape[1], size)
    columns = _weigh(views[:, 1], views[:, 3], views[:, 4], photos.shape[2], size)
    x = ops.einsum("byh,bhwc->bywc", rows, ops.cast(photos, "float32"))
    return ops.clip(ops.einsum("bxw,bywc->byxc", columns, x), 0, 255)


def _weigh(first: Tensor, length: Tensor, mirrored: Tensor, source: int, size: int) -> Tensor:
    """Return what each source pixel adds to each new one along an axis, (B, size, source).

    As much as it shares with the new pixel, which is taken as no narrower than an old one: the mean
    over an area where the photo gets smaller, bilinear where it gets larger. Beyond the photo's
    edge there is nothing, and the weights are scaled to a sum of 1.
    """
    place = (np.arange(size, dtype="float32") + 0.5) / size
    shares = ops.where(mirrored[:, None] > 0.5, 1 - place, place)
    centers = (first[:, None] + shares * length[:, None]) * source - 0.5
    width = ops.maximum(length * source / size, 1.0)[:, None, None]
    offsets = np.arange(source, dtype="float32") - centers[..., None]
    weights = ops.clip((width + 1) / 2 - ops.abs(offsets), 0, 1)
    return weights / ops.sum(weights, axis=-1, keepdims=True)
