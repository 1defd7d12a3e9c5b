"""Opening: whatever a photo is given as becomes a binary file that can be read more than once."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO

from deepkoal.errors import PhotoError
from deepkoal.image_io.formats.kinds import is_address

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]
"""A path, a file's bytes or an open binary file."""


def name_source(source: Source) -> str:
    """Return what messages call a photo: its path, the file's own name, or else `photo`."""
    if isinstance(source, (str, os.PathLike)):
        return str(Path(source))
    return str(getattr(source, "name", "photo"))


def open_source(source: Source, name: str) -> IO[bytes]:
    """Open a photo's file at its beginning.

    Args:
        source: of a stream all is read that is left of it.
        name: what messages call it.

    Raises:
        PhotoError: it is missing, cannot be read, is an address, a folder, a pipe or no binary
            file.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(source)
    if not isinstance(source, (str, os.PathLike)):
        return _read_stream(source, name)
    if not source:
        raise PhotoError("expected the path of a photo file, got an empty one")
    path = Path(source)
    if is_address(str(source)) and not path.exists():
        raise PhotoError(
            f"{source}: an address, and nothing is fetched from the network; save the photo first"
        )
    return _open(path, name)


def _open(path: Path, name: str) -> IO[bytes]:
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait forever
            kind = "a folder" if path.is_dir() else "not a regular file"
            if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
                kind = "a folder, and cannot be listed"
            raise PhotoError(f"{name}: is {kind}; give the path of a photo file")
        return path.open("rb")
    except FileNotFoundError as error:
        raise PhotoError(f"{name}: no such file; check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        cause = getattr(error, "strerror", None) or error
        raise PhotoError(
            f"{name}: cannot be opened ({cause}); check the path and your permissions"
        ) from error


def _read_stream(stream: IO[bytes], name: str) -> IO[bytes]:
    try:
        data: object = stream.read()
    except (AttributeError, OSError, ValueError) as error:  # ValueError: it is closed
        raise PhotoError(
            f"{name}: cannot be read ({error}); give a path, bytes or an open binary file"
        ) from error
    if not isinstance(data, bytes):
        raise PhotoError(
            f"{name}: expected a file opened in binary mode, got one that gives "
            f"{type(data).__name__}; open it with mode 'rb'"
        )
    return io.BytesIO(data)
