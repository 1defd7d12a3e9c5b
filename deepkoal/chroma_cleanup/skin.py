"""Skin is skin-colored: grey hands beside a colored face are what people see first.

A network's features tell skin better than the colors that it guesses: a hand might be gloved, and
the mean of skin and cloth is pale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from deepkoal.arrays import Tensor, constant, namespace
from deepkoal.chroma_cleanup.doubted_colors import smooth_step
from deepkoal.chroma_cleanup.smoothing import domain_transform

SURE = (0.0, 2.0)
"""Logarithms of the odds of skin up to which colors stay, and from which they turn wholly."""

HAND, FOLD = 0.06, 25.0
"""`reach` and `edge` of `domain_transform`, by which odds are evened out."""

MOST_ODDS = 6.0
"""What no single place may exceed when odds are evened out."""

HUE = 52.0
"""Hue in degrees, of ab, that skin has: the median of photos of people, within 3° at any L."""

CHROMA = 15.0
"""Chroma that skin has at least at vibrance 1, where it is neither dark nor light. True skin has 22
in the median, and what is shown at vibrance 1 has 0.7 of true colorfulness."""

DARK, LIGHT = (5.0, 35.0), (60.0, 90.0)
"""L from where on this chroma rises and has risen, falls and has fallen."""

_LIT = 0.3  # share of the chroma that the lightest skin has
_TURNED = 0.5  # share that goes of what departs from the hue: brick-red and greenish faces


def tell_skin(features: Tensor, l: Tensor, probe: Sequence[float]) -> Tensor:
    """Return the logarithm of the odds that places are skin, evened out up to edges of lightness.

    So gaps in a hand close, and a fold of a coat that is like skin is coat.

    Args:
        features: (h, w, F), a network's.
        l: (h, w), lightness in 0…100.
        probe: F weights and an offset, see `training.skin_learning`.

    Returns:
        (h, w).
    """
    ops = namespace(features)
    odds = ops.clip(weigh_features(features, probe), -MOST_ODDS, MOST_ODDS)
    evened = domain_transform(odds[..., None], l, ops.ones_like(l), reach=HAND, edge=FOLD)
    return evened[..., 0]


def weigh_features(features: Tensor, probe: Sequence[float]) -> Tensor:
    """Return the logarithm of the odds of skin, (...), of features alone, (..., F)."""
    *weights, offset = probe
    return namespace(features).sum(features * constant(weights, features), axis=-1) + offset


def color_skin(ab: Tensor, odds: Tensor, l: Tensor, vibrance: Tensor | float) -> Tensor:
    """Give pale skin the least chroma that skin has, and bring its hue nearer.

    ab + k · ((max(c, ab·e) − ab·e) e − ½ (ab·n) n), where k rises from 0 to 1 as skin becomes sure,
    e points to the hue of skin, n across, and c is the least chroma.

    Args:
        ab: (..., h, w, 2), in CIE Lab units.
        odds: (h, w), see `tell_skin`.
        l: (h, w), lightness in 0…100.
        vibrance: that ab is shown with; must broadcast with (..., h, w, 1).

    Returns:
        (..., h, w, 2).
    """
    ops = namespace(ab)
    cosine, sine = math.cos(math.radians(HUE)), math.sin(math.radians(HUE))
    hue, across = constant([cosine, sine], ab), constant([-sine, cosine], ab)
    least = CHROMA * smooth_step(l, DARK) * (1 - (1 - _LIT) * smooth_step(l, LIGHT))
    along = ops.sum(ab * hue, axis=-1, keepdims=True)
    missing = ops.maximum(vibrance * least[..., None] - along, 0.0)
    other = ops.sum(ab * across, axis=-1, keepdims=True)
    return ab + smooth_step(odds, SURE)[..., None] * (missing * hue - _TURNED * other * across)
