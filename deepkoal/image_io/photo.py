"""What a photo is in memory: its pixels, and all that its file carried besides."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy.typing as npt

from deepkoal.errors import PhotoError
from deepkoal.image_io.formats import FORMATS as FORMATS
from deepkoal.image_io.formats import PHOTO_SUFFIXES as PHOTO_SUFFIXES
from deepkoal.image_io.formats import READABLE as READABLE
from deepkoal.short_repr import short_repr

Pixels = npt.NDArray[Any]
"""uint8 in 0…255 or uint16 in 0…65535."""


@dataclass(frozen=True)
class PhotoMetadata:
    r"""What a file carries besides its pixels, as it goes from the photo to its result.

    Whatever describes one file's pixels is reset or left out: orientation, size, color space,
    previews, and where in the file what lies.

    Attributes:
        exif: EXIF block starting with `Exif\0\0`, or empty: orientation 1, no thumbnail. For a
            TIFF file it has the file's own tags too.
        icc_profile: the profile that the pixels are in: the file's own if it is sRGB, a standard
            sRGB profile if the pixels were converted, None where the file had none.
        xmp: XMP packet, UTF-8, or empty; `metadata.xmp.XmpPacket` reads and changes it.
        iptc: IPTC-IIM records, or empty.
        photoshop: further Photoshop image resources (`8BIM` blocks), or empty.
        comment: of a JPEG or GIF file, or empty.
        text: keywords and texts of a PNG file.
        dpi: horizontal and vertical resolution in pixels an inch, or None.
    """

    exif: bytes = b""
    icc_profile: bytes | None = None
    xmp: bytes = b""
    iptc: bytes = b""
    photoshop: bytes = b""
    comment: bytes = b""
    text: tuple[tuple[str, str], ...] = ()
    dpi: tuple[float, float] | None = None


@short_repr
@dataclass(frozen=True, eq=False)
class Photo:
    r"""A decoded photo, upright and in sRGB, with what its file carried besides the pixels.

    Attributes:
        rgb: uint8 (H, W, 3) in 0…255 or uint16 in 0…65535, sRGB, C-contiguous, orientation
            applied.
        alpha: (H, W) of the same type, 0 transparent; None where the file has none.
        metadata: what else the file carried.
        source: name of the file, for messages.
        notes: what the reader should know of how it was read, a line each, such as that it is
            the first of several frames.
        quality: of a JPEG file, 1…100, estimated from its tables; None for other formats.
        pages: how many photos the file holds; `read_photo` reads one at a time.
        compression: of the file, that a result of its format is to have too: of TIFF `lzw` or
            `deflate`, which stands for all others, of WebP `lossless`; None for the usual one.
        is_grey: whether the file holds lightness alone: the three channels are alike.
    """

    rgb: Pixels
    alpha: Pixels | None = None
    metadata: PhotoMetadata = field(default_factory=PhotoMetadata)
    source: str = "photo"
    notes: tuple[str, ...] = ()
    quality: int | None = None
    pages: int = 1
    compression: str | None = None
    is_grey: bool = False

    @property
    def exif(self) -> bytes:
        """The metadata's EXIF block."""
        return self.metadata.exif

    @property
    def icc_profile(self) -> bytes | None:
        """The metadata's color profile."""
        return self.metadata.icc_profile


def list_photos(
    folder: str | os.PathLike[str], *, unlisted: list[Path] | None = None
) -> list[Path]:
    """Return the photos below a folder, by file name ending, sorted.

    Hidden files and folders (a leading dot) are left out, links to folders are not followed.

    Args:
        folder: to look in.
        unlisted: takes the folders below it whose files cannot be listed.

    Raises:
        PhotoError: the folder is missing, not a folder, or cannot be read.
    """
    files = list_files(folder, unlisted=unlisted)
    return [path for path in files if path.suffix.lower() in PHOTO_SUFFIXES]


def check_folder(folder: str | os.PathLike[str]) -> None:
    """Make sure that a folder can be listed.

    Raises:
        PhotoError: it is missing, not a folder, or cannot be read.
    """
    try:
        with os.scandir(folder):
            return
    except OSError as error:
        raise PhotoError(
            f"{os.fspath(folder)}: cannot be listed ({error.strerror}); give a readable folder"
        ) from error


def explain_unlisted(folder: Path) -> PhotoError:
    """Return what is said of a folder among photos that `list_files` could not list."""
    return PhotoError(f"{folder}: cannot be listed; check your permissions")


def list_files(folder: str | os.PathLike[str], *, unlisted: list[Path] | None = None) -> list[Path]:
    """Return all files below a folder, sorted, without hidden ones and those in hidden folders.

    Args:
        folder: to look in.
        unlisted: takes the folders below it that cannot be listed: those of other users, mostly.

    Raises:
        PhotoError: the folder is missing, not a folder, or cannot be read.
    """
    check_folder(folder)  # os.walk would pass over an unreadable folder
    found: list[Path] = []

    def note(error: OSError) -> None:
        if unlisted is not None:
            unlisted.append(Path(error.filename))

    for parent, folders, files in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in files if not name.startswith(".")]
    return sorted(found)
