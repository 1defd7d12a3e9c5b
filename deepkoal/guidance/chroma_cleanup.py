"""Cleans coarse chroma: no blotches, casts or tinted greys and blacks, and cloth as cloth is.

Each step goes as far as the network doubts: what it is sure of keeps its color. Written once for
NumPy arrays and backend tensors, so that the Colorizer and an exported graph share it.
"""

from __future__ import annotations

import math

from deepkoal.arrays import Tensor, constant, namespace
from deepkoal.guidance.affinity import Kernel, make_affinity_points
from deepkoal.rendering.resampling import fit_grid, resize
from deepkoal.traced_once import traced_once

ALIKE = Kernel(features=(0.15,), lightness=(8.0,), position=(0.3,), weights=(1.0,))
"""Which places should have one color; for features of unit length, as `REFERENCE_KERNEL`."""

MUTED = 40.0
"""Chroma at which a place counts, and gives way, half as much as a grey one to a cast."""

CAST = 1.5
"""Share of a cast that is taken back where doubt is complete, `MOST_CAST` at most: what is doubted
everywhere in like manner is the network's habit, not the photo's."""

MOST_CAST = 0.6
"""The most of a cast that is taken back: more leaves groups of faces grey, and less leaves more
photos of one hue (23.5 % of everyday ones are; 13 % of the true ones)."""

COMPARED = 12
"""Side of the grid, of a square photo, whose places `non_local_means` compares all others to."""

TINT = 1.5
"""Chroma that is halved where doubt is complete."""

BLACK = (-5.0, 30.0)
"""L at which doubted chroma would be nothing, and from which it is whole: the mean of navy, brown
and black cloth is a purple that none of them has, and what goes of a cast leaves more of it."""

PINK = 5.0
"""Hue in degrees, of ab, of what is red, skin or brown in truth: a cast that is taken back takes
more yellow than red. True b is higher by up to 9 there."""

COLORED = (8.0, 16.0)
"""Chroma up to which pinks stay, and from which they turn wholly."""

PURPLE = 335.0
"""Hue in degrees, of ab, that is doubted most: the mean of navy, brown and red cloth, and what a
cast leaves of a grey. Of such places in true photos 15 % are purple, 21 % grey, 32 % warm, 23 %
blue."""

FAINT = (15.0, 45.0)
"""Chroma up to which a doubted purple gives way wholly, and from which it stays."""

RED = 15.0
"""Hue in degrees, of ab, of what is a guess where much doubted: coats are brown, suits dark."""

GUESSED = (0.65, 0.8)
"""Doubt up to which reds stay, and from which they turn wholly. Half of all places have 0.6."""

_KEPT_BLUE = 0.7  # of a doubted purple: navy and slate are what cloth is, and grey all over is not
_BROWN = (0.4, 0.2)  # of a guessed red's a and b, taken away: more costs what is red in truth
_WARMED = 0.45  # of a pink's chroma, added to its b
_DOUBTED = 1.5  # share of these steps where doubt is complete, 1 at most


@traced_once
def cleanup(ab: Tensor, features: Tensor, l: Tensor, doubt: Tensor) -> Tensor:
    """Return the chroma that a network predicted, cleaned by all seven steps.

    Args:
        ab: (..., h, w, 2), in CIE Lab units, at the vibrance it will be shown with: one or more
            versions of a photo.
        features: (h, w, F), what the network says about the same places.
        l: (h, w), their lightness in 0…100.
        doubt: (h, w) in 0…1, the normalized entropy of the network's distribution.

    Returns:
        (..., h, w, 2), in CIE Lab units.
    """
    ab = non_local_means(ab, features, l, doubt)
    ab = grey_world(ab, namespace(ab).minimum(CAST * doubt, MOST_CAST))
    ab = shrink_chroma(ab, TINT * doubt)
    share = namespace(ab).minimum(_DOUBTED * doubt, 1.0)
    ab = fade_purples(warm_pinks(fade_blacks(ab, l, share), share), share)
    return brown_reds(ab, _step(doubt, GUESSED))


def non_local_means(ab: Tensor, features: Tensor, l: Tensor, share: Tensor) -> Tensor:
    """Pull each place toward the mean color of places like it, so that blotches vanish.

    ab + share · (m − ab), where m is the mean of ab weighted by affinity, as in non-local means
    (Buades, Coll and Morel 2005), over the photo on a grid of about `COMPARED` squared places.

    Args:
        ab: (..., h, w, 2).
        features: (h, w, F).
        l: (h, w), lightness in 0…100.
        share: (h, w) in 0…1, how far each place is pulled.

    Returns:
        (..., h, w, 2).
    """
    ops = namespace(ab)
    grid = fit_grid(l, COMPARED)
    others = make_affinity_points(resize(features, *grid), resize(l, *grid))
    affinity = ALIKE.compare(make_affinity_points(features, l), others)
    size = ops.shape(ab)
    mean = ops.matmul(affinity, ops.reshape(resize(ab, *grid), (*size[:-3], -1, 2)))
    mean = mean / ops.maximum(ops.sum(affinity, axis=-1, keepdims=True), 1e-12)
    mean = ops.reshape(mean, size)
    return ab + share[..., None] * (mean - ab)


def grey_world(ab: Tensor, share: Tensor) -> Tensor:
    """Take back the color that lies over a whole photo: a grey world (Buchsbaum 1980), in part.

    ab − share · w · c, where w = M² / (M² + |ab|²) with M = `MUTED`, and the cast c is the mean of
    ab weighted by w. So muted places tell the cast and give way to it; a blue sea keeps its blue.

    Args:
        ab: (..., h, w, 2).
        share: (h, w), how much of the cast each place gives up.

    Returns:
        (..., h, w, 2).
    """
    ops = namespace(ab)
    weight = MUTED**2 / (MUTED**2 + ops.sum(ab * ab, axis=-1, keepdims=True))
    tint = ops.sum(weight * ab, axis=(-3, -2), keepdims=True)
    tint = tint / ops.sum(weight, axis=(-3, -2), keepdims=True)
    return ab - share[..., None] * weight * tint


def shrink_chroma(ab: Tensor, threshold: Tensor) -> Tensor:
    """Make what is nearly neutral more so: ab · |ab|² / (|ab|² + threshold²).

    Args:
        ab: (..., h, w, 2).
        threshold: (h, w), the chroma that is halved; four times of it loses 6 %.

    Returns:
        (..., h, w, 2).
    """
    ops = namespace(ab)
    square = ops.sum(ab * ab, axis=-1, keepdims=True)
    return ab * square / ops.maximum(square + threshold[..., None] ** 2, 1e-12)


def fade_blacks(ab: Tensor, l: Tensor, share: Tensor) -> Tensor:
    """Make what is dark less colorful: ab · (1 − share · (1 − s)), s a smooth step over `BLACK`.

    Args:
        ab: (..., h, w, 2).
        l: (h, w), lightness in 0…100.
        share: (h, w) in 0…1, how far each place fades.

    Returns:
        (..., h, w, 2).
    """
    return ab * (1 - share * (1 - _step(l, BLACK)))[..., None]


def warm_pinks(ab: Tensor, share: Tensor) -> Tensor:
    """Turn pinks toward red and brown: b + 0.45 k · |ab|.

    k = share · cos⁶ of the angle between the hue and `PINK`, 0 from a right angle on, and rises
    from 0 over `COLORED`.

    Args:
        ab: (..., h, w, 2).
        share: (h, w) in 0…1, how far each place turns.

    Returns:
        (..., h, w, 2).
    """
    chroma, cosine = _compare_hue(ab, PINK)
    added = _WARMED * share[..., None] * cosine**6 * _step(chroma, COLORED) * chroma
    return ab + added * constant([0.0, 1.0], ab)


def fade_purples(ab: Tensor, share: Tensor) -> Tensor:
    """Take the red out of faint purples, and some of the blue: mauve coats become slate or grey.

    a · (1 − k) and b · (1 − 0.3 k), where k = share · cos⁴ of the angle between the hue and
    `PURPLE`, 0 from a right angle on, and falls to 0 over `FAINT`.

    Args:
        ab: (..., h, w, 2).
        share: (h, w) in 0…1, how far each place fades.

    Returns:
        (..., h, w, 2).
    """
    chroma, cosine = _compare_hue(ab, PURPLE)
    fading = share[..., None] * cosine**4 * (1 - _step(chroma, FAINT))
    return ab * (1 - fading * constant([1.0, 1 - _KEPT_BLUE], ab))


def brown_reds(ab: Tensor, share: Tensor) -> Tensor:
    """Turn reds toward brown: a · (1 − 0.4 k) and b · (1 − 0.2 k).

    k = share · cos⁶ of the angle between the hue and `RED`, 0 from a right angle on.

    Args:
        ab: (..., h, w, 2).
        share: (h, w) in 0…1, how far each place turns.

    Returns:
        (..., h, w, 2).
    """
    _, cosine = _compare_hue(ab, RED)
    return ab * (1 - share[..., None] * cosine**6 * constant(_BROWN, ab))


def _compare_hue(ab: Tensor, degrees: float) -> tuple[Tensor, Tensor]:
    """Return chroma, and the cosine of the angle to a hue, 0 from a right angle on: (..., 1)."""
    ops = namespace(ab)
    chroma = ops.sqrt(ops.sum(ab * ab, axis=-1, keepdims=True))
    hue = constant([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))], ab)
    along = ops.sum(ab * hue, axis=-1, keepdims=True)
    return chroma, ops.maximum(along, 0.0) / ops.maximum(chroma, 1e-6)


def _step(x: Tensor, ends: tuple[float, float]) -> Tensor:
    """Return a smooth step: 0 up to the first end, 1 from the second on."""
    low, high = ends
    share = namespace(x).clip((x - low) / (high - low), 0.0, 1.0)
    return share * share * (3 - 2 * share)
