"""What is known to be off: blacks lose color, pinks turn red, mauve slate, reds brown, skin calms.

Steps of `chroma_cleanup`, each for one kind of color of which a network's guess is known to be off.
"""

from __future__ import annotations

import math

from deepkoal.arrays import Tensor, constant, namespace

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

SKIN = 45.0
"""Hue in degrees, of ab, of skin that comes out brick-red or orange."""

CALM = 19.0
"""Chroma that skin has at most at vibrance 1, nearly: true skin has 22 in the median, and what is
shown at vibrance 1 is 0.7 as colorful as the truth."""

LIT = (35.0, 60.0)
"""L up to which such colors stay, brown cloth, wood and brick among them, and from which they are
calmed wholly."""

SURE = (0.6, 0.75)
"""Doubt up to which they are, and from which they stay: a network is surer of faces."""

_KEPT_BLUE = 0.7  # of a doubted purple: navy and slate are what cloth is, and grey all over is not
_BROWN = (0.4, 0.2)  # of a guessed red's a and b, taken away: more costs what is red in truth
_CALMED = 0.4  # of what exceeds `CALM`
_WARMED = 0.45  # of a pink's chroma, added to its b


def fade_blacks(ab: Tensor, l: Tensor, share: Tensor) -> Tensor:
    """Make what is dark less colorful: ab · (1 − share · (1 − s)), s a smooth step over `BLACK`.

    Args:
        ab: (..., h, w, 2).
        l: (h, w), lightness in 0…100.
        share: (h, w) in 0…1, how far each place fades.

    Returns:
        (..., h, w, 2).
    """
    return ab * (1 - share * (1 - smooth_step(l, BLACK)))[..., None]


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
    added = _WARMED * share[..., None] * cosine**6 * smooth_step(chroma, COLORED) * chroma
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
    fading = share[..., None] * cosine**4 * (1 - smooth_step(chroma, FAINT))
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


def calm_skin(ab: Tensor, l: Tensor, doubt: Tensor, vibrance: Tensor | float) -> Tensor:
    """Take 0.4 k of the chroma beyond `CALM` · vibrance away, where the hue is that of skin.

    Orange cheeks and chins beside paler ears, necks and hands are what people see first.
    k = cos⁸ of the angle between the hue and `SKIN`, 0 from a right angle on; it rises from 0 with
    lightness over `LIT`, and falls to 0 with doubt over `SURE`.

    Args:
        ab: (..., h, w, 2), at that vibrance.
        l: (h, w), lightness in 0…100.
        doubt: (h, w) in 0…1.
        vibrance: a number, or of a shape that broadcasts with (..., h, w, 1).

    Returns:
        (..., h, w, 2).
    """
    ops = namespace(ab)
    chroma, cosine = _compare_hue(ab, SKIN)
    share = (smooth_step(l, LIT) * (1 - smooth_step(doubt, SURE)))[..., None]
    excess = ops.maximum(chroma - CALM * vibrance, 0.0) / ops.maximum(chroma, 1e-6)
    return ab * (1 - _CALMED * share * cosine**8 * excess)


def smooth_step(x: Tensor, ends: tuple[float, float]) -> Tensor:
    """Return a smooth step: 0 up to the first end, 1 from the second on."""
    low, high = ends
    share = namespace(x).clip((x - low) / (high - low), 0.0, 1.0)
    return share * share * (3 - 2 * share)


def _compare_hue(ab: Tensor, degrees: float) -> tuple[Tensor, Tensor]:
    """Return chroma, and the cosine of the angle to a hue, 0 from a right angle on: (..., 1)."""
    ops = namespace(ab)
    chroma = ops.sqrt(ops.sum(ab * ab, axis=-1, keepdims=True))
    hue = constant([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))], ab)
    along = ops.sum(ab * hue, axis=-1, keepdims=True)
    return chroma, ops.maximum(along, 0.0) / ops.maximum(chroma, 1e-6)
