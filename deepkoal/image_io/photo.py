"""What a photo is in memory, and which files count as one."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deepkoal.errors import PhotoError
from deepkoal.short_repr import short_repr

FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".gif": "GIF",
}
"""File name ending, in lower case, to Pillow's name of the format."""

PHOTO_SUFFIXES = frozenset(FORMATS)
"""File name endings, in lower case with the dot, that are read and written."""

READABLE = "JPEG, PNG, WebP, TIFF, BMP or GIF"


@short_repr
@dataclass(frozen=True, eq=False)
class Photo:
    r"""A decoded photo, upright and in sRGB, with what its file carried besides the pixels.

    Attributes:
        rgb: uint8 (H, W, 3) in 0…255, sRGB, C-contiguous, orientation applied.
        alpha: uint8 (H, W), 0 transparent to 255 opaque; None where the file has none.
        exif: EXIF block starting with `Exif\0\0`, or empty: orientation reset to 1, size and
            color space those of `rgb`, no thumbnail (it would show the old picture).
        icc_profile: the profile that `rgb` is in: the file's own if it is sRGB, a standard sRGB
            profile if the pixels were converted, None where the file had none.
        source: name of the file, for messages.
    """

    rgb: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8] | None = None
    exif: bytes = b""
    icc_profile: bytes | None = None
    source: str = "photo"


def list_photos(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the photos below a folder, by file name ending, sorted.

    Hidden files and folders (a leading dot) are left out, links to folders are not followed.

    Raises:
        PhotoError: the folder is missing, not a folder, or cannot be read.
    """
    try:
        os.listdir(folder)  # noqa: PTH208 -- os.walk would pass over an unreadable folder
    except OSError as error:
        raise PhotoError(
            f"{os.fspath(folder)}: cannot be listed ({error.strerror}); give a readable folder"
        ) from error
    photos: list[Path] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        photos += [
            Path(parent, name)
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in PHOTO_SUFFIXES
        ]
    return sorted(photos)
