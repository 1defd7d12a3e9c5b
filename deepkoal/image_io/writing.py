"""Writing: a photo's file in its place, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from deepkoal.atomic_files import replace_atomically
from deepkoal.errors import PhotoError
from deepkoal.image_io.encoding import check_alpha, check_pixels, encode_photo, match_depth
from deepkoal.image_io.formats import FORMATS
from deepkoal.image_io.photo import Photo, Pixels
from deepkoal.image_io.tiff_writing import CLASSIC_BYTES, TiffPages

Seal = Callable[[bytes], bytes]
"""From a finished file's bytes to those that are written."""

_REMEDIES = {
    errno.ENOENT: "create the folder first",
    errno.ENOTDIR: "choose a path whose folder is a folder",
    errno.EISDIR: "choose a name that is not a folder's",
    errno.ENOSPC: "free some space or choose another disk",
    errno.EDQUOT: "free some space or choose another disk",
    errno.EACCES: "choose a folder you may write to",
    errno.EPERM: "choose a folder you may write to",
    errno.EROFS: "choose a folder you may write to",
}


def write_photo(
    path: str | os.PathLike[str],
    rgb: Pixels,
    like: Photo | None = None,
    *,
    quality: int | None = None,
    permissions: int | None = None,
    seal: Seal | None = None,
) -> None:
    """Write a photo in the format its name ends in, replacing the file if there is one.

    The file appears whole or not at all, see `atomic_files.replace_atomically`: a symbolic link
    stays and its target is replaced, and a file that is replaced keeps its permissions.

    Args:
        path: ends in one of `PHOTO_SUFFIXES`; its folder exists.
        rgb: as in `encode_photo`.
        like: the photo whose alpha and metadata are carried over; see `encode_photo`.
        quality: as in `encode_photo`.
        permissions: of a new file; the usual ones where None.
        seal: what the file becomes last, such as signed.

    Raises:
        PhotoError: as for `encode_photo`, or the file cannot be written.
    """
    path = _check_path(path)
    if path.suffix.lower() not in FORMATS:
        raise PhotoError(
            f"{path}: ends in {path.suffix!r}, so its format is unknown; name it .jpg, .png, "
            ".webp, .tif, .bmp or .gif"
        )
    data = encode_photo(rgb, path.suffix, like, quality=quality)
    if seal is not None:
        data = seal(data)
    with _written(path, permissions) as part:
        part.write_bytes(data)


@contextlib.contextmanager
def write_pages(
    path: str | os.PathLike[str],
    *,
    largest_bytes: int = 0,
    permissions: int | None = None,
    seal: Seal | None = None,
) -> Iterator[Callable[[Pixels, Photo], None]]:
    """Write a TIFF file page by page, whole or not at all.

    Args:
        path: of the file.
        largest_bytes: what all pages will have, at most; above 4 GB the file is a BigTIFF.
        permissions: of a new file; the usual ones where None.
        seal: as in `write_photo`.

    Yields:
        A function that appends a page: its pixels, and the photo whose alpha and metadata it has.

    Raises:
        PhotoError: the file cannot be written.
    """
    path = _check_path(path)
    with _written(path, permissions) as part:
        with part.open("wb") as file:
            pages = TiffPages(file, big=largest_bytes > CLASSIC_BYTES)

            def append(pixels: Pixels, like: Photo) -> None:
                check_pixels(pixels, like.source)
                check_alpha(like.alpha, pixels, like.source)
                alpha = None if like.alpha is None else match_depth(like.alpha, pixels)
                pages.append(pixels, alpha, like.metadata, like.compression)

            yield append
        if seal is not None:
            part.write_bytes(seal(part.read_bytes()))


def _check_path(path: object) -> Path:
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise PhotoError(
            f"expected the path of a file to write, got {type(path).__name__}; "
            "deepkoal.image_io.encode_photo gives the file's bytes"
        )
    if "\0" in os.fspath(path):
        raise PhotoError(f"{path!r}: holds a null character; choose another name")
    return Path(path)


@contextlib.contextmanager
def _written(path: Path, permissions: int | None) -> Iterator[Path]:
    """Hand out a path beside `path` to write to, and explain what goes wrong with it."""
    try:
        with replace_atomically(path, permissions=permissions) as part:
            yield part
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "check the folder and the disk")
        raise PhotoError(
            f"{path}: cannot be written ({error.strerror or error}); {remedy}"
        ) from error


def write_image(path: str | os.PathLike[str], rgb: Pixels) -> None:
    """Write pixels, as `write_photo` takes them, in the format the path's name ends in.

    Raises:
        PhotoError: as for `write_photo`.
    """
    write_photo(path, rgb)
