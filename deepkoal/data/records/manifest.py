"""The records' format: what a folder of records holds, and the manifest that describes it.

A folder of records holds shards `photos-00000.tfrecord` …, beside each the account of how it was
made (`photos-00000.json`), and `manifest.json`, written when all shards are finished. A record is
a `tf.train.Example`:

| feature | type | meaning |
|---|---|---|
| `jpeg` | bytes | the photo, upright sRGB, a JPEG file |
| `height`, `width` | int64 | its size in pixels |
| `name` | bytes | its path below the photos' folder, `/` between parts |
| `embedding` | bytes, optional | float16 (D,), little endian: the semantic embedding of its L |
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from deepkoal.atomic_files import write_json_atomically
from deepkoal.errors import OtherPhotosError, RecordsError

FORMAT_VERSION = 1
"""Raised when records written before can no longer be read or continued."""

MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True)
class Settings:
    """What decides the records' bytes; records made under other settings are never mixed.

    Attributes:
        format_version: see `FORMAT_VERSION`.
        size: short side in pixels that larger photos were resized to.
        photos_per_shard: files that share a shard, those later left out included.
        seed: seed of the photos' order.
        photos: files in the photos' folder.
        photos_digest: SHA-256 over their names and sizes in bytes.
        embedder: identity of the semantic embedder (of several, joined by `+`), or None without
            embeddings.
        embedding_dim: D, the embeddings' length, or None without embeddings.
    """

    format_version: int
    size: int
    photos_per_shard: int
    seed: int
    photos: int
    photos_digest: str
    embedder: str | None
    embedding_dim: int | None

    def check_same(self, earlier: Settings, records_dir: Path) -> None:
        """Raise OtherPhotosError where `earlier` records were made under other settings."""
        differing = [
            f"{field.name} {getattr(earlier, field.name)} then, {getattr(self, field.name)} now"
            for field in dataclasses.fields(self)
            if getattr(earlier, field.name) != getattr(self, field.name)
        ]
        if differing:
            raise OtherPhotosError(
                f"{records_dir} holds records made from other photos or settings "
                f"({'; '.join(differing)}): prepare into another folder, or delete this one"
            )


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be read: its path below the photos' folder, and why."""

    file: str
    cause: str


@dataclass(frozen=True)
class Shard:
    """A finished shard: its file's name, how many photos it holds and the file's size."""

    name: str
    count: int
    size_bytes: int

    def is_intact(self, records_dir: Path) -> bool:
        """Return whether the shard's file is there in full length."""
        path = records_dir / self.name
        return path.is_file() and path.stat().st_size == self.size_bytes


@dataclass(frozen=True)
class ShardAccount:
    """How one shard was made, kept beside it so that preparing can be taken up again.

    Attributes:
        settings: what decided its bytes.
        shard: the shard itself.
        grey: near-grey photos left out, by name.
        unreadable: files left out because they could not be read.
    """

    settings: Settings
    shard: Shard
    grey: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]

    def write(self, records_dir: Path) -> None:
        """Write the account beside its shard, in one step."""
        path = (records_dir / self.shard.name).with_suffix(".json")
        write_json_atomically(path, dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            RecordsError: the file is damaged or of another format version.
        """
        with open_json(path) as content:
            return cls(
                settings=Settings(**content["settings"]),
                shard=Shard(**content["shard"]),
                grey=tuple(content["grey"]),
                unreadable=tuple(Unreadable(**entry) for entry in content["unreadable"]),
            )


@dataclass(frozen=True)
class Manifest:
    """What a finished folder of records holds.

    Attributes:
        library_version: version of deepkoal that finished the records.
        settings: what decided their bytes.
        count: photos stored.
        grey: how many near-grey photos were left out.
        unreadable: files left out because they could not be read, by name.
        shards: the shards in order.
    """

    library_version: str
    settings: Settings
    count: int
    grey: int
    unreadable: tuple[Unreadable, ...]
    shards: tuple[Shard, ...]

    @classmethod
    def from_accounts(
        cls, library_version: str, settings: Settings, accounts: Sequence[ShardAccount]
    ) -> Self:
        """Sum up the accounts of all shards, in order."""
        unreadable = itertools.chain.from_iterable(account.unreadable for account in accounts)
        return cls(
            library_version=library_version,
            settings=settings,
            count=sum(account.shard.count for account in accounts),
            grey=sum(len(account.grey) for account in accounts),
            unreadable=tuple(sorted(unreadable, key=lambda entry: entry.file)),
            shards=tuple(account.shard for account in accounts),
        )

    def write(self, records_dir: Path) -> None:
        """Write `manifest.json`, in one step."""
        write_json_atomically(records_dir / MANIFEST_NAME, dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            RecordsError: the file is damaged or of another format version.
        """
        with open_json(path) as content:
            return cls(
                library_version=content["library_version"],
                settings=Settings(**content["settings"]),
                count=content["count"],
                grey=content["grey"],
                unreadable=tuple(Unreadable(**entry) for entry in content["unreadable"]),
                shards=tuple(Shard(**entry) for entry in content["shards"]),
            )


def holds_records(folder: str | Path) -> bool:
    """Return whether `prepare` has written to a folder, finished or not."""
    found = (Path(folder).glob(pattern) for pattern in (MANIFEST_NAME, "photos-*.tfrecord*"))
    return any(any(paths) for paths in found)


def load_manifest(records_dir: str | Path) -> Manifest:
    """Read a finished folder's manifest and check that its shards are there in full length.

    Args:
        records_dir: a folder that `prepare` has finished.

    Raises:
        RecordsError: the folder holds no finished records, records of another format version,
            or a shard is missing or cut short.
    """
    records_dir = Path(records_dir)
    path = records_dir / MANIFEST_NAME
    if not path.is_file():
        raise RecordsError(
            f"{records_dir} holds no finished records ({MANIFEST_NAME} is missing): "
            "run prepare, again if it was interrupted"
        )
    manifest = Manifest.read(path)
    for shard in manifest.shards:
        if not shard.is_intact(records_dir):
            raise RecordsError(
                f"{records_dir / shard.name} is missing or not {shard.size_bytes} bytes long: "
                "run prepare again, which remakes it"
            )
    return manifest


@contextlib.contextmanager
def open_json(path: Path) -> Iterator[dict[str, Any]]:
    """Read an account or a manifest, and what is made of it meanwhile; its version comes first.

    Raises:
        RecordsError: the file cannot be read, is damaged or was written by another format version.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = content["settings"]["format_version"]
        if version != FORMAT_VERSION:
            raise RecordsError(
                f"{path}: records of format {version}, but this deepkoal reads format "
                f"{FORMAT_VERSION}: prepare the photos again into another folder"
            )
        yield content
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RecordsError(
            f"{path}: damaged ({type(error).__name__}: {error}): "
            "delete the folder and prepare the photos again"
        ) from error
