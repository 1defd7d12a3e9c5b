"""Photos of mixed sizes shown to a network: those of like aspect share a pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.errors import DeepkoalError
from deepkoal.inference.backends import Backend
from deepkoal.inference.scene import find_border
from deepkoal.inference.working_size import (
    find_stride,
    fit_working_sizes,
    merge_outputs,
    run_network,
)
from deepkoal.rendering.composition import lightness
from deepkoal.rendering.resampling import resize

BATCH = 16
"""Photos that share a pass of the network."""


def read_lightness(photo: SampleArray) -> FloatArray:
    """Return a photo's L, float32 (H, W) in 0…100.

    Args:
        photo: uint8 or uint16 (H, W, 3) sRGB or (H, W) grey.

    Raises:
        DeepkoalError: the array is no such photo.
    """
    if (
        not isinstance(photo, np.ndarray)
        or photo.dtype not in (np.uint8, np.uint16)
        or photo.ndim not in (2, 3)
        or (photo.ndim == 3 and photo.shape[2] != 3)
        or 0 in photo.shape
    ):
        is_array = isinstance(photo, np.ndarray)
        got = f"{photo.dtype} {photo.shape}" if is_array else type(photo).__name__
        raise DeepkoalError(
            f"expected a photo as uint8 or uint16 (H, W, 3) or (H, W), got {got}; "
            "deepkoal.read_image gives such an array"
        )
    return lightness(photo)


def find_inside(l: FloatArray) -> FloatArray | None:
    """Return what a border leaves of a photo, see `scene.find_border`; None where there is none."""
    border = find_border(l)
    return None if tuple(border) == (0, 1, 0, 1) else border


def predict_outputs(
    backend: Backend, all_l: Sequence[FloatArray], working_sizes: Sequence[int]
) -> list[dict[str, FloatArray]]:
    """Return a network's outputs, float32 (h, w, C) each, for each photo.

    Args:
        backend: runs the network.
        all_l: the photos' L, float32 (H, W) in 0…100 each.
        working_sizes: see `Colorizer`; what the network says at each is merged.
    """
    alike = defaultdict(list)
    for index, l in enumerate(all_l):
        alike[fit_working_sizes(np.array(l.shape), working_sizes)].append(index)
    stride = find_stride(backend.name)
    results: list[dict[str, FloatArray]] = [{}] * len(all_l)
    for sizes, indices in alike.items():
        for start in range(0, len(indices), BATCH):
            chunk = indices[start : start + BATCH]
            shown = [np.stack([resize(all_l[index], *size) for index in chunk]) for size in sizes]
            outputs = merge_outputs([run_network(backend.predict, l, stride) for l in shown])
            for position, index in enumerate(chunk):
                results[index] = {name: output[position] for name, output in outputs.items()}
    return results
