"""Which of a TIFF file's directories are photos: thumbnails, masks and smaller copies are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_RAW_COLORS = (32803, 34892)  # TIFF/EP color filter array, DNG linear raw
_DNG_VERSION = 50706
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType


class CameraRawError(Exception):
    """The file is a camera's raw file, whose first picture is a thumbnail."""


@dataclass(frozen=True)
class TiffPage:
    """A photo in a TIFF file.

    Attributes:
        tags: tifffile's page.
        frame: its number for Pillow; None where Pillow cannot find it.
    """

    tags: Any
    frame: int | None


def list_photos(tiff: Any) -> list[TiffPage]:
    """Return a file's photos, without thumbnails, masks and smaller copies.

    Where a page is flagged as a thumbnail, the photo may be below it (TIFF/EP).
    """
    photos: list[TiffPage] = []
    everything: list[TiffPage] = []
    for number, page in enumerate(tiff.pages):
        page = page.aspage()
        if not page.imagewidth and number:  # a directory of content credentials, not of pixels
            continue
        everything.append(TiffPage(page, number))
        if _DNG_VERSION in page.tags or page.photometric in _RAW_COLORS:
            raise CameraRawError
        if not page.subfiletype & (_REDUCED | _MASK):
            photos.append(TiffPage(page, number))
        elif page.subfiletype & _REDUCED:
            below = [each.aspage() for each in (page.pages or ())]
            if any(each.photometric in _RAW_COLORS for each in below):
                raise CameraRawError
            photos += [TiffPage(each, None) for each in below if not each.subfiletype & _REDUCED]
    return photos or everything[:1]
