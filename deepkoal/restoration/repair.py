"""Lightness with its damage repaired: by the network in tiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.inference.backends import Backend
from deepkoal.inference.scene import find_box
from deepkoal.models import NETWORK_STRIDE
from deepkoal.restoration.holes import fill_holes
from deepkoal.restoration.noise import reduce_noise

TILE = 768
"""Side in pixels of what the network sees at a time, so that memory does not grow with photos."""

MARGIN = 32
"""Pixels around a tile that are seen but not used: what a border's padding does reaches no more."""

SURE, LIKELY = 0.996, 0.5
"""Chances of damage: what a repair begins at, and what it goes on over from there.

The former so high that photos without damage come back as they went in: a wrinkle smoothed away is
worse than a scratch left.
"""

LARGEST, CONVINCED = 0.005, 0.88
"""Share of a photo from which a piece of damage is large, and the mean chance that it then needs.

A large bright thing, such as a tool's handle or the edge of a laptop, is likely damage in parts.
"""

CLIPPED, WIDE = 99.0, 5
"""L of what is burnt out, and pixels from which it is wider than a scratch."""

BURNT = 0.02
"""Share of a photo beyond which so much of it is burnt out that nothing white tells of damage."""

FULL = 65535
"""Of chances in integers."""

RIM = 0.7
"""Standard deviation in pixels of the blur that a repair ends with, beyond its own edge."""


class Repair(NamedTuple):
    """A photo's lightness without its damage.

    Attributes:
        l: float32 (H, W), 0…100.
        damage: float32 (H, W), 0…1: how far each pixel was repaired.
    """

    l: FloatArray
    damage: FloatArray


def repair_lightness(l: FloatArray, network: Backend, *, strength: float = 1.0) -> Repair:
    """Return lightness repaired where the network finds damage.

    l + strength · m · (fill − l), where m is of `mask_damage`, and fill the mean of clean, which
    the network paints, and of `fill_holes`: each errs in its own way. The network sees l in tiles
    of bounded size. A plain border of the print is no damage, nor is what `_spare_burnt` spares.
    In noise the network errs otherwise than without it, so in a noisy photo damage is what it finds
    both there and in the photo denoised.

    Args:
        l: float32 (H, W), 0…100.
        network: see `models.restorer`.
        strength: 0…1, of repairs.
    """
    clean, chance = _look(l, network)
    if chance.max(initial=0) >= FULL * SURE:
        calm = reduce_noise(l, 1.0)
        if calm is not l:
            np.minimum(chance, _look(calm, network)[1], out=chance)
    mask = mask_damage(_spare_burnt(_clear_border(chance, l), l))
    repaired, inside = l.copy(), mask > 0
    if inside.any():
        fill = (clean[inside] + fill_holes(l, inside)[inside]) / 2
        repaired[inside] += strength * mask[inside] * (fill - l[inside])
    return Repair(np.clip(repaired, 0, 100, out=repaired), strength * mask)


def _look(l: FloatArray, network: Backend) -> tuple[FloatArray, SampleArray]:
    """Return what the network paints, and the chance of damage times `FULL`."""
    clean, chance = np.empty_like(l), np.empty(l.shape, np.uint16)
    for inner, seen, (top, left) in _list_tiles(*l.shape):
        l_norm = np.asarray(_pad(l[seen]) / 50 - 1, np.float32)
        outputs = network.predict(l_norm[None, ..., None])
        height, width = inner[0].stop - inner[0].start, inner[1].stop - inner[1].start
        used = slice(top, top + height), slice(left, left + width)
        clean[inner] = 50 * (outputs["clean"][0, ..., 0][used] + 1)
        chance[inner] = np.rint(FULL / (1 + np.exp(-outputs["damage"][0, ..., 0][used])))
    return clean, chance


def mask_damage(chance: SampleArray) -> FloatArray:
    """Return what is to be repaired, float32 (H, W), 0…1, of the chance of damage times `FULL`.

    Hysteresis (Canny 1986): what is `LIKELY` damaged is, if it hangs together with what is so for
    `SURE`; alone it is a twig or a wrinkle. Of what is large, see `LARGEST`, more is asked. Its
    edge, which is half damaged, is taken in.
    """
    likely = np.asarray(chance >= FULL * LIKELY, np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(likely)
    is_damage = np.zeros(count, np.uint8)
    is_damage[parts[chance >= FULL * SURE]] = 1
    areas = stats[:, cv2.CC_STAT_AREA]
    means = np.bincount(parts.ravel(), chance.ravel(), count) / (FULL * areas)
    is_damage[(areas > LARGEST * chance.size) & (means < CONVINCED)] = 0
    is_damage[0] = 0  # what is not even likely
    mask = is_damage[parts]
    if not mask.any():
        return np.zeros(chance.shape, np.float32)
    grown = cv2.dilate(mask, np.ones((3, 3), np.uint8)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), RIM), np.float32)


def _clear_border(chance: SampleArray, l: FloatArray) -> SampleArray:
    """Return chances of damage, 0 on a plain border, which the network takes for a tear."""
    kept, box = np.zeros_like(chance), find_box(l)
    kept[box] = chance[box]
    return kept


def _spare_burnt(chance: SampleArray, l: FloatArray) -> SampleArray:
    """Return chances of damage, 0 of what touches a burnt-out area that is not itself damage.

    Snow or a sky that an exposure clips ends as sharply as a flake does, at things that are sound.
    A flake or a torn edge, as white, is found whole: half of it or more is likely damage. Where
    much else is burnt out, it is no damage either.
    """
    square = np.ones((WIDE, WIDE), np.uint8)
    burnt = cv2.morphologyEx((l >= CLIPPED).astype(np.uint8), cv2.MORPH_OPEN, square)
    likely = np.asarray(chance >= FULL * LIKELY, np.uint8)
    if not burnt.any() or not likely.any():
        return chance
    count, areas, stats, _ = cv2.connectedComponentsWithStats(burnt)
    found = np.bincount(areas.ravel(), likely.ravel(), count) / stats[:, cv2.CC_STAT_AREA]
    is_sound = np.asarray(found < 0.5, np.uint8)
    is_sound[0] = 0  # what is not burnt out
    if stats[is_sound > 0, cv2.CC_STAT_AREA].sum() > BURNT * l.size:
        is_sound[1:] = 1
    near = cv2.dilate(is_sound[areas], square) > 0
    count, parts = cv2.connectedComponents(likely)
    is_spared = np.zeros(count, bool)
    is_spared[parts[near]] = True
    is_spared[0] = False
    return np.where(is_spared[parts], 0, chance).astype(chance.dtype)


Window = tuple[slice, slice]


def _list_tiles(height: int, width: int) -> Iterator[tuple[Window, Window, tuple[int, int]]]:
    """Yield what each tile fills, what it sees, and where in that the former begins."""
    step = TILE - 2 * MARGIN
    for top in range(0, height, step):
        for left in range(0, width, step):
            bottom, right = min(top + step, height), min(left + step, width)
            first, begin = max(0, top - MARGIN), max(0, left - MARGIN)
            seen = (
                slice(first, min(height, bottom + MARGIN)),
                slice(begin, min(width, right + MARGIN)),
            )
            yield (slice(top, bottom), slice(left, right)), seen, (top - first, left - begin)


def _pad(l: FloatArray) -> FloatArray:
    """Return lightness with mirrored rows and columns after it, to multiples of what it needs."""
    below, right = (-side % NETWORK_STRIDE for side in l.shape)
    return np.asarray(
        cv2.copyMakeBorder(l, 0, below, 0, right, cv2.BORDER_REFLECT), dtype=np.float32
    )
