"""The photos that are being worked on: opened one at a time, the last ones kept."""

from __future__ import annotations

import threading
from pathlib import PurePath

from deepkoal.guidance import Reference
from deepkoal.image_io import Sample, decode_photo, encode_photo, read_sample
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.contact_sheets import desaturate
from deepkoal.serving.errors import printable
from deepkoal.studio.lru_store import LruStore
from deepkoal.studio.open_photo import MAX_PIXELS, OpenPhoto, draw_thumbnail, open_photo

KEPT_PHOTOS = 12
KEPT_BYTES = 400_000_000


class Session:
    """Opens photos and keeps the last of them.

    Args:
        colorizer: its network predicts them.
    """

    def __init__(self, colorizer: Colorizer) -> None:
        self.colorizer = colorizer
        self.photos: LruStore[OpenPhoto] = LruStore("photo", KEPT_PHOTOS, KEPT_BYTES)
        self.references: LruStore[Reference] = LruStore("reference photo", KEPT_PHOTOS, KEPT_BYTES)
        self.heavy = threading.Lock()
        """Held while a photo is worked on at its full size: one at a time, for memory's sake."""

    def open(self, data: bytes, name: str) -> str:
        """Predict a photo, keep it and return its id.

        Args:
            data: its file.
            name: of the file, as it is to be shown, see `clean_name`.

        Raises:
            PhotoError: the file is not a photo, or too large.
        """
        with self.heavy:
            opened = open_photo(self.colorizer, data, clean_name(name))
        return self.photos.put(opened, len(data))

    def open_sample(self, sample: Sample) -> str:
        """Open a sample photo without its colors; return its id."""
        grey = desaturate(read_sample(sample).rgb)
        return self.open(encode_photo(grey, PurePath(sample.file).suffix), sample.file)

    def open_reference(self, data: bytes, name: str) -> tuple[str, bytes]:
        """Predict a color photo and keep it as a reference; return its id and a thumbnail.

        Raises:
            DeepkoalError: the file is not a photo, too large, or has no colors.
        """
        with self.heavy:
            photo = decode_photo(data, clean_name(name), max_pixels=MAX_PIXELS)
            reference = self.colorizer.open_reference(photo.rgb)
        return self.references.put(reference, 0), draw_thumbnail(photo.rgb)


def clean_name(name: str) -> str:
    """Return a name that can be shown, sent and stored: the last part of what may be a path.

    Args:
        name: any; one from a disk that is not in UTF-8 has surrogates.

    Returns:
        At most 100 characters, without surrogates; `photo` for none.
    """
    return printable(name.replace("\\", "/").rpartition("/")[2][-100:]) or "photo"
