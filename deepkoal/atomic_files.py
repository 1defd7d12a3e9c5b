"""Files that appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replace_atomically(path: str | Path) -> Iterator[Path]:
    """Hand out a path beside `path` to write to; renamed to it unless the block raises.

    What was written is flushed to disk before it is renamed, so that a crash of the machine
    leaves the old file or the new one. A symbolic link at `path` stays: its target is replaced. A
    file that is replaced leaves its permissions to the new one.

    Args:
        path: the file to write; its folder must exist.

    Raises:
        OSError: the file cannot be written or renamed; nothing is left beside `path`.
    """
    place = Path(os.path.realpath(path))
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            part.chmod(place.stat().st_mode & 0o7777)
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)


def write_bytes_atomically(path: str | Path, data: bytes) -> None:
    """Write a binary file whole or not at all, see `replace_atomically`."""
    with replace_atomically(path) as part:
        part.write_bytes(data)


def write_text_atomically(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all, see `replace_atomically`."""
    with replace_atomically(path) as part:
        part.write_text(text, encoding="utf-8")
