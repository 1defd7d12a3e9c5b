"""Writing sharded TFRecords: in parallel, resumable, and by one process at a time."""

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

import deepkoal
from deepkoal.atomic_files import lock_folder, remove_parts, replace_atomically
from deepkoal.data.records.embed import Embedder, embed_photos
from deepkoal.data.records.example import serialize_photo
from deepkoal.data.records.manifest import (
    MANIFEST_NAME,
    Manifest,
    Settings,
    Shard,
    ShardAccount,
    Unreadable,
)
from deepkoal.data.records.store import GreyPhoto, Outcome, StoredPhoto, store_photo
from deepkoal.errors import RecordsError
from deepkoal.memory import count_cores
from deepkoal.progress_bars import count_photos

READ_AHEAD = 2
"""Shards whose photos are held in memory: one being written, the next being read."""

EMBEDDING_BATCH = 32


def write_records(
    photos_dir: Path,
    records_dir: Path,
    names: Sequence[str],
    settings: Settings,
    *,
    embedders: Sequence[Embedder] = (),
    embedding_batch: int = EMBEDDING_BATCH,
    workers: int | None = None,
    progress: bool | Callable[[int, int], None] = False,
) -> Manifest:
    """Do what `prepare` does, with the settings that `plan_records` returned for these names."""
    read_accounts(records_dir, settings)  # refused before anything is written
    with _lock_records(records_dir):
        remove_parts(records_dir)
        accounts = read_accounts(records_dir, settings)
        mixed = _mix(names, settings.seed)
        per_shard = settings.photos_per_shard
        chunks = {
            f"photos-{index:05d}.tfrecord": mixed[start : start + per_shard]
            for index, start in enumerate(range(0, len(mixed), per_shard))
        }
        todo = {name: chunk for name, chunk in chunks.items() if name not in accounts}
        with _count_progress(progress, len(names)) as advance:
            advance(len(names) - sum(len(chunk) for chunk in todo.values()))
            for name, photos in _store_ahead(photos_dir, todo, settings.size, workers, advance):
                embeddings = embed_photos(photos, embedders, embedding_batch)
                accounts[name] = _write_shard(records_dir, name, photos, embeddings, settings)
        manifest = Manifest.from_accounts(
            deepkoal.__version__, settings, [accounts[name] for name in chunks]
        )
        manifest.write(records_dir)
        return manifest


@contextlib.contextmanager
def _lock_records(records_dir: Path) -> Iterator[None]:
    """Hold a folder of records against other processes, see `atomic_files.lock_folder`."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock_folder(records_dir))
        except BlockingIOError as error:
            raise RecordsError(
                f"{records_dir} is in use: another process writes records there; wait until it "
                "has ended, or choose another folder"
            ) from error
        except OSError as error:
            raise RecordsError(
                f"{records_dir} cannot be made ({error.strerror}): choose another folder for "
                "records"
            ) from error
        yield


def _mix(names: Sequence[str], seed: int) -> list[str]:
    """Shuffle by hash: the same order with every version of every library, for resuming."""
    return sorted(names, key=lambda name: hashlib.sha256(os.fsencode(f"{seed}/{name}")).digest())


def read_accounts(records_dir: Path, settings: Settings) -> dict[str, ShardAccount]:
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
    pool = ThreadPoolExecutor(workers or count_cores())
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
    count, grey, unreadable = 0, [], []
    with replace_atomically(path) as part, tf.io.TFRecordWriter(str(part)) as writer:
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
    account = ShardAccount(
        settings, Shard(shard, count, path.stat().st_size), tuple(grey), tuple(unreadable)
    )
    account.write(records_dir)
    return account


@contextlib.contextmanager
def _count_progress(
    progress: bool | Callable[[int, int], None], total: int
) -> Iterator[Callable[[int], None]]:
    with count_photos(total=total, wanted=progress is True) as bar:
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            bar.update(count)
            if callable(progress):
                progress(done, total)

        yield advance
