"""Photos in, restored photos out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Unpack

import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.errors import DeepkoalError
from deepkoal.inference.backends import Backend
from deepkoal.inference.batch_pass import read_lightness
from deepkoal.rendering.composition import render
from deepkoal.restoration.holes import check_holes, fill_holes, mark_holes
from deepkoal.restoration.network import load_restorer
from deepkoal.restoration.noise import reduce_noise
from deepkoal.restoration.options import LeverKeywords, Outline, RestorationOptions
from deepkoal.restoration.repair import Repair, repair_lightness
from deepkoal.restoration.tone import raise_local_contrast, stretch_tone

ROWS = 256
"""Of a photo that are changed at a time, so that wide numbers take little memory."""


class RestoredPhoto(NamedTuple):
    """A photo repaired.

    Attributes:
        photo: of the type and shape that it had.
        damage: float32 (H, W), 0…1: how far each pixel was repaired.
    """

    photo: SampleArray
    damage: FloatArray


def restore(
    photo: SampleArray,
    options: RestorationOptions | float | None = None,
    *,
    holes: SampleArray | str | Sequence[Outline] | None = None,
    **keywords: Unpack[LeverKeywords],
) -> SampleArray:
    """Return a photo without scratches, dust, folds, stains and the like.

    What is not repaired keeps its samples, bit for bit.

    Args:
        photo: uint8 or uint16 (H, W, 3) sRGB or (H, W) grey, any size. A tint such as sepia stays.
        options: how it is to be repaired, or how strongly, 0…1.
        holes: where nothing of the photo is left, however large: filled first. A mask (H, W), above
            0 there, or as in `RestorationOptions`.
        keywords: its other fields, given anew: strength, denoise, tone, local_contrast.

    Returns:
        The photo's type and shape.

    Raises:
        DeepkoalError: as `RestorationOptions`, the array is no such photo, or holes are not of its
            size or take more than `restoration.holes.MOST` of it.
        WeightsError: the network that ships with the library is missing or damaged.
    """
    chosen = RestorationOptions.collect(options, keywords)
    if holes is None or isinstance(holes, np.ndarray):
        return restore_photo(photo, chosen, holes=holes).photo
    return restore_photo(photo, replace(chosen, holes=holes)).photo


def restore_photo(
    photo: SampleArray, options: RestorationOptions, *, holes: SampleArray | None = None
) -> RestoredPhoto:
    """Return a photo repaired, as `restore` does, and where it was.

    A mask of holes is filled beside those of the options.
    """
    l = read_lightness(photo)
    if holes is not None and holes.shape != l.shape:
        raise DeepkoalError(
            f"expected holes of the photo's height and width, {l.shape}, got {holes.shape}"
        )
    repair = _restore(l, options, None, None if holes is None else holes > 0)
    return RestoredPhoto(change_lightness(photo, l, repair.l), repair.damage)


def restore_lightness(
    l: FloatArray, options: RestorationOptions, network: Backend | None = None
) -> Repair:
    """Return lightness float32 (H, W), 0…100, restored, and where it was repaired.

    Args:
        l: of the photo.
        options: how it is to be repaired.
        network: what repairs; where None, the one that ships, if it is needed.

    Raises:
        WeightsError: it is missing or damaged.
    """
    return _restore(l, options, network)


def _restore(
    l: FloatArray,
    options: RestorationOptions,
    network: Backend | None,
    holes: NDArray[np.bool_] | None = None,
) -> Repair:
    if options.holes:
        marked = mark_holes(options.holes, l)
        holes = marked if holes is None else holes | marked
    if holes is not None:
        check_holes(holes)
        l = fill_holes(l, holes) if holes.any() else l
    repair = Repair(l, np.zeros_like(l))
    if options.needs_network:
        repair = repair_lightness(l, network or load_restorer(), strength=options.strength)
    if holes is not None:
        repair.damage[holes] = 1
    if options.denoise:
        repair = repair._replace(l=reduce_noise(repair.l, options.denoise))
    if options.tone == "auto":
        repair = repair._replace(l=stretch_tone(repair.l))
    if options.local_contrast:
        repair = repair._replace(l=raise_local_contrast(repair.l, options.local_contrast))
    return repair


def change_lightness(photo: SampleArray, before: FloatArray, after: FloatArray) -> SampleArray:
    """Return a photo with another lightness: its samples, moved as those of a grey photo would be.

    Args:
        photo: uint8 or uint16 (H, W, 3) or (H, W).
        before: float32 (H, W), its L in 0…100.
        after: float32 (H, W), the L that it is to have.
    """
    bits = 8 * photo.dtype.itemsize
    neutral = np.zeros((1, 1, 4), np.float32)
    changed = np.empty_like(photo)
    for top in range(0, len(photo), ROWS):
        rows = slice(top, top + ROWS)
        was, now = (
            render(l[rows], neutral, bits=bits)[..., 0].astype(np.int32) for l in (before, after)
        )
        change = np.where(after[rows] == before[rows], 0, now - was)
        moved = photo[rows] + (change if photo.ndim == 2 else change[..., None])
        changed[rows] = np.clip(moved, 0, 2**bits - 1)
    return changed
