"""Colors that users gave to things in some photos, carried to like things in others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepkoal.affinity import AffinityPoints, Kernel
from deepkoal.arrays import FloatArray
from deepkoal.short_repr import short_repr

CARRYING_KERNEL = Kernel(features=(0.3,), lightness=(15.0,), position=(math.inf,), weights=(1.0,))
"""As narrow as for references; between photos position has no meaning."""

DAMPING = 0.01
"""Share of another photo that needs to be alike for half of its color to be taken over: twenty
times a reference's, because whoever gives one has seen that it fits."""

DISAGREEMENT = 20.0
"""Deviation among the colors of what is alike, in ab units, at which half of their mean counts."""

DOUBT = (0.5, 0.75)
"""Share of what is alike that was given colors: up to the first nothing is carried, from the second
on all."""

LEAST_TRUST = (0.4, 0.8)
"""Trust up to which a place is too doubtful to take anything, and from which it takes all."""

LEAST_AREA = 0.01
"""Share of a photo below which what seems alike is taken for chance, and left out."""


@short_repr
@dataclass(frozen=True, eq=False)
class GivenColors:
    """A photo some of whose things were given colors.

    Attributes:
        points: K places, as the network sees them: what was given no color speaks against a carry.
        ab: float32 (K, 2), their colors in CIE Lab units.
        weight: float32 (K,) in 0…1, how far each is a color that was given.
        things: int (K,), which hint gave it, from 0; one number for all where a whole photo did.
    """

    points: AffinityPoints
    ab: FloatArray
    weight: FloatArray
    things: NDArray[np.int64]


@short_repr
@dataclass(frozen=True, eq=False)
class Share:
    """What one thing of another photo gave to this one.

    Attributes:
        source: index of the photo that it comes from.
        thing: in that photo.
        area: share of this photo's places that it fits best, whether it was taken or not.
        trust: mean trust there, 0…1.
        ab: its mean color there, float32 (2,).
        taken: False where it was doubtful, and left out.
    """

    source: int
    thing: int
    area: float
    trust: float
    ab: FloatArray
    taken: bool


@short_repr
@dataclass(frozen=True, eq=False)
class CarriedColors:
    """What a photo takes of others; `ColorOptions` has it as the photo's reference.

    Attributes:
        ab: float32 (N, 2), colors for its places in CIE Lab units.
        trust: float32 (N, 1) in 0…1, how far each place takes them.
        shares: of each thing, the largest area first.
    """

    ab: FloatArray
    trust: FloatArray
    shares: tuple[Share, ...]


def carry_colors(
    points: AffinityPoints, given: Sequence[GivenColors], kernel: Kernel = CARRYING_KERNEL
) -> CarriedColors:
    """Carry colors from other photos to the like places of one.

    With affinity K and weight g of the others' places, a place takes the mean m of their colors
    weighted by K·g (Nadaraya 1964; Watson 1964), trusted by c = s / (s + `DAMPING`) ·
    d² / (d² + v) · r(p), raised from 0 to 1 over `LEAST_TRUST`. s is the mean affinity to the photo
    that is most alike, v the variance of the colors about m and d `DISAGREEMENT`. p = ΣKg / ΣK is
    the share of what is alike that was given colors, and r rises from 0 to 1 over `DOUBT`: what is
    as much like things that nobody colored is left out. So is a thing that fits less than
    `LEAST_AREA` of the photo.

    Args:
        points: N places of a photo.
        given: the other photos, at least one.
        kernel: how alike two places are.
    """
    count = len(points.l)
    likeness = np.zeros(count, np.float64)
    total, mass, square = (np.zeros(count, np.float64) for _ in range(3))
    colors = np.zeros((count, 2), np.float64)
    owners: list[tuple[int, int]] = []
    by_thing: list[FloatArray] = []
    for source, photo in enumerate(given):
        affinity = kernel.compare(points, photo.points, near=False)
        likeness = np.maximum(likeness, affinity.mean(axis=1))
        total += affinity.sum(axis=1)
        weighted = affinity * photo.weight
        mass += weighted.sum(axis=1)
        colors += weighted @ photo.ab
        square += weighted @ (photo.ab**2).sum(axis=1)
        for thing in np.unique(photo.things):
            owners.append((source, int(thing)))
            by_thing.append(weighted[:, photo.things == thing].sum(axis=1))
    mean = colors / np.maximum(mass, 1e-12)[:, None]
    variance = np.maximum(square / np.maximum(mass, 1e-12) - (mean**2).sum(axis=1), 0)
    low, high = DOUBT
    certain = np.clip((mass / np.maximum(total, 1e-12) - low) / (high - low), 0, 1)
    trust = likeness / (likeness + DAMPING) * DISAGREEMENT**2 / (DISAGREEMENT**2 + variance)
    trust *= certain
    trust = np.clip((trust - LEAST_TRUST[0]) / (LEAST_TRUST[1] - LEAST_TRUST[0]), 0, 1)
    best = np.argmax(np.stack(by_thing), axis=0)
    shares = []
    for index, (source, thing) in enumerate(owners):
        here = (best == index) & (trust > 0)
        if not here.any():
            continue
        area = float(here.mean())
        taken = area >= LEAST_AREA
        if not taken:
            trust[here] = 0
        shares.append(
            Share(
                source,
                thing,
                area,
                float(trust[here].mean()) if taken else 0.0,
                mean[here].mean(axis=0).astype(np.float32),
                taken,
            )
        )
    shares.sort(key=lambda share: -share.area)
    return CarriedColors(mean.astype(np.float32), trust[:, None].astype(np.float32), tuple(shares))
