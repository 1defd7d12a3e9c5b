"""Computing the semantic embeddings of stored photos, once, before training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from keras import ops

from deepkoal.arrays import FloatArray
from deepkoal.color import normalize_l
from deepkoal.data.records.example import EMBEDDING_DTYPE
from deepkoal.data.records.store import Outcome, StoredPhoto, decode_jpeg, describe_failure
from deepkoal.errors import RecordsError
from deepkoal.rendering.composition import lightness
from deepkoal.rendering.resampling import resize


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
    photos: dict[str, Outcome], embedders: Sequence[Embedder], batch_size: int
) -> dict[str, npt.NDArray[np.float16]]:
    """Embed whole photos, squeezed to the embedder's square.

    Args:
        photos: by name; those that are no `StoredPhoto` are passed over. One that cannot be
            squeezed is replaced there by its error.
        embedders: see their lightness only; each photo is embedded by one of them, in turn.
        batch_size: photos per call, always in full.

    Returns:
        float16 (D,), by name.

    Raises:
        RecordsError: an embedder gave another shape than it promises, or numbers that half
            precision cannot hold.
    """
    embeddings: dict[str, npt.NDArray[np.float16]] = {}
    stored = [name for name, photo in photos.items() if isinstance(photo, StoredPhoto)]
    for number, embedder in enumerate(embedders):
        squares: dict[str, FloatArray] = {}
        for name in stored[number :: len(embedders)]:
            try:
                squares[name] = squeeze_lightness(photos[name], embedder.input_size)
            except Exception as error:  # of a kind that nobody foresaw: that photo's only
                photos[name] = describe_failure(name, error)
                continue
            if len(squares) == batch_size:
                embeddings |= _embed(squares, embedder, batch_size)
                squares = {}
        if squares:
            embeddings |= _embed(squares, embedder, batch_size)
    return embeddings


def _embed(
    squares: dict[str, FloatArray], embedder: Embedder, batch_size: int
) -> dict[str, npt.NDArray[np.float16]]:
    # A Keras model's compiled call takes half the time of its eager one.
    compute = getattr(embedder, "predict_on_batch", embedder)
    # The last batch is filled up, since each new shape would be compiled anew.
    l = np.stack(list(squares.values()))[np.arange(batch_size) % len(squares)]
    exact = np.asarray(ops.convert_to_numpy(compute(normalize_l(l)[..., None])))
    expected = (batch_size, embedder.dim)
    if exact.shape != expected or not (np.abs(exact) <= np.finfo(EMBEDDING_DTYPE).max).all():
        raise RecordsError(
            f"embedder {embedder.identity}: expected embeddings {expected} that half precision "
            f"can hold, got {exact.shape} up to {np.abs(exact).max()}: use another embedder"
        )
    return dict(zip(squares, exact.astype(EMBEDDING_DTYPE), strict=False))


def squeeze_lightness(photo: Outcome, side: int) -> FloatArray:
    """Return what an embedder sees of a whole photo: its L, squeezed to a square.

    As `Colorizer` shows it to `koala`'s expert, whose input there is the whole photo unpadded.

    Args:
        photo: a `StoredPhoto`.
        side: of the square, in pixels.

    Returns:
        float32 (side, side)), 0…100.
    """
    assert isinstance(photo, StoredPhoto)
    return np.asarray(resize(lightness(decode_jpeg(photo.jpeg)), side, side))
