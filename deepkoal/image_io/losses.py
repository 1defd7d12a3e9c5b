"""What of a photo a result in some format cannot keep."""

from __future__ import annotations

import numpy as np
from PIL import ExifTags, Image

from deepkoal.image_io.encoding import SEGMENT_BYTES
from deepkoal.image_io.formats import FORMATS, WRITTEN, choose_suffix
from deepkoal.image_io.photo import Photo

_SCREEN_DPI = 96.0
"""A resolution up to this is no scan's: programs write it where they know none."""


def list_losses(photo: Photo, kind: str) -> list[str]:
    """Return what a photo has that a result does not keep; empty where it keeps all.

    Color profiles are not among it: the result is in sRGB, which is what no profile means.

    Args:
        photo: as it was read, before anything was added to its metadata.
        kind: the result's format, a key of `formats.WRITTEN`.
    """
    holds, metadata = WRITTEN[kind].holds, photo.metadata
    has = {
        "16 bits": photo.rgb.dtype == np.uint16,
        "alpha": photo.alpha is not None
        and bool((photo.alpha < np.iinfo(photo.alpha.dtype).max).any()),
        "exif": _has_content(metadata.exif),
        "xmp": bool(metadata.xmp),
        "iptc": bool(metadata.iptc),
        "dpi": metadata.dpi is not None and max(metadata.dpi) > _SCREEN_DPI,
        "comment": bool(metadata.comment) and "text" not in holds,
        "text": bool(metadata.text),
    }
    names = {"exif": "EXIF", "xmp": "XMP", "iptc": "IPTC", "comment": "comment", "text": "texts"}
    lost = [
        names.get(what, what) for what, is_there in has.items() if is_there and what not in holds
    ]
    if kind == "JPEG" and len(metadata.exif) > SEGMENT_BYTES:
        lost.append("EXIF (of more than 64 KB)")
    return lost


def note_losses(photo: Photo, suffix: str) -> list[str]:
    """Return a line where a result whose name ends in `suffix` does not keep what the photo has."""
    kind = FORMATS[suffix.lower()]
    lost = ", ".join(list_losses(photo, kind))
    return [f"written as {kind}, which does not keep its {lost}"] if lost else []


def choose_kept_suffix(photo: Photo, kind: str) -> str:
    """Return the ending of a result where none is asked for, by the photo and its file's format.

    That is the format's own where it is written and holds the photo's depth and alpha, else `.png`.
    """
    suffix = choose_suffix(kind)
    lost = set(list_losses(photo, FORMATS[suffix]))
    return ".png" if lost & {"16 bits", "alpha"} else suffix


def _has_content(block: bytes) -> bool:
    exif = Image.Exif()
    exif.load(block)
    return bool(set(exif) - {ExifTags.Base.Orientation})
