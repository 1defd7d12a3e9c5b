"""Cleans coarse chroma: no blotches, halos or casts, no tinted greys, and cloth as cloth is.

Each step but the last goes as far as the network doubts: what it is sure of keeps its color.
Written once for NumPy arrays and backend tensors, so that the Colorizer and an exported graph
share it.
"""

from __future__ import annotations

from deepkoal.arrays import Tensor, namespace
from deepkoal.chroma_cleanup.doubted_colors import (
    GUESSED,
    brown_reds,
    calm_skin,
    fade_blacks,
    fade_purples,
    smooth_step,
    warm_pinks,
)
from deepkoal.chroma_cleanup.smoothing import domain_transform, non_local_means
from deepkoal.traced_once import traced_once

MUTED = 40.0
"""Chroma at which a place counts, and gives way, half as much as a grey one to a cast."""

CAST = 1.5
"""Share of a cast that is taken back where doubt is complete, `MOST_CAST` at most: what is doubted
everywhere in like manner is the network's habit, not the photo's."""

MOST_CAST = 0.6
"""The most of a cast that is taken back: more leaves groups of faces grey, and less leaves more
photos of one hue (25 % of everyday ones are; 13 % of the true ones)."""

TINT = 1.5
"""Chroma that is halved where doubt is complete."""

_DOUBTED = 1.5  # share of these steps where doubt is complete, 1 at most


@traced_once
def cleanup(
    ab: Tensor, features: Tensor, l: Tensor, doubt: Tensor, vibrance: Tensor | float = 1.0
) -> Tensor:
    """Return the chroma that a network predicted, cleaned by all nine steps.

    Args:
        ab: (..., h, w, 2), in CIE Lab units, at the vibrance it will be shown with: one or more
            versions of a photo.
        features: (h, w, F), what the network says about the same places.
        l: (h, w), their lightness in 0…100.
        doubt: (h, w) in 0…1, the normalized entropy of the network's distribution.
        vibrance: that one: a number, or of a shape that broadcasts with (..., h, w, 1).

    Returns:
        (..., h, w, 2), in CIE Lab units.
    """
    ab = non_local_means(ab, features, l, doubt)
    share = namespace(ab).minimum(_DOUBTED * doubt, 1.0)
    ab = domain_transform(ab, l, share)
    ab = grey_world(ab, namespace(ab).minimum(CAST * doubt, MOST_CAST))
    ab = shrink_chroma(ab, TINT * doubt)
    ab = fade_purples(warm_pinks(fade_blacks(ab, l, share), share), share)
    ab = brown_reds(ab, smooth_step(doubt, GUESSED))
    return calm_skin(ab, l, doubt, vibrance)


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
