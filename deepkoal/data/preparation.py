"""Turning a folder of photos into sharded TFRecords: in parallel, and resumable."""

from __future__ import annotations

import collections
import contextlib
import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

import deepkoal
from deepkoal.data.embed import Embedder, embed_photos, list_embedders
from deepkoal.data.example import serialize_photo
from deepkoal.data.records import (
    FORMAT_VERSION,
    MANIFEST_NAME,
    Manifest,
    Settings,
    Shard,
    ShardAccount,
    Unreadable,
)
from deepkoal.data.store import GreyPhoto, StoredPhoto, store_photo
from deepkoal.errors import PhotoError, RecordsError
from deepkoal.image_io import list_photos

READ_AHEAD = 2
"""Shards whose photos are held in memory: one being written, the next being read."""

Outcome = StoredPhoto | GreyPhoto | PhotoError


def prepare(
    photos_dir: str | Path,
    records_dir: str | Path,
    *,
    names: Sequence[str] | None = None,
    size: int = 144,
    photos_per_shard: int = 512,
    embedder: Embedder | Sequence[Embedder] | None = None,
    embedding_batch: int = 32,
    workers: int | None = None,
    seed: int = 0,
    progress: bool | Callable[[int, int], None] = False,
) -> Manifest:
    """Turn a folder of photos into records to train on.

    Photos are mixed once, resized once, and kept as JPEG; near-grey ones are left out and
    counted, files that cannot be read are left out and listed. Embeddings are computed once and
    stored in half precision, as in Deep Koalarization (arXiv 1712.03400). An interrupted run is
    taken up where it was left: finished shards stay as they are, and the result is the same.

    Args:
        photos_dir: folder of photos, at any depth.
        records_dir: folder for the records, made where it is missing.
        names: paths below `photos_dir` of the photos to take, `/` between parts; all where None.
        size: short side in pixels that larger photos are resized to.
        photos_per_shard: files that share a shard.
        embedder: computes the embeddings, or None to store none. Of several, each photo is
            embedded by one, in turn, so that what is trained on them leans on none.
        embedding_batch: photos per call of the embedder.
        workers: threads that read and resize; None is one per processor.
        seed: of the photos' order.
        progress: True draws a bar on stderr; a function is called with the numbers of files
            done and in all, first with those that an earlier run has done.

    Returns:
        The manifest, as `load_manifest` reads it.

    Raises:
        PhotoError: `photos_dir` cannot be listed.
        RecordsError: there are no photos, a setting is below 1, the embedders' embeddings are
            not of one length, the folder cannot be made, or it holds records made from other
            photos or settings.
    """
    photos_dir, records_dir = Path(photos_dir), Path(records_dir)
    if min(size, photos_per_shard, embedding_batch) < 1:
        raise RecordsError(
            "size, photos_per_shard and embedding_batch must be at least 1, "
            f"not {size}, {photos_per_shard}, {embedding_batch}"
        )
    if names is None:
        names = [path.relative_to(photos_dir).as_posix() for path in list_photos(photos_dir)]
    if not names:
        raise RecordsError(f"{photos_dir} holds no photos: expected JPEG, PNG or other photo files")
    embedders = list_embedders(embedder)
    settings = Settings(
        format_version=FORMAT_VERSION,
        size=size,
        photos_per_shard=photos_per_shard,
        seed=seed,
        photos=len(names),
        photos_digest=_digest_photos(photos_dir, names),
        embedder="+".join(each.identity for each in embedders) or None,
        embedding_dim=embedders[0].dim if embedders else None,
    )
    try:
        records_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordsError(
            f"{records_dir} cannot be made ({error.strerror}): choose another folder for records"
        ) from error
    accounts = _read_accounts(records_dir, settings)
    mixed = _mix(names, seed)
    chunks = {
        f"photos-{index:05d}.tfrecord": mixed[start : start + photos_per_shard]
        for index, start in enumerate(range(0, len(mixed), photos_per_shard))
    }
    todo = {name: chunk for name, chunk in chunks.items() if name not in accounts}
    with _count_progress(progress, len(names)) as advance:
        advance(len(names) - sum(len(chunk) for chunk in todo.values()))
        for name, photos in _store_ahead(photos_dir, todo, size, workers, advance):
            jpegs = {n: p.jpeg for n, p in photos.items() if isinstance(p, StoredPhoto)}
            embeddings = embed_photos(jpegs, embedders, embedding_batch)
            accounts[name] = _write_shard(records_dir, name, photos, embeddings, settings)
    manifest = Manifest.from_accounts(
        deepkoal.__version__, settings, [accounts[name] for name in chunks]
    )
    manifest.write(records_dir)
    return manifest


def _digest_photos(photos_dir: Path, names: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(names):
        try:
            size_bytes = (photos_dir / name).stat().st_size
        except OSError:  # reading it will tell why
            size_bytes = -1
        digest.update(f"{size_bytes} ".encode() + os.fsencode(name) + b"\0")
    return digest.hexdigest()


def _mix(names: Sequence[str], seed: int) -> list[str]:
    """Shuffle by hash: the same order with every version of every library, for resuming."""
    return sorted(names, key=lambda name: hashlib.sha256(os.fsencode(f"{seed}/{name}")).digest())


def _read_accounts(records_dir: Path, settings: Settings) -> dict[str, ShardAccount]:
    """Read the accounts of finished shards, by shard name.

    Raises:
        RecordsError: the folder's records were made under other settings.
    """
    manifest = records_dir / MANIFEST_NAME
    if manifest.exists():
        settings.check_same(Manifest.read(manifest).settings, records_dir)
    accounts = {}
    for path in sorted(records_dir.glob("photos-*.json")):
        account = ShardAccount.read(path)
        settings.check_same(account.settings, records_dir)
        if account.shard.is_intact(records_dir):
            accounts[account.shard.name] = account
    return accounts


def _store_ahead(
    photos_dir: Path,
    todo: dict[str, list[str]],
    size: int,
    workers: int | None,
    advance: Callable[[int], None],
) -> Iterator[tuple[str, dict[str, Outcome]]]:
    """Yield each shard's outcomes by photo name, while the next shard's photos are being read."""
    under_way: collections.deque[tuple[str, dict[str, Future[Outcome]]]] = collections.deque()
    # Decoding, resizing and encoding release Python's global lock, so threads are enough.
    pool = ThreadPoolExecutor(workers or os.cpu_count())
    try:
        remaining = iter(todo.items())
        for _ in todo:
            for shard, names in itertools.islice(remaining, READ_AHEAD - len(under_way)):
                futures = {name: pool.submit(store_photo, photos_dir, name, size) for name in names}
                under_way.append((shard, futures))
            shard, futures = under_way.popleft()
            outcomes = {}
            for name, future in futures.items():
                outcomes[name] = future.result()
                advance(1)
            yield shard, outcomes
    finally:
        pool.shutdown(cancel_futures=True)


def _write_shard(
    records_dir: Path,
    shard: str,
    photos: dict[str, Outcome],
    embeddings: dict[str, npt.NDArray[np.float16]],
    settings: Settings,
) -> ShardAccount:
    path = records_dir / shard
    beside = path.with_name(path.name + ".part")
    count, grey, unreadable = 0, [], []
    with tf.io.TFRecordWriter(str(beside)) as writer:
        for name, photo in photos.items():
            if isinstance(photo, StoredPhoto):
                writer.write(
                    serialize_photo(
                        photo.jpeg,
                        photo.height,
                        photo.width,
                        os.fsencode(name),
                        embeddings.get(name),
                    )
                )
                count += 1
            elif isinstance(photo, GreyPhoto):
                grey.append(name)
            else:
                unreadable.append(Unreadable(name, str(photo).removeprefix(f"{name}: ")))
    size_bytes = beside.stat().st_size
    beside.replace(path)
    account = ShardAccount(
        settings, Shard(shard, count, size_bytes), tuple(grey), tuple(unreadable)
    )
    account.write(records_dir)
    return account


@contextlib.contextmanager
def _count_progress(
    progress: bool | Callable[[int, int], None], total: int
) -> Iterator[Callable[[int], None]]:
    with tqdm(total=total, unit=" photos", disable=progress is not True) as bar:
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            bar.update(count)
            if callable(progress):
                progress(done, total)

        yield advance
