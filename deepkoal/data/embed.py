"""Computing the semantic embeddings of stored photos, once, before training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
from keras import ops

from deepkoal.color import normalize_l, rgb_to_lab
from deepkoal.data.example import EMBEDDING_DTYPE
from deepkoal.data.store import decode_jpeg
from deepkoal.errors import RecordsError


class Embedder(Protocol):
    """What `prepare` needs of a semantic embedder; `deepkoal.SemanticEmbedder` is one."""

    @property
    def identity(self) -> str:
        """Tells embedders with different outputs apart."""

    @property
    def dim(self) -> int:
        """D, the length of an embedding."""

    @property
    def input_size(self) -> int:
        """Side in pixels of the square photos it sees."""

    def __call__(self, l_norm: Any) -> Any:
        """Embed float32 (B, H, W, 1), L in -1…1, as (B, D)."""


def list_embedders(embedder: Embedder | Sequence[Embedder] | None) -> Sequence[Embedder]:
    """Return what `prepare` was given as a sequence.

    Raises:
        RecordsError: their embeddings are not of one length.
    """
    if embedder is None:
        return ()
    embedders = embedder if isinstance(embedder, Sequence) else (embedder,)
    if len({each.dim for each in embedders}) > 1:
        lengths = ", ".join(f"{each.identity} {each.dim}" for each in embedders)
        raise RecordsError(
            f"expected embedders whose embeddings are of one length, got {lengths}: "
            "use classifiers of the same classes"
        )
    return embedders


def embed_photos(
    jpegs: dict[str, bytes], embedders: Sequence[Embedder], batch_size: int
) -> dict[str, npt.NDArray[np.float16]]:
    """Embed whole photos, squeezed to the embedder's square.

    Args:
        jpegs: JPEG files by name.
        embedders: see their lightness only; each photo is embedded by one of them, in turn.
        batch_size: photos per call, always in full.

    Returns:
        float16 (D,), by name.

    Raises:
        RecordsError: an embedder gave another shape than it promises, or numbers that half
            precision cannot hold.
    """
    embeddings: dict[str, npt.NDArray[np.float16]] = {}
    for number, embedder in enumerate(embedders):
        own = list(jpegs)[number :: len(embedders)]
        embeddings |= _embed({name: jpegs[name] for name in own}, embedder, batch_size)
    return embeddings


def _embed(
    jpegs: dict[str, bytes], embedder: Embedder, batch_size: int
) -> dict[str, npt.NDArray[np.float16]]:
    # A Keras model's compiled call takes half the time of its eager one.
    compute = getattr(embedder, "predict_on_batch", embedder)
    names = list(jpegs)
    embeddings: dict[str, npt.NDArray[np.float16]] = {}
    for start in range(0, len(names), batch_size):
        batch = names[start : start + batch_size]
        rgb = np.stack([_decode_square(jpegs[name], embedder.input_size) for name in batch])
        # The last batch is filled up, since each new shape would be compiled anew.
        rgb = rgb[np.arange(batch_size) % len(batch)]
        l_norm = normalize_l(rgb_to_lab(rgb.astype("float32") / 255.0)[..., :1])
        exact = np.asarray(ops.convert_to_numpy(compute(l_norm)))
        expected = (batch_size, embedder.dim)
        if exact.shape != expected or not (np.abs(exact) <= np.finfo(EMBEDDING_DTYPE).max).all():
            raise RecordsError(
                f"embedder {embedder.identity}: expected embeddings {expected} that half precision "
                f"can hold, got {exact.shape} up to {np.abs(exact).max()}: use another embedder"
            )
        embeddings.update(zip(batch, exact.astype(EMBEDDING_DTYPE), strict=False))
    return embeddings


def _decode_square(jpeg: bytes, side: int) -> npt.NDArray[np.uint8]:
    rgb = decode_jpeg(jpeg)
    interpolation = cv2.INTER_AREA if min(rgb.shape[:2]) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (side, side), interpolation=interpolation), np.uint8)
