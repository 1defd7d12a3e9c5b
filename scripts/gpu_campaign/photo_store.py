"""All photos in the device's memory, as small squares, and batches drawn from them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import jax
import numpy as np
from tqdm import tqdm

from deepkoal.errors import RunError

from .parts import Manifest, photo_chances, read_part, set_shares, take_parts

MEMORY_SHARE = 0.5
"""Of the device's memory that photos may take; the rest is for training."""


@dataclass(frozen=True)
class Block:
    """A part's photos: uint8 (N, S, S, 3) on the device, and their sizes, float32 (N, 2)."""

    photos: Any
    sizes: np.ndarray
    chances: np.ndarray
    """Cumulative, float64 (N,), of being drawn among all photos."""


class PhotoStore:
    """Photos on the device, one array a part.

    A batch comes of one part, drawn by what its photos weigh: parts are random selections, and no
    array gets so large that its places need 64-bit numbers, nor is any copied to be joined.

    Args:
        folder: the parts'.
        square: side in pixels of the squares that photos are squeezed to; their crops are drawn in
            the photos' true proportions.
        parts: how many to take, the first ones; all where None.
        shares: shares of sources that differ from the manifest's.

    Raises:
        RunError: a part is missing or damaged, or the photos do not fit the device.
    """

    def __init__(
        self,
        folder: Path,
        square: int,
        *,
        parts: int | None = None,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        cv2.setNumThreads(1)
        manifest = Manifest.read(folder)
        set_shares(manifest.sources, shares or {})
        chosen = list(take_parts(manifest, parts))
        self.count = sum(part.photos for part in chosen)
        _check_memory(self.count * square * square * 3)
        decoded = []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for part in tqdm(chosen, desc="parts", unit="", mininterval=1):
                encoded, source = read_part(folder, part)
                photos = np.empty((len(encoded), square, square, 3), "uint8")
                sizes = np.empty((len(encoded), 2), "float32")

                answers = pool.map(lambda photo: decode(photo, square), encoded)
                for number, (photo, size) in enumerate(answers):
                    photos[number], sizes[number] = photo, size
                decoded.append((jax.device_put(photos), sizes, source))
        chances = photo_chances(manifest.sources, np.concatenate([part[2] for part in decoded]))
        ends = np.cumsum([len(part[2]) for part in decoded])
        split = np.split(chances, ends[:-1])
        self.blocks = [
            Block(photos, sizes, np.cumsum(chance))
            for (photos, sizes, _), chance in zip(decoded, split, strict=True)
        ]
        self._block_chances = np.cumsum([block.chances[-1] for block in self.blocks])

    def draw(self, rng: np.random.Generator, batch: int) -> tuple[Any, np.ndarray]:
        """Return photos uint8 (batch, S, S, 3) on the device, and their sizes (batch, 2)."""
        block = self.blocks[_pick(self._block_chances, rng.random(1))[0]]
        index = _pick(block.chances, rng.random(batch))
        return _take(block.photos, index.astype("int32")), block.sizes[index]


def decode(encoded: np.ndarray, square: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Return a photo as uint8 (square, square, 3), squeezed, and its height and width.

    Raises:
        RunError: it cannot be decoded.
    """
    bgr = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    if bgr is None:
        raise RunError("a part holds a photo that cannot be decoded; pack anew")
    height, width = bgr.shape[:2]
    smaller = height * width > square * square
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(bgr, (square, square), interpolation=method)[..., ::-1], (height, width)


def _pick(cumulative: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Return the indices that draws in 0…1 fall on."""
    places = np.searchsorted(cumulative, draws * cumulative[-1], side="right")
    return np.asarray(np.minimum(places, len(cumulative) - 1))


@jax.jit
def _take(photos: Any, index: Any) -> Any:
    return photos[index]


def _check_memory(needed: int) -> None:
    statistics = jax.devices()[0].memory_stats() or {}
    limit = statistics.get("bytes_limit")
    if limit and needed > MEMORY_SHARE * limit:
        raise RunError(
            f"the photos need {needed / 1e9:.1f} GB of the device's {limit / 1e9:.1f} GB; take "
            "fewer --first-parts or a smaller --square"
        )
