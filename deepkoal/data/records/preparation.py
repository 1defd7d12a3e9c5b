"""Turning a folder of photos into records: which photos, under which settings, and holding back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from deepkoal.atomic_files import real_path
from deepkoal.data.records.embed import Embedder, list_embedders
from deepkoal.data.records.manifest import FORMAT_VERSION, Manifest, Settings
from deepkoal.data.records.shards import EMBEDDING_BATCH, write_records
from deepkoal.errors import RecordsError
from deepkoal.image_io import list_photos

PHOTOS_PER_SHARD = 512

SHARE = 10
"""One photo in so many is held back."""

FEWEST = 5
"""Of fewer photos none is held back: each is needed, and one would say nothing."""


def prepare(
    photos_dir: str | Path,
    records_dir: str | Path,
    *,
    names: Sequence[str] | None = None,
    size: int = 144,
    photos_per_shard: int = PHOTOS_PER_SHARD,
    embedder: Embedder | Sequence[Embedder] | None = None,
    embedding_batch: int = EMBEDDING_BATCH,
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
            not of one length, the folder is the photos' own or cannot be made, another process
            writes there, or it holds records made from other photos or settings.
    """
    photos_dir, records_dir = Path(photos_dir), Path(records_dir)
    if real_path(photos_dir) == real_path(records_dir):
        raise RecordsError(f"{records_dir} is the photos' own folder; choose another for records")
    if names is None:
        names = list_names(photos_dir)
    embedders = list_embedders(embedder)
    settings = plan_records(
        photos_dir,
        names,
        size=size,
        photos_per_shard=photos_per_shard,
        embedders=embedders,
        seed=seed,
    )
    if embedding_batch < 1:
        raise RecordsError(f"embedding_batch must be at least 1, not {embedding_batch}")
    return write_records(
        photos_dir,
        records_dir,
        names,
        settings,
        embedders=embedders,
        embedding_batch=embedding_batch,
        workers=workers,
        progress=progress,
    )


def list_names(photos_dir: Path) -> list[str]:
    """Return the paths of all photos below a folder, `/` between parts, see `list_photos`.

    A folder that cannot be listed stands for its photos, and is unreadable as they are; its name
    ends in `/`.
    """
    unlisted: list[Path] = []
    photos = list_photos(photos_dir, unlisted=unlisted)
    names = [path.relative_to(photos_dir).as_posix() for path in photos]
    return sorted(names + [f"{path.relative_to(photos_dir).as_posix()}/" for path in unlisted])


def plan_records(
    photos_dir: Path,
    names: Sequence[str],
    *,
    size: int,
    photos_per_shard: int = PHOTOS_PER_SHARD,
    embedders: Sequence[Embedder] = (),
    seed: int = 0,
) -> Settings:
    """Return the settings of the records that `prepare` would write; nothing is written.

    Args and errors as in `prepare`.
    """
    if min(size, photos_per_shard) < 1:
        raise RecordsError(
            f"size and photos_per_shard must be at least 1, not {size}, {photos_per_shard}"
        )
    if not names:
        raise RecordsError(f"{photos_dir} holds no photos: expected JPEG, PNG or other photo files")
    return Settings(
        format_version=FORMAT_VERSION,
        size=size,
        photos_per_shard=photos_per_shard,
        seed=seed,
        photos=len(names),
        photos_digest=_digest_photos(photos_dir, names),
        embedder="+".join(each.identity for each in embedders) or None,
        embedding_dim=embedders[0].dim if embedders else None,
    )


def hold_back(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return photos to train on and photos to validate with.

    One in ten is held back, rounded, and at least one; of fewer than five, none. A hash of their
    names decides which, so that the same folder is always parted alike.

    Args:
        names: of the photos, and of folders that cannot be listed, see `list_names`; such a one
            is not held back.

    Returns:
        The names to train on and those held back, each sorted.
    """
    photos = [name for name in names if not name.endswith("/")]
    count = max(1, round(len(photos) / SHARE)) if len(photos) >= FEWEST else 0
    ranked = sorted(photos, key=lambda name: hashlib.sha256(os.fsencode(name)).digest())
    held_back = set(ranked[:count])
    return sorted(name for name in names if name not in held_back), sorted(held_back)


def _digest_photos(photos_dir: Path, names: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(names):
        try:
            # What a folder's own size says changes with what is in it, which is not read.
            size_bytes = -1 if name.endswith("/") else (photos_dir / name).stat().st_size
        except OSError:  # reading it will show why
            size_bytes = -1
        digest.update(f"{size_bytes} ".encode() + os.fsencode(name) + b"\0")
    return digest.hexdigest()
