"""Writing: a photo out, whole or not at all, with the metadata its format can hold."""

import errno
import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from deepkoal.atomic_files import write_bytes_atomically
from deepkoal.errors import PhotoError, check_range
from deepkoal.image_io.photo import FORMATS, READABLE, Photo


@dataclass(frozen=True)
class _Format:
    """What a format can hold, and the options it is saved with."""

    largest_side: int
    keeps_alpha: bool = False
    keeps_metadata: bool = False
    options: dict[str, Any] = field(default_factory=dict)


_FORMATS = {
    # 4:4:4: halved chroma would blur the very colors this library adds.
    "JPEG": _Format(65_500, keeps_metadata=True, options={"subsampling": 0}),
    "PNG": _Format(2**31 - 1, keeps_alpha=True, keeps_metadata=True, options={"compress_level": 3}),
    "WEBP": _Format(16_383, keeps_alpha=True, keeps_metadata=True),
    # Uncompressed: with compression Pillow cannot write EXIF.
    "TIFF": _Format(
        2**31 - 1, keeps_alpha=True, keeps_metadata=True, options={"compression": "raw"}
    ),
    "BMP": _Format(2**31 - 1),
    "GIF": _Format(65_535),
}
_LOSSY = ("JPEG", "WEBP")
_LARGEST_JPEG_EXIF = 65_533

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


def encode_photo(
    rgb: npt.NDArray[np.uint8], format: str, like: Photo | None = None, *, quality: int = 95
) -> bytes:
    """Encode a picture as the bytes of a photo file.

    Args:
        rgb: uint8 (H, W, 3) in 0…255, sRGB.
        format: `JPEG` (4:4:4), `PNG`, `WEBP`, `TIFF`, `BMP` or `GIF`; an ending such as `.jpg`
            is taken too.
        like: the photo whose alpha, EXIF and color profile are carried over, as far as the
            format can hold them: PNG, WebP and TIFF all three, JPEG all but alpha, BMP and GIF
            none.
        quality: of JPEG and WebP, 1…100.

    Raises:
        PhotoError: the array is no picture, its size is not `like`'s although there is alpha
            to carry, the format is unknown or cannot hold so large a picture, or the quality is
            no whole number in 1…100.
    """
    name = "picture" if like is None else like.source
    kind = FORMATS.get(format.lower(), format.upper())
    if kind not in _FORMATS:
        raise PhotoError(f"{name}: cannot be written as {format!r}; choose {READABLE}")
    check_range(quality, f"{name}'s quality", 1, 100, whole=True, error=PhotoError)
    _check_pixels(rgb, name)
    spec = _FORMATS[kind]
    height, width = rgb.shape[:2]
    if max(height, width) > spec.largest_side:
        raise PhotoError(
            f"{name}: {width}×{height} pixels, but {kind} holds at most {spec.largest_side:,} a "
            "side; choose PNG or TIFF, or scale it down"
        )
    image = Image.fromarray(np.ascontiguousarray(rgb))
    options = dict(spec.options)
    if kind in _LOSSY:
        options["quality"] = int(quality)  # Pillow takes no number of NumPy's
    if like is not None and spec.keeps_alpha and like.alpha is not None:
        if like.alpha.shape != (height, width):
            raise PhotoError(
                f"{name}: {width}×{height} pixels, but its alpha has "
                f"{like.alpha.shape[1]}×{like.alpha.shape[0]}; scale one to the other"
            )
        image.putalpha(Image.fromarray(like.alpha))
    if like is not None and spec.keeps_metadata:
        options["icc_profile"] = like.icc_profile
        if like.exif and not (kind == "JPEG" and len(like.exif) > _LARGEST_JPEG_EXIF):
            options["exif"] = like.exif
    file = io.BytesIO()
    try:
        image.save(file, kind, **options)
    except Exception as error:  # encoders raise many kinds, most of them on odd metadata
        raise PhotoError(
            f"{name}: cannot be encoded as {kind} ({error}); choose another format"
        ) from error
    return file.getvalue()


def _check_pixels(rgb: object, name: str) -> None:
    if not isinstance(rgb, np.ndarray):
        got = type(rgb).__name__
    elif rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        got = f"{rgb.dtype} {rgb.shape}"
    else:
        return
    raise PhotoError(
        f"{name}: expected uint8 pixels of shape (H, W, 3), got {got}; convert them first"
    )


def write_photo(
    path: str | os.PathLike[str],
    rgb: npt.NDArray[np.uint8],
    like: Photo | None = None,
    *,
    quality: int = 95,
) -> None:
    """Write a photo in the format its name ends in, replacing the file if there is one.

    The file appears whole or not at all, see `atomic_files.replace_atomically`: a symbolic link
    stays and its target is replaced, and a file that is replaced keeps its permissions.

    Args:
        path: ends in one of `PHOTO_SUFFIXES`; its folder exists.
        rgb: uint8 (H, W, 3) in 0…255, sRGB.
        like: the photo whose alpha, EXIF and color profile are carried over; see `encode_photo`.
        quality: of JPEG and WebP, 1…100.

    Raises:
        PhotoError: as for `encode_photo`, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise PhotoError(
            f"{path}: ends in {path.suffix!r}, so its format is unknown; name it .jpg, .png, "
            ".webp, .tif, .bmp or .gif"
        )
    data = encode_photo(rgb, path.suffix, like, quality=quality)
    try:
        write_bytes_atomically(path, data)
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "check the folder and the disk")
        raise PhotoError(
            f"{path}: cannot be written ({error.strerror or error}); {remedy}"
        ) from error


def write_image(path: str | os.PathLike[str], rgb: npt.NDArray[np.uint8]) -> None:
    """Write pixels, uint8 (H, W, 3) in 0…255, sRGB, in the format the path's name ends in.

    Raises:
        PhotoError: as for `write_photo`.
    """
    write_photo(path, rgb)
