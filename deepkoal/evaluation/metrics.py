"""The figures of the evaluation protocol that compare finished photos, in NumPy.

Photos are uint8 0…255, or floating point 0…1, sRGB, (H, W, 3).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.feature import canny
from skimage.metrics import structural_similarity

from deepkoal.arrays import ByteArray, FloatArray
from deepkoal.errors import DeepkoalError

Photo = NDArray[Any]

NEAR_GREY = 3.0
"""Mean of max(RGB) - min(RGB), of 255, below which a photo counts as grey."""
EDGE_SIGMA = 1.5
"""Of the Gaussian, in pixels, that lightness is smoothed by before its edges are looked for."""
EDGE_THRESHOLDS = (0.1, 0.2)
"""Canny's low and high threshold on the Sobel magnitude of lightness in 0…1; a clean step of about
9 units of L passes the high one."""
EDGE_REACH = 3.0
"""Distance in pixels up to which a change of color belongs to an edge of lightness."""


def psnr(rgb: Photo, truth: Photo) -> float:
    """Return the peak signal-to-noise ratio over RGB in 0…1: 10·log10(1 / MSE), in dB.

    Args:
        rgb: uint8 or floating point (H, W, 3).
        truth: the true photo, of the same shape.

    Returns:
        dB; infinity for equal photos.

    Raises:
        DeepkoalError: the shapes differ.
    """
    x, y = _unit_pair(rgb, truth)
    error = float(np.mean((x - y) ** 2))
    return -10 * float(np.log10(error)) if error > 0 else float("inf")


def colorfulness(rgb: Photo) -> float:
    """Return the colorfulness M3 of Hasler and Süsstrunk 2003, with signed opponent channels.

    With rg = R - G and yb = (R + G) / 2 - B on 0…255:
    sqrt(var(rg) + var(yb)) + 0.3 · sqrt(mean(rg)² + mean(yb)²). Some published figures take the
    opponents' absolute values and are not comparable.

    Args:
        rgb: uint8 or floating point (H, W, 3).

    Returns:
        0 for a grey photo; about 38 for an average photograph.
    """
    red, green, blue = np.moveaxis(255 * _unit(rgb), -1, 0)
    red_green = red - green
    yellow_blue = (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))


def ciede2000(rgb: Photo, truth: Photo) -> float:
    """Return the mean CIEDE2000 color difference per pixel (D65).

    Args:
        rgb: uint8 or floating point (H, W, 3).
        truth: the true photo, of the same shape.

    Returns:
        0 for equal photos; 1 is about a just noticeable difference.

    Raises:
        DeepkoalError: the shapes differ.
    """
    x, y = _unit_pair(rgb, truth)
    difference = deltaE_ciede2000(rgb2lab(y), rgb2lab(x))  # type: ignore[no-untyped-call]
    return float(np.mean(difference))


def ssim(rgb: Photo, truth: Photo) -> float:
    """Return the structural similarity (Wang et al. 2004), the mean over R, G and B.

    As its authors computed it: a Gaussian window of sigma 1.5, population covariance, on 0…1.

    Args:
        rgb: uint8 or floating point (H, W, 3), both sides at least 11 pixels.
        truth: the true photo, of the same shape.

    Returns:
        At most 1, for equal photos.

    Raises:
        DeepkoalError: the shapes differ.
    """
    x, y = _unit_pair(rgb, truth)
    similarity = structural_similarity(  # type: ignore[no-untyped-call]
        x,
        y,
        channel_axis=-1,
        data_range=1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(similarity)


def rgb_to_ab(rgb: Photo) -> FloatArray:
    """Return a photo's chroma, float32 (H, W, 2) in CIE Lab units (D65).

    Args:
        rgb: uint8 or floating point (H, W, 3).
    """
    ab = rgb2lab(_unit(rgb).astype(np.float32))[..., 1:]
    return np.ascontiguousarray(ab, np.float32)


def average_to_grid(x: FloatArray, side: int) -> FloatArray:
    """Return means over areas, float32 (side, side, C).

    Args:
        x: float32 (H, W, C), both sides at least `side`.
        side: of the grid, in cells.
    """
    return np.asarray(cv2.resize(x, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def ab_error(ab: FloatArray, truth: FloatArray) -> FloatArray:
    """Return the Euclidean distance in the ab plane at each pixel, float32 (H, W).

    Args:
        ab: float32 (H, W, 2) in CIE Lab units.
        truth: likewise.
    """
    return np.asarray(cv2.magnitude(*cv2.split(ab - truth)), np.float32)


def away_from_edges(l: FloatArray) -> NDArray[np.bool_]:
    """Return which pixels lie more than `EDGE_REACH` from any edge of lightness (Canny 1986).

    Args:
        l: float32 (H, W) in 0…100.

    Returns:
        bool (H, W).
    """
    low, high = EDGE_THRESHOLDS
    edges = canny(l / 100, EDGE_SIGMA, low, high)  # type: ignore[no-untyped-call]
    if not edges.any():
        return np.ones(l.shape, bool)
    free = np.where(edges, 0, 255).astype(np.uint8)
    distance = cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance > EDGE_REACH)


def stray_share(ab: FloatArray, away: NDArray[np.bool_]) -> float:
    """Return the share of chroma's gradient energy that lies where lightness has no edge.

    Energy is |∇a|² + |∇b|², by central differences.

    Args:
        ab: float32 (H, W, 2) in CIE Lab units.
        away: bool (H, W) from `away_from_edges`.

    Returns:
        0…1; 0 where chroma is the same everywhere.
    """
    energy = sum(np.square(slope).sum(axis=-1) for slope in np.gradient(ab, axis=(0, 1)))
    total = float(np.sum(energy, dtype=np.float64))
    return float(np.sum(energy[away], dtype=np.float64)) / total if total > 0 else 0.0


def is_near_grey(rgb: Photo) -> bool:
    """Return whether a photo has too little color to measure colors by.

    Args:
        rgb: uint8 or floating point (H, W, 3).

    Returns:
        Whether the mean over pixels of max(RGB) - min(RGB) is below `NEAR_GREY` of 255.
    """
    return bool(255 * np.ptp(_unit(rgb), axis=-1).mean() < NEAR_GREY)


def center_square(rgb: ByteArray, size: int = 256) -> ByteArray:
    """Return a photo as the protocol has it: short side resized, then the center cropped.

    Args:
        rgb: uint8 (H, W, 3).
        size: the square's side in pixels.

    Returns:
        uint8 (size, size, 3). A photo that shrinks is averaged over areas, which antialiases; one
        that grows is interpolated cubically.
    """
    height, width = rgb.shape[:2]
    scale = size / min(height, width)
    resized = max(size, round(width * scale)), max(size, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    photo = rgb if scale == 1 else cv2.resize(rgb, resized, interpolation=how)
    left, top = (photo.shape[1] - size) // 2, (photo.shape[0] - size) // 2
    return np.ascontiguousarray(photo[top : top + size, left : left + size], np.uint8)


def _unit(rgb: Photo) -> NDArray[np.float64]:
    return rgb / 255 if rgb.dtype == np.uint8 else rgb.astype(np.float64)


def _unit_pair(rgb: Photo, truth: Photo) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if rgb.shape != truth.shape:
        raise DeepkoalError(
            f"expected two photos of the same shape, got {rgb.shape} and {truth.shape}; "
            "resize or crop one of them"
        )
    return _unit(rgb), _unit(truth)
