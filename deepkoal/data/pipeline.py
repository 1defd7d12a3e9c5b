"""Two tf.data pipelines over prepared records: one to train on, one to evaluate on.

Both yield RGB; Lab, degradation and targets are the task's work, on the accelerator.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

from deepkoal.data.augment import crop_evaluation_photo, crop_training_photo, draw_uniform
from deepkoal.data.records.example import parse_photo
from deepkoal.data.records.manifest import Manifest, load_manifest
from deepkoal.errors import RecordsError

SHUFFLE_BUFFER = 2048
"""Records that wait in memory to be drawn from; the shards are mixed already."""

INTERLEAVED_SHARDS = 8
"""Shards read in turn during training."""

_as_written = tf.autograph.experimental.do_not_convert
"""Of functions whose branches are TensorFlow's own: looking for Python's takes most of the time in
which a pipeline is built."""

WHOLE = (0, 1)
"""The share of the only host: all rows of each batch."""


def training_batches(
    records_dir: str | Path,
    *,
    batch_size: int,
    size: int,
    seed: int = 0,
    start_step: int = 0,
    with_embedding: bool = False,
    share: tuple[int, int] = WHOLE,
) -> tf.data.Dataset:
    """Read endless training batches: shuffled, randomly cropped and flipped.

    The stream is a pure function of the records and `seed`: each pass over the records has an
    order of its own, each photo in the stream a crop of its own. Starting at `start_step` gives
    exactly the batches an uninterrupted stream gives from there on; what is skipped is not
    decoded. Nor is what belongs to other hosts: put together in order, the shares of a batch are
    the batch.

    Args:
        records_dir: a folder that `prepare` has finished.
        batch_size: B, photos per batch, those of all shares together.
        size: side of the crops in pixels.
        seed: of order, crops and flips.
        start_step: how many batches to leave out at the beginning.
        with_embedding: also yield the stored embeddings (of the whole photos, uncropped).
        share: index and number n of the equal shares that each batch is split into, of which this
            one is read; n divides B.

    Returns:
        An infinite `tf.data.Dataset` of dicts: `rgb`, uint8 (B / n, size, size, 3); and, where
        asked for, `embedding`, float32 (B / n, D).

    Raises:
        RecordsError: there are no records fit to be read, or no embeddings in them.
    """
    manifest = _load_readable(records_dir, with_embedding)
    dim = manifest.settings.embedding_dim if with_embedding else None
    shards = _shard_paths(records_dir, manifest)

    @_as_written
    def read_pass(number: tf.Tensor) -> tf.data.Dataset:
        # Else the order would also depend on the process's global seed; this graph's is its own.
        tf.compat.v1.set_random_seed(1)
        pass_seed = tf.random.stateless_uniform(
            [2], [seed, number], minval=None, maxval=None, dtype=tf.int64
        )
        order = tf.random.experimental.stateless_shuffle(tf.constant(shards), pass_seed)
        records = tf.data.Dataset.from_tensor_slices(order).interleave(
            tf.data.TFRecordDataset, cycle_length=min(INTERLEAVED_SHARDS, len(shards))
        )
        return records.shuffle(SHUFFLE_BUFFER, seed=pass_seed[0], reshuffle_each_iteration=False)

    @_as_written
    def cut(index: tf.Tensor, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        photo = parse_photo(serialized, dim)
        draws = draw_uniform(seed, index, 5)
        rgb = crop_training_photo(photo["jpeg"], photo["height"], photo["width"], draws, size)
        return _select(photo, rgb)

    start = start_step * batch_size
    first_pass, done_in_pass = divmod(start, manifest.count)
    stream = tf.data.Dataset.range(first_pass, tf.int64.max).flat_map(read_pass)
    stream = _take_share(stream.skip(done_in_pass).enumerate(start), share, batch_size)
    stream = stream.map(cut, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return stream.batch(batch_size // share[1], drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def evaluation_batches(
    records_dir: str | Path,
    *,
    batch_size: int,
    size: int,
    with_embedding: bool = False,
    share: tuple[int, int] = WHOLE,
    devices: int = 1,
) -> tf.data.Dataset:
    """Read every photo once, in the records' order, resized and center-cropped.

    Args:
        records_dir: a folder that `prepare` has finished.
        batch_size: B, photos per batch, those of all shares together; the last may hold fewer.
        size: side of the squares in pixels.
        with_embedding: also yield the stored embeddings (of the whole photos, uncropped).
        share: as in `training_batches`.
        devices: that share each batch evenly, a multiple of the number of shares and a divisor
            of B: the last few photos, fewer than there are devices, are left out where they
            cannot be shared.

    Returns:
        A finite `tf.data.Dataset` of dicts: `rgb`, uint8 (B / n, size, size, 3); and, where asked
        for, `embedding`, float32 (B / n, D).

    Raises:
        RecordsError: there are no records fit to be read, fewer photos than devices, or no
            embeddings in them.
    """
    manifest = _load_readable(records_dir, with_embedding)
    dim = manifest.settings.embedding_dim if with_embedding else None
    count = manifest.count - manifest.count % devices
    if not count:
        raise RecordsError(
            f"{records_dir} holds {manifest.count} photos, which {devices} devices cannot share: "
            "prepare more photos or use fewer devices"
        )

    @_as_written
    def cut(_: tf.Tensor, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        photo = parse_photo(serialized, dim)
        rgb = crop_evaluation_photo(photo["jpeg"], photo["height"], photo["width"], size)
        return _select(photo, rgb)

    records = tf.data.TFRecordDataset(_shard_paths(records_dir, manifest)).take(count)
    records = _take_share(records.enumerate(), share, batch_size, count)
    photos = records.map(cut, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    batches = photos.batch(batch_size // share[1]).prefetch(tf.data.AUTOTUNE)
    return batches.apply(tf.data.experimental.assert_cardinality(-(-count // batch_size)))


def stay_on_processor() -> None:
    """Keep TensorFlow off the GPUs where Keras computes on them with another backend.

    It only reads photos then, but would take all of their memory. Call it before anything else of
    TensorFlow; later it does nothing.
    """
    if keras.backend.backend() != "tensorflow":
        with contextlib.suppress(RuntimeError):  # its devices are in use already
            tf.config.set_visible_devices([], "GPU")


def check_records(records_dir: str | Path) -> None:
    """Read every record once, for damage that a file's length does not show.

    Raises:
        RecordsError: there are no finished records, or a shard is damaged (the error names it).
    """
    manifest = load_manifest(records_dir)
    for shard, path in zip(manifest.shards, _shard_paths(records_dir, manifest), strict=True):
        try:
            count = sum(1 for _ in tf.data.TFRecordDataset(path))
        except tf.errors.DataLossError as error:
            raise RecordsError(
                f"{path} is damaged: delete it and run prepare again, which remakes it"
            ) from error
        if count != shard.count:
            raise RecordsError(
                f"{path} holds {count} photos, not {shard.count}: "
                "delete it and run prepare again, which remakes it"
            )


@contextlib.contextmanager
def name_damage(*records_dirs: str | Path) -> Iterator[None]:
    """Turn TensorFlow's report of a damaged or vanished shard into an error that names it.

    Args:
        records_dirs: the folders whose batches are read within the context.

    Raises:
        RecordsError: reading failed, and this is the shard.
    """
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.NotFoundError):
        for folder in records_dirs:
            check_records(folder)
        raise


def _load_readable(records_dir: str | Path, with_embedding: bool) -> Manifest:
    manifest = load_manifest(records_dir)
    if not manifest.count:
        raise RecordsError(f"{records_dir} holds no photos: prepare a folder with color photos")
    if with_embedding and manifest.settings.embedding_dim is None:
        raise RecordsError(
            f"{records_dir} holds no embeddings: prepare the photos again with an embedder"
        )
    return manifest


def _take_share(
    numbered: tf.data.Dataset, share: tuple[int, int], batch_size: int, count: int = tf.int64.max
) -> tf.data.Dataset:
    """Keep the rows of each batch that belong to a share, of a stream that begins with a batch.

    Args:
        numbered: pairs of a record's place in the stream and the record.
        share: index and number of the shares.
        batch_size: rows of a batch.
        count: places in the stream, which decides the rows of its last batch.
    """
    index, shares = share
    if shares == 1:
        return numbered

    @_as_written
    def is_ours(place: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        row = place % batch_size
        rows = tf.minimum(tf.constant(batch_size, tf.int64), count - (place - row))
        return (row >= index * rows // shares) & (row < (index + 1) * rows // shares)

    return numbered.filter(is_ours)


def _shard_paths(records_dir: str | Path, manifest: Manifest) -> list[str]:
    return [str(Path(records_dir) / shard.name) for shard in manifest.shards]


def _select(photo: dict[str, tf.Tensor], rgb: tf.Tensor) -> dict[str, tf.Tensor]:
    batch = {"rgb": rgb}
    if "embedding" in photo:
        batch["embedding"] = photo["embedding"]
    return batch
