"""A reference photo: like things take its colors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from deepkoal.affinity import FAINTEST, AffinityPoints, Kernel, square_distance
from deepkoal.arrays import ByteArray, FloatArray, Tensor, namespace
from deepkoal.color import rgb_to_lab
from deepkoal.errors import DeepkoalError, NoColorsError
from deepkoal.guidance.registration import Picture, lay_over
from deepkoal.rendering.resampling import resize
from deepkoal.short_repr import short_repr

REFERENCE_KERNEL = Kernel(features=(0.3,), lightness=(15.0,), position=(math.inf,), weights=(1.0,))
"""Narrower than for hints, of which there are few; `benchmarks/guidance.py` compares widths."""

DAMPING = 5e-4
"""Share of the reference photo that needs to be alike for half of its color to be taken over."""

DISAGREEMENT = 20.0
"""Deviation among the colors of what is alike, in ab units, at which half of their mean counts."""

SAME = 0.05
"""Exponent of the affinity within which places beside the likest one count as it does."""
BLUR = 0.5
"""By how much that grows with the exponent of the likest one."""
FOUND = 0.6
"""Exponent of the affinity at which a place is taken for the same thing again by 1/e."""

RELATED = 0.15
"""Share of a photo that its reference shows again at which half of what is merely like something
in it takes that color: of an unrelated photo, whose grass is grass too, little is taken."""

_COLORED = 5.0  # chroma above what a scanner or JPEG leaves in a grey photo
_ENOUGH = 1e-3
_FINER = 4
_ROWS = 256  # of the affinity at a time, so that they stay in a core's cache


@short_repr
@dataclass(frozen=True, eq=False)
class Reference:
    """A color photo whose colors others take, see `match_reference`.

    Attributes:
        points: K places, as the network sees them; their position does not count.
        ab: float32 (K, 2), their true ab in CIE Lab units, see `measure_ab`.
        pictures: of the photo, laid over what is another copy of it; none where all is found by
            its features.
    """

    points: AffinityPoints
    ab: Tensor
    pictures: tuple[Picture, ...] = field(default=(), repr=False)


def join_references(references: Sequence[Reference]) -> Reference:
    """Return several reference photos as one, in which each thing finds its like.

    Raises:
        DeepkoalError: there are none.
    """
    if not references:
        raise DeepkoalError("expected color photos as references, got none")
    if len(references) == 1:
        return references[0]
    ops = namespace(references[0].ab)

    def join(name: str) -> Tensor:
        return ops.concatenate([getattr(each.points, name) for each in references], axis=0)

    points = AffinityPoints(join("features"), join("l"), join("position"))
    ab = ops.concatenate([each.ab for each in references], axis=0)
    return Reference(points, ab, sum((each.pictures for each in references), ()))


def match_reference(
    points: AffinityPoints, reference: Reference, kernel: Kernel = REFERENCE_KERNEL
) -> tuple[Tensor, Tensor]:
    """Return the colors that like places have in another photo, and how far to trust them.

    A place with color ab takes ab + c · (m − ab), where m is the mean of the reference's ab
    weighted by affinity (Nadaraya 1964; Watson 1964), and c = s / (s + `DAMPING`) · d² / (d² + v):
    s is the mean affinity, v the variance about m of the colors it is made of and d
    `DISAGREEMENT`. So what has no counterpart in the reference, or several that disagree, keeps
    its color. Where the reference shows the very same thing, by an affinity next to 1, the mean is
    over the likest places alone; how much of the photo that is says whether the reference has to
    do with it at all, and c counts by f² / (f² + `RELATED`²) of that share f elsewhere.

    Args:
        points: N of them.
        reference: of K places.
        kernel: how alike two places are; of one part, whose weight is 1.

    Returns:
        m (N, 2) in CIE Lab units and c (N, 1) in 0…1.
    """
    return weigh_matches(list_matches(points, reference, kernel))


def match_photo(
    points: AffinityPoints, l: Tensor, size: tuple[int, int], reference: Reference
) -> tuple[Tensor, Tensor]:
    """Return `match_reference`, but of what the reference shows of this very photo its own colors.

    Other places find their like among those that are shown, seen at the photo's size, and in the
    reference.

    Args:
        points: of the photo, one for each cell of a grid.
        l: its lightness, (H, W) in 0…100; for a reference with pictures float32 in NumPy.
        size: height and width of the grid.
        reference: of K places.

    Returns:
        Colors (N, 2) in CIE Lab units and how far to trust them (N, 1) in 0…1.
    """
    if not reference.pictures:
        return match_reference(points, reference)
    photo = Picture.of_lightness(l)
    laid = [lay_over(photo, picture, size) for picture in reference.pictures]
    found = [each for each in laid if each is not None]
    if not found:
        return match_reference(points, reference)
    colors, shown = np.zeros((*size, 2), np.float32), np.zeros(size, bool)
    for ab, same in sorted(found, key=lambda each: -int(each[1].sum())):
        colors[same & ~shown] = ab[same & ~shown]
        shown |= same
    ab, known = colors.reshape(-1, 2), np.flatnonzero(shown)
    others = np.flatnonzero(~shown)
    sure = np.ones((len(ab), 1), np.float32)
    matches = np.concatenate([ab, sure, ab, sure, sure], axis=1)
    if len(others):
        own = Reference(points.take(known), ab[known])
        matches[others] = list_matches(points.take(others), join_references([own, reference]))
    return weigh_matches(matches)


def list_matches(
    points: AffinityPoints, reference: Reference, kernel: Kernel = REFERENCE_KERNEL
) -> Tensor:
    """Return what each place finds in another photo, whatever others find: see `match_reference`.

    Returns:
        (N, 7): the mean ab of all that is alike and its trust, the same of the likest alone, and
        whether that is the very same thing, 0…1.
    """
    ops, ab = namespace(reference.ab), reference.ab
    (width,), (width_l,) = kernel.features, kernel.lightness

    def scale(places: AffinityPoints) -> Tensor:
        parts = [places.features / width, places.l[:, None] / width_l]
        return ops.concatenate(parts, axis=-1) * 0.5**0.5

    own, others = scale(points), scale(reference.points)
    square = ops.sum(ab * ab, axis=-1, keepdims=True)
    colors = ops.concatenate([ab, square, ops.ones_like(square)], axis=-1)
    if ops is not np:
        return _match(own, others, colors)
    blocks = [_match(own[i : i + _ROWS], others, colors) for i in range(0, len(own), _ROWS)]
    return np.concatenate(blocks)


def weigh_matches(matches: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `match_reference` does of all that its N places found, see `list_matches`."""
    ops = namespace(matches)
    mean, alike, sharp = matches[:, :2], matches[:, 2:3], matches[:, 3:5]
    same, found = matches[:, 5:6], matches[:, 6:]
    again = ops.mean(found) ** 2
    other = (1 - found) * alike * (again / (again + RELATED**2))
    return (same * sharp + other * mean) / ops.maximum(same + other, 1e-12), same + other


def _match(own: Tensor, others: Tensor, colors: Tensor) -> Tensor:
    """Return `list_matches` of places (N, D) whose affinity is exp(−|Δ|²) to others (K, D).

    Args:
        own: the places.
        others: the reference's.
        colors: (K, 4), of these: ab, its square and 1.
    """
    ops = namespace(own)
    apart = square_distance(own, others)
    affinity = ops.matmul(ops.exp(-apart), colors)
    mean, variance = _average(affinity)
    alike = affinity[:, 3:] / ops.shape(others)[0]
    trust = alike / (alike + DAMPING) * _agree(variance)
    # The same thing again, which one of few places shows better than the mean of all that is like.
    least = ops.min(apart, axis=-1, keepdims=True)
    nearness = ops.maximum((least - apart) * (1 / (SAME + BLUR * least)), FAINTEST)
    sharp, variance = _average(ops.matmul(ops.exp(nearness), colors))
    found = ops.exp(-least / FOUND)
    parts = [mean, trust, sharp, found * _agree(variance), found]
    return ops.concatenate(parts, axis=-1)


def _average(sums: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean ab (N, 2) and its variance (N, 1) of weighted sums of ab, its square and 1."""
    ops = namespace(sums)
    means = sums[:, :3] / ops.maximum(sums[:, 3:], 1e-12)
    mean = means[:, :2]
    return mean, ops.maximum(means[:, 2:] - ops.sum(mean * mean, axis=-1, keepdims=True), 0.0)


def _agree(variance: Tensor) -> Tensor:
    return DISAGREEMENT**2 / (DISAGREEMENT**2 + variance)


def measure_ab(rgb: ByteArray, height: int, width: int) -> FloatArray:
    """Return a color photo's ab, averaged to a coarse grid.

    Args:
        rgb: uint8 (H, W, 3) sRGB.
        height: of the grid.
        width: likewise.

    Returns:
        float32 (height, width, 2) in CIE Lab units.

    Raises:
        DeepkoalError: the array is no color photo, or has no colors.
    """
    if (
        not isinstance(rgb, np.ndarray)
        or rgb.dtype != np.uint8
        or rgb.ndim != 3
        or rgb.shape[2] != 3
        or 0 in rgb.shape
    ):
        got = f"{rgb.dtype} {rgb.shape}" if isinstance(rgb, np.ndarray) else type(rgb).__name__
        raise DeepkoalError(
            f"expected a color photo as uint8 (H, W, 3), got {got}; deepkoal.read_image gives "
            "such an array"
        )
    # Averaged in two steps, so that a large photo is never held in floating point.
    rows, columns = min(rgb.shape[0], _FINER * height), min(rgb.shape[1], _FINER * width)
    small = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA)
    ab = np.ascontiguousarray(rgb_to_lab(small.astype(np.float32) / 255)[..., 1:])
    if np.mean(np.hypot(ab[..., 0], ab[..., 1]) > _COLORED) < _ENOUGH:
        raise NoColorsError(
            "expected a photo with colors to take them from, got one in shades of grey; "
            "choose a color photo"
        )
    return np.asarray(resize(ab, height, width))
