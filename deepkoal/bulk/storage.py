"""A folder of files, on a disk that all nodes of a cluster share or in an object store."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from deepkoal.errors import DeepkoalError, PhotoError, needs_extra
from deepkoal.image_io.formats.kinds import is_address
from deepkoal.image_io.photo import list_files

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

_PIECE = 8 << 20
"""Bytes that are copied at a time."""
_ARROWS_OWN = ("s3://", "gs://", "gcs://")
"""Of addresses that pyarrow opens without other packages, and of which it says what is wrong."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file below a storage's folder.

    Attributes:
        path: below the folder, its parts separated by `/`.
        changed: when it was last written, in nanoseconds since 1970.
    """

    path: str
    changed: int


class Storage:
    """A folder of files. It can be pickled: each process opens what it needs by itself.

    Args:
        address: a path, `file://`, `s3://`, `gs://` as `pyarrow.fs.FileSystem.from_uri` takes them,
            or any other scheme for which fsspec has a package.
        home: folder that a path begins at; this process's where None.

    Attributes:
        folder: its path from the root on, where it is on a disk; None in an object store.
    """

    def __init__(self, address: str, home: Path | None = None) -> None:
        self.address, self._home = address, home or Path.cwd()
        self.folder: Path | None = None
        if not is_address(address):
            self.folder = self._home / address
        elif address.lower().startswith("file://"):
            self.folder = Path(unquote(urlsplit(address).path))

    def __reduce__(self) -> tuple[type[Storage], tuple[str, Path]]:
        """Leave out what is open, and keep in mind where paths begin: workers stand elsewhere."""
        return Storage, (self.address, self._home)

    def __str__(self) -> str:
        """Return its address as it was given, without what is secret in it."""
        if self.folder is not None:
            return str(Path(self.address) if not is_address(self.address) else self.folder)
        return re.sub(r"//[^/@]*@", "//", self.address.split("?")[0])

    @property
    def place(self) -> str:
        """Where it is, however it was given: a path from the root on, or an address; without / ."""
        return str(self).rstrip("/") if self.folder is None else os.path.realpath(self.folder)

    def name(self, path: str) -> str:
        """Return what messages call a file below it."""
        return str(Path(str(self)) / path) if self.folder else f"{str(self).rstrip('/')}/{path}"

    @functools.cached_property
    def _opened(self) -> tuple[FileSystem, str]:
        """The file system of an object store, and the folder's path in that."""
        with needs_extra(f"{self}", "cluster"):
            import pyarrow
            from pyarrow import fs
        try:
            opened, path = fs.FileSystem.from_uri(_save_requests(self.address))
            return opened, path
        except (pyarrow.ArrowInvalid, ImportError) as error:
            if self.address.lower().startswith(_ARROWS_OWN):
                raise self._explain(error) from error
            return self._open_by_fsspec()
        except OSError as error:
            raise self._explain(error) from error

    def _open_by_fsspec(self) -> tuple[FileSystem, str]:
        import fsspec
        from pyarrow import fs

        try:
            opened, path = fsspec.core.url_to_fs(self.address)
        except ImportError as error:
            raise DeepkoalError(
                f"{self}: needs a package that is not installed here ({_shorten(error)}); install "
                "it on all nodes"
            ) from error
        except ValueError as error:
            raise DeepkoalError(
                f"{self}: cannot be opened (no such scheme); expected a path, file://, s3://, "
                "gs://, or a scheme that fsspec knows"
            ) from error
        except Exception as error:  # of whatever package the scheme has
            raise self._explain(error) from error
        return fs.PyFileSystem(fs.FSSpecHandler(opened)), path

    def _explain(self, error: Exception) -> DeepkoalError:
        """Return what is to be said of an address that cannot be opened, without what is secret."""
        cause = _shorten(error).replace(self.address, str(self))
        return DeepkoalError(
            f"{self}: cannot be opened ({cause}); check the address, the credentials and the "
            "network"
        )

    def list_files(self, *, may_lack: bool = False) -> list[StoredFile]:
        """Return all files below it, sorted, without hidden ones and those in hidden folders.

        Args:
            may_lack: whether there need be no such folder.

        Raises:
            DeepkoalError: it cannot be listed.
        """
        if self.folder is not None:
            if may_lack and not self.folder.exists():
                return []
            return list(self._list_on_disk(self.folder))
        from pyarrow.fs import FileSelector, FileType

        opened, base = self._opened
        selector = FileSelector(base, recursive=True, allow_not_found=may_lack)
        with self._explained("", "listed"):
            found = opened.get_file_info(selector)
        skip = len(base.rstrip("/")) + 1
        files = [
            # Some servers list dates in a form that Arrow cannot read; asked for one, they can.
            StoredFile(info.path[skip:], info.mtime_ns or self.find_change(info.path[skip:]) or 0)
            for info in found
            if info.type == FileType.File
        ]
        shown = [file for file in files if not any(p[:1] == "." for p in file.path.split("/"))]
        return sorted(shown, key=lambda file: file.path)

    def _list_on_disk(self, folder: Path) -> Iterator[StoredFile]:
        unlisted: list[Path] = []
        # A worker that is to read a folder names it, and why it cannot.
        files = list_files(folder, unlisted=unlisted)
        for path, end in [*((each, "") for each in files), *((each, "/") for each in unlisted)]:
            with contextlib.suppress(OSError):  # a link that leads nowhere
                name = path.relative_to(folder).as_posix() + end
                yield StoredFile(name, path.stat().st_mtime_ns)

    def find_change(self, path: str) -> int | None:
        """Return when a file was last written, in nanoseconds; None where there is none.

        It is 0 where the store does not tell.
        """
        if self.folder is not None:
            try:
                return (self.folder / path).stat().st_mtime_ns
            except OSError:
                return None
        opened, base = self._opened
        with self._explained(path, "looked up"):
            info = opened.get_file_info(f"{base.rstrip('/')}/{path}")
        return (info.mtime_ns or 0) if info.is_file else None

    def read_start(self, path: str, count: int) -> bytes:
        """Return the first `count` bytes of a file, or all where it has fewer.

        Raises:
            PhotoError: it cannot be read.
        """
        with self._explained(path, "read"), self._open(path) as file:
            return bytes(file.read(count))

    def fetch(self, path: str, place: Path) -> None:
        """Copy a file to a place on this machine's disk, whose folder is made.

        Raises:
            PhotoError: it cannot be read, or the place cannot be written.
        """
        with self._explained(path, "fetched"), self._open(path) as file:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as copy:
                shutil.copyfileobj(file, copy, _PIECE)

    def put(self, place: Path, path: str) -> None:
        """Copy a file of this machine's disk to an object store, where it appears whole.

        Raises:
            PhotoError: it cannot be written.
        """
        opened, base = self._opened
        there = f"{base.rstrip('/')}/{path}"
        with self._explained(path, "written"), place.open("rb") as file:
            try:
                with opened.open_output_stream(there) as stream:
                    shutil.copyfileobj(file, stream, _PIECE)
            except OSError:
                # Closing the stream may have shown what it had got.
                with contextlib.suppress(OSError):
                    opened.delete_file(there)
                raise

    def _open(self, path: str) -> Any:
        if self.folder is not None:
            return (self.folder / path).open("rb")
        opened, base = self._opened
        return opened.open_input_stream(f"{base.rstrip('/')}/{path}")

    @contextlib.contextmanager
    def _explained(self, path: str, done: str) -> Iterator[None]:
        """Turn what a file system raises into an error that names the file."""
        try:
            yield
        except OSError as error:
            name = self.name(path) if path else str(self)
            raise PhotoError(
                f"{name}: cannot be {done} ({_shorten(error)}); check the address, the "
                "credentials, the space and the network"
            ) from error


def _save_requests(address: str) -> str:
    """Return an S3 address by which a small object is written in one request instead of three."""
    if not address.lower().startswith("s3://") or "allow_delayed_open=" in address:
        return address
    return f"{address}{'&' if '?' in address else '?'}allow_delayed_open=true"


def _shorten(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(os.fspath(text).split())[:300]
