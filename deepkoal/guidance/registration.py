"""A reference that is the same photo, laid over it: at another size, cropped, mirrored or turned.

For NumPy arrays: what is exported has no OpenCV, and finds everything by its features.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import ByteArray, FloatArray
from deepkoal.color import rgb_to_lab
from deepkoal.short_repr import short_repr

SIDE = 256
"""Longer side in pixels, at most, at which photos are laid over each other."""
KEYPOINTS = 1000
RATIO = 0.8
"""Distance of the likest keypoint, as a share of the second likest one's, that matches."""
LEAST_MATCHES = 6
ASPECT = 1.3
"""How much more one direction may be enlarged than the other: copies are stretched a little."""
WINDOW = 1 / 16
"""Side of the windows in which structure is compared, as a share of the photo's longer side."""
FLAT = 0.1
"""Deviation in a window, of that of all the photo, up to which nothing is there that can differ."""
PROMISING, SAME_PHOTO = 0.3, 0.5
"""Correlation of the structure from which a transform is refined, and from which both are the same
photo. Of 400 pairs of unrelated ones, without mounts, none had more than 0.10; of 34 photos'
copies, cut, turned or noisy, all had 0.7 or more where keypoints matched."""
SAME_PLACE = 0.5
"""Correlation of the structure in a window from which a place is the same one."""
MOSTLY = 0.76
"""Share of the places with structure that must be the same ones: of copies nearly all are. Faded
photos in mounts of one shape correlate by up to 0.9, but 0.73 of their places at most are."""


@short_repr
@dataclass(frozen=True, eq=False)
class Picture:
    """A small picture of a photo, of at most `SIDE` pixels a side.

    Attributes:
        l: float32 (H, W), its lightness in 0…100.
        ab: float32 (H, W, 2), its colors in CIE Lab units; None of a photo that is to be colored.
    """

    l: FloatArray
    ab: FloatArray | None = None

    @classmethod
    def of_photo(cls, rgb: ByteArray) -> Self:
        """Return the picture of a color photo, uint8 (H, W, 3)."""
        lab = rgb_to_lab(_shrink(rgb, _fit(*rgb.shape[:2])) / 255)
        return cls(*(np.ascontiguousarray(part) for part in (lab[..., 0], lab[..., 1:])))

    @classmethod
    def of_lightness(cls, l: FloatArray) -> Self:
        """Return the picture of lightness, float32 (H, W) in 0…100."""
        return cls(_shrink(l, _fit(*l.shape)))

    @functools.cached_property
    def keypoints(self) -> tuple[FloatArray, FloatArray]:
        """Where K of them lie, x and y (K, 2), and what each looks like (K, 128); see SIFT."""
        low, high = np.percentile(self.l, (0.5, 99.5))  # they are found by their contrast
        levels = np.clip((self.l - low) * (255 / max(high - low, 1)), 0, 255).astype(np.uint8)
        found, looks = cv2.SIFT.create(KEYPOINTS).detectAndCompute(levels, np.empty(0))
        places = np.array([each.pt for each in found], np.float32).reshape(-1, 2)
        return places, np.asarray(np.zeros((0, 128)) if looks is None else looks, np.float32)


def lay_over(
    photo: Picture, copy: Picture, size: tuple[int, int]
) -> tuple[FloatArray, NDArray[np.bool_]] | None:
    """Return the colors that another copy of a photo has at its places.

    The copy is stretched over all of it, or keypoints of both (SIFT: Lowe 2004) are matched and
    what most of them agree on is taken (RANSAC: Fischler and Bolles 1981), an affine transform. It
    is refined (ECC: Evangelidis and Psarakis 2008), and stands if the structure of what lies over
    each other correlates, and does so nearly everywhere.

    Args:
        photo: of its lightness.
        copy: in color.
        size: height and width of the grid of the photo's places.

    Returns:
        ab (height, width, 2) in CIE Lab units, and whether each place is shown, bool (height,
        width); None where these are not the same photo.
    """
    assert copy.ab is not None
    own, other = photo.l, copy.l
    for find in (_stretch, _match_keypoints):
        warp = find(photo, copy)
        if warp is None or _compare(own, other, warp)[0] < PROMISING:
            continue
        warp = _refine(own, other, warp)
        correlation, same, share = _compare(own, other, warp)
        if correlation >= SAME_PHOTO and share >= MOSTLY:
            ab, grid = _warp(copy.ab, warp, own.shape), size[::-1]
            return _shrink(ab, grid), _shrink(same.astype(np.float32), grid) > 0.99
    return None


def _shrink(x: FloatArray | ByteArray, size: tuple[int, int]) -> FloatArray:
    return np.asarray(cv2.resize(x, size, interpolation=cv2.INTER_AREA), np.float32)


def _fit(height: int, width: int) -> tuple[int, int]:
    """Return width and height of a photo, as OpenCV has them, at `SIDE` pixels at most."""
    scale = min(1.0, SIDE / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _stretch(photo: Picture, copy: Picture) -> FloatArray | None:
    """Return the transform (2, 3) from pixels of all of one photo to all of another."""
    down, across = np.divide(copy.l.shape, photo.l.shape)
    return _check(np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2]], np.float32))


def _match_keypoints(photo: Picture, copy: Picture) -> FloatArray | None:
    """Return the transform (2, 3) from pixels of one photo to another that keypoints agree on."""
    (begins, looks), (ends, other_looks) = photo.keypoints, copy.keypoints
    if min(len(begins), len(ends)) < LEAST_MATCHES:
        return None
    pairs = cv2.BFMatcher().knnMatch(looks, other_looks, k=2)
    good = [first for first, second in pairs if first.distance < RATIO * second.distance]
    if len(good) < LEAST_MATCHES:
        return None
    begins = begins[[match.queryIdx for match in good]]
    ends = ends[[match.trainIdx for match in good]]
    warp, agree = cv2.estimateAffine2D(begins, ends, method=cv2.RANSAC, ransacReprojThreshold=3)
    if warp is None or agree.sum() < LEAST_MATCHES:
        return None
    return _check(np.asarray(warp, np.float32))


def _check(warp: FloatArray) -> FloatArray | None:
    """Return a transform if it is one of a copy's: turned and enlarged, and stretched a little."""
    most, least = np.linalg.svd(warp[:, :2], compute_uv=False)
    return warp if 0 < most <= ASPECT * least else None


def _refine(own: FloatArray, other: FloatArray, warp: FloatArray) -> FloatArray:
    ending = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    try:
        found = cv2.findTransformECC(own, other, warp.copy(), cv2.MOTION_AFFINE, ending)[1]
    except cv2.error:  # it did not converge
        return warp
    refined = _check(np.asarray(found, np.float32))
    return warp if refined is None else refined


def _warp(
    x: FloatArray, warp: FloatArray, shape: tuple[int, int], outside: int = cv2.BORDER_REPLICATE
) -> FloatArray:
    """Return a picture at the pixels of a photo of this shape, its edge or `outside` beyond it."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(x, warp, shape[::-1], flags=how, borderMode=outside))


def _compare(
    own: FloatArray, other: FloatArray, warp: FloatArray
) -> tuple[float, NDArray[np.bool_], float]:
    """Return how far the structure of two photos correlates, and which pixels are the same.

    Besides, what share those are of the pixels where either has structure.
    """
    inside = _warp(np.ones_like(other), warp, own.shape, cv2.BORDER_CONSTANT) > 0.4
    if inside.mean() < WINDOW**2:
        return 0.0, inside, 0.0
    mask = inside.astype(np.float32)
    side = 2 * round(WINDOW * max(own.shape) / 2) + 1

    def average(x: FloatArray) -> FloatArray:
        return np.asarray(cv2.blur(x, (side, side), borderType=cv2.BORDER_CONSTANT), np.float32)

    def even_out(l: FloatArray) -> FloatArray:
        l = np.asarray(cv2.GaussianBlur(l, (0, 0), 1.5), np.float32)
        l = (l - l[inside].mean()) / max(l[inside].std(), 1e-3) * mask
        return np.asarray((l - average(l) / np.maximum(average(mask), 1e-3)) * mask, np.float32)

    one, two = even_out(own), even_out(_warp(other, warp, own.shape))
    together, first, second = (average(x) for x in (one * two, one * one, two * two))
    flat = FLAT**2 * average(mask)
    same = (2 * together + flat > SAME_PLACE * (first + second + flat)) & inside
    told = inside & (np.maximum(first, second) > flat)
    correlation = together.sum() / max(np.sqrt(first.sum() * second.sum()), 1e-6)
    return float(correlation), same, float(same[told].mean()) if told.any() else 0.0
