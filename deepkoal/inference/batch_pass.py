"""Photos of mixed sizes shown to a network: those of like aspect share a pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.errors import DeepkoalError
from deepkoal.image_io.pixels import describe_no_pixels
from deepkoal.inference.backends import Backend
from deepkoal.inference.prediction import Prediction
from deepkoal.inference.prediction.working_size import (
    find_stride,
    fit_working_size,
    merge_outputs,
    run_network,
)
from deepkoal.inference.scene import find_border
from deepkoal.rendering.composition import lightness
from deepkoal.rendering.resampling import resize
from deepkoal.short_repr import summarize

BATCH = 16
"""Photos that share a pass of the network."""


def read_lightness(photo: SampleArray) -> FloatArray:
    """Return a photo's L, float32 (H, W) in 0…100.

    Args:
        photo: uint8 or uint16 (H, W, 3) sRGB or (H, W) grey.

    Raises:
        DeepkoalError: the array is no such photo.
    """
    check_photo(photo)
    return lightness(photo)


def check_photo(photo: SampleArray, what: str = "a photo") -> None:
    """Refuse what is no photo: uint8 or uint16 (H, W, 3) sRGB or (H, W) grey.

    Raises:
        DeepkoalError: naming what it is instead.
    """
    if got := describe_no_pixels(photo):
        raise DeepkoalError(
            f"expected {what} as uint8 or uint16 (H, W, 3) or (H, W), got {got}; "
            "deepkoal.read_image gives such an array"
        )


def check_several(photos: Iterable[SampleArray]) -> list[SampleArray]:
    """Return photos as a list.

    Raises:
        DeepkoalError: these are not several, but one, or none at all.
    """
    is_one = isinstance(photos, np.ndarray) and (
        photos.ndim < 3 or (photos.ndim == 3 and photos.shape[2] == 3)
    )
    if is_one or isinstance(photos, str | bytes | Mapping) or not isinstance(photos, Iterable):
        raise DeepkoalError(
            f"expected several photos, in a list or other iterable, got {summarize(photos)}; put "
            "a single one in a list, or call colorize"
        )
    return list(photos)


def find_inside(l: FloatArray) -> FloatArray | None:
    """Return what a border leaves of a photo, see `scene.find_border`; None where there is none."""
    border = find_border(l)
    return None if tuple(border) == (0, 1, 0, 1) else border


def predict_all(
    bare: Sequence[Prediction], backend: Backend, working_sizes: Sequence[int]
) -> list[Prediction]:
    """Return predictions with the network's outputs, which those given lack.

    Args:
        bare: of photos of any sizes.
        backend: runs the network.
        working_sizes: see `Colorizer`; what the network predicts at each is merged.
    """
    alike = defaultdict(list)
    for index, photo in enumerate(bare):
        shape = np.array(photo.inner_l.shape)
        fitted = (fit_working_size(shape, each).tolist() for each in working_sizes)
        alike[tuple(map(tuple, fitted))].append(index)
    stride = find_stride(backend.name)
    whole = list(bare)
    for sizes, indices in alike.items():
        for start in range(0, len(indices), BATCH):
            chunk = indices[start : start + BATCH]
            passes = []
            for size in sizes:
                shown = np.stack([resize(bare[index].inner_l, *size) for index in chunk])
                passes.append(run_network(backend.predict, shown, stride))
            for position, index in enumerate(chunk):  # one by one, for the cache
                own = [{name: each[name][position] for name in each} for each in passes]
                whole[index] = replace(bare[index], outputs=merge_outputs(own))
    return whole
