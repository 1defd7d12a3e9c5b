"""Photos as a network's encoder maps them, and things that are pointed at: to learn things by."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import keras
import numpy as np
from keras import ops

from deepkoal.arrays import FloatArray
from deepkoal.color import normalize_l
from deepkoal.hints.paths import measure_paths
from deepkoal.inference.prediction.working_size import fit_working_size
from deepkoal.models import NETWORK_STRIDE
from deepkoal.rendering.resampling import resize
from deepkoal.short_repr import short_repr

STRIDES = (4, 8, 16, 32)
CLICKS = 10
"""Places of a photo that a user points at."""
LEAST_AREA = 0.003
"""Share of a photo below which a thing is none that anyone points at."""

BACKGROUND, INSIDE, OTHER = 0, 1, 2
"""What a place is to a click: of nothing that has a mask, of the same thing, of another one."""


@short_repr
@dataclass(frozen=True, eq=False)
class MappedPhoto:
    """A photo as a network's encoder maps it, and what is pointed at.

    Attributes:
        maps: float16 (h, w, C) each, at `STRIDES`, padded to whole cells of the last.
        clicks: int32 (`CLICKS`,), cells of the first map's grid without the padding, row by row.
        paths: float16 (`CLICKS`, H, W), how much lightness changes on the way there from each.
        kinds: int8 (`CLICKS`, H, W), see `BACKGROUND`.
        weight: how much counts what is found of the thing.
    """

    maps: tuple[FloatArray, ...]
    clicks: np.ndarray
    paths: FloatArray
    kinds: np.ndarray
    weight: float


def map_photo(
    network: keras.Model,
    l: FloatArray,
    masks: np.ndarray,
    *,
    size: int = 256,
    weight: float = 1.0,
    seed: int = 0,
) -> MappedPhoto | None:
    """Show a photo to a network's encoder, and point at its things.

    Args:
        network: with an output `things`.
        l: float32 (H, W), lightness in 0…100.
        masks: integers (H, W), a number for each kind of thing, 0 for none; each connected part of
            a kind is a thing.
        size: at which the photo is seen, see `fit_working_size`.
        weight: see `MappedPhoto`.
        seed: of the places.

    Returns:
        None where no thing takes `LEAST_AREA` of the photo.
    """
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in fit_working_size(np.array(l.shape), size))
    masks = cv2.resize(masks.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    things = _part(masks)
    if not things:
        return None
    l = resize(l, height, width)
    padded = np.pad(l, ((0, -height % NETWORK_STRIDE), (0, -width % NETWORK_STRIDE)), "reflect")
    maps = _encoder_of(network)(normalize_l(padded)[None, ..., None].astype("float32"))
    grid = height // STRIDES[0], width // STRIDES[0]
    some = resize((masks > 0).astype(np.float32), *grid)
    chances = np.array([thing.mean() for thing in things]) ** 0.6
    clicks, kinds = [], []
    for number in rng.choice(len(things), CLICKS, p=chances / chances.sum()):
        share = resize(things[number].astype(np.float32), *grid)
        other = np.where(some - share >= 0.5, OTHER, BACKGROUND)
        kinds.append(np.where(share > 0.5, INSIDE, other).astype(np.int8))
        clicks.append(_point_at(things[number], grid, rng))
    cells = np.array(clicks, np.int32)
    paths = measure_paths(np.zeros((*grid, 1), np.float32), resize(l, *grid), cells, 1.0)[0]
    arrays = tuple(ops.convert_to_numpy(each)[0].astype(np.float16) for each in maps)
    return MappedPhoto(arrays, cells, paths.astype(np.float16), np.stack(kinds), weight)


def _encoder_of(network: keras.Model) -> keras.Model:
    """Return what gives the maps at `STRIDES`."""
    return keras.Model(
        network.input, [network.get_layer(f"things_{stride}").input for stride in STRIDES]
    )


def _part(masks: np.ndarray) -> list[np.ndarray]:
    """Return the things of a photo, bool (H, W) each."""
    things = []
    for kind in np.unique(masks[masks > 0]):
        count, parts = cv2.connectedComponents((masks == kind).astype(np.uint8))
        things += [parts == number for number in range(1, count)]
    return [thing for thing in things if thing.mean() >= LEAST_AREA]


def _point_at(thing: np.ndarray, grid: tuple[int, int], rng: np.random.Generator) -> int:
    """Return a cell well inside a thing: half of the time in its very middle."""
    inside = cv2.distanceTransform(np.pad(thing, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    places = np.argwhere(inside >= inside.max() * (0.85 if rng.random() < 0.5 else 0.4))
    row, column = places[rng.integers(len(places))] // STRIDES[0]
    return int(min(row, grid[0] - 1) * grid[1] + min(column, grid[1] - 1))
