"""Files that appear whole or not at all, and folders that one process at a time writes to."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deepkoal.errors import DeepkoalError

if sys.platform != "win32":
    import fcntl

LOCK_FILE = ".lock"
_PART = ".part-"


def real_path(path: str | Path) -> Path:
    """Return a path from the root on, without links.

    `Path.resolve` raises `RuntimeError` where links lead in a circle, up to Python 3.12.
    """
    return Path(os.path.realpath(path))


@contextlib.contextmanager
def replace_atomically(path: str | Path, *, permissions: int | None = None) -> Iterator[Path]:
    """Hand out a path beside `path` to write to; renamed to it unless the block raises.

    What was written is flushed to disk before it is renamed, so that a crash of the machine
    leaves the old file or the new one. A symbolic link at `path` stays: its target is replaced. A
    file that is replaced leaves its permissions to the new one, from the first byte on.

    Args:
        path: the file to write; its folder must exist. The path handed out ends as it does.
        permissions: of a new file; the usual ones where None.

    Raises:
        OSError: the file cannot be written or renamed; nothing is left beside `path`.
    """
    place = real_path(path)
    # Of the name only the end, because a name may have the greatest length that there is.
    part = place.with_name(f"{_PART}{secrets.token_hex(8)}-{place.name[-24:]}")
    if place.is_file():
        permissions = place.stat().st_mode & 0o7777
    try:
        if permissions is not None:
            part.touch(0o600)
            part.chmod(permissions | 0o600)
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        if permissions is not None:
            part.chmod(permissions)
        part.replace(place)
    finally:
        with contextlib.suppress(OSError):  # or it would hide why the block raised
            part.unlink(missing_ok=True)


def write_bytes_atomically(path: str | Path, data: bytes) -> None:
    """Write a binary file whole or not at all, see `replace_atomically`."""
    with replace_atomically(path) as part:
        part.write_bytes(data)


def write_text_atomically(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all, see `replace_atomically`."""
    with replace_atomically(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json_atomically(path: str | Path, content: Any) -> None:
    """Write a JSON file of indented lines whole or not at all, see `replace_atomically`."""
    write_text_atomically(path, json.dumps(content, indent=1) + "\n")


def remove_parts(*folders: str | Path) -> None:
    """Remove what killed processes left unfinished; only while no other one writes there."""
    for folder in folders:
        for part in Path(folder).glob(f"{_PART}*"):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def make_folder_atomically(folder: str | Path) -> Iterator[Path]:
    """Hand out a new folder beside `folder` to fill; renamed to it unless the block raises.

    What killed processes left unfinished there is removed, which is what nobody holds: the
    system's locks die with a process. Where it has none (Windows) unfinished folders stay.

    Args:
        folder: to make; the ones above it are made too.

    Raises:
        OSError: the folder cannot be made, filled or renamed; nothing is left of it.
    """
    folder = Path(folder)
    part = folder.with_name(f".{secrets.token_hex(8)}.part")
    for other in folder.parent.glob(".*.part"):
        with contextlib.suppress(OSError), _hold(other):
            shutil.rmtree(other)
    try:
        part.mkdir(parents=True)
        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError):
                held.enter_context(_hold(part))
            yield part
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def _hold(folder: Path) -> Iterator[None]:
    """Hold a folder by a lock on itself; `OSError` where another does, or the system has none."""
    if sys.platform == "win32":
        raise OSError("no locks")
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def lock_folder(folder: str | Path) -> Iterator[None]:
    """Hold a folder for this process alone; a second one that asks for it is refused at once.

    The lock is the system's on a file `.lock`, removed when the block ends. It dies with its
    process, however that ends. Where the system has no such locks (Windows) nothing is held.

    Args:
        folder: made where there is none, and removed again if it is empty in the end.

    Raises:
        BlockingIOError: another process, or another call in this one, holds it.
        OSError: the folder cannot be made or written to.
    """
    folder = Path(folder)
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK_FILE
    descriptor = _open_locked(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # or it would hide why the block raised
            path.unlink()  # while it is held: who has opened it already will see
        os.close(descriptor)
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _open_locked(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if sys.platform == "win32":
            return descriptor
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last holder may have removed the file after it was opened here.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Hand out an empty folder that is removed at the end.

    Raises:
        DeepkoalError: the system has no place for temporary files, as a container that may not
            write anywhere.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="deepkoal-")
    except OSError as error:
        raise DeepkoalError(
            f"no folder for temporary files ({error.strerror or error}); set TMPDIR to one that "
            "may be written"
        ) from error
    with folder as name:
        yield Path(name)
