"""The photos that are being worked on: opened one at a time, and the last ones kept."""

from __future__ import annotations

import threading
from pathlib import PurePath

from deepkoal.guidance import Reference
from deepkoal.image_io import Sample, decode_photo, encode_photo, read_sample
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.contact_sheets import desaturate
from deepkoal.studio.lru_store import LruStore
from deepkoal.studio.open_photo import MAX_PIXELS, OpenPhoto, draw_thumbnail, open_photo

KEPT_PHOTOS = 12
KEPT_BYTES = 400_000_000


class Session:
    """Opens photos and keeps the last of them.

    Args:
        colorizer: whose network sees them.
    """

    def __init__(self, colorizer: Colorizer) -> None:
        self.colorizer = colorizer
        self.photos: LruStore[OpenPhoto] = LruStore("photo", KEPT_PHOTOS, KEPT_BYTES)
        self.references: LruStore[Reference] = LruStore("reference photo", KEPT_PHOTOS, KEPT_BYTES)
        self.heavy = threading.Lock()
        """Held while a photo is worked on at its full size: one at a time, for memory's sake."""

    def open(self, data: bytes, name: str) -> str:
        """Show a photo to the network and keep it; return its id.

        Raises:
            PhotoError: the bytes are no photo, or too large a one.
        """
        with self.heavy:
            opened = open_photo(self.colorizer, data, name)
        return self.photos.put(opened, len(data))

    def open_sample(self, sample: Sample) -> str:
        """Open a sample photo without its colors; return its id."""
        grey = desaturate(read_sample(sample).rgb)
        return self.open(encode_photo(grey, PurePath(sample.file).suffix), sample.file)

    def open_reference(self, data: bytes, name: str) -> tuple[str, bytes]:
        """Show a color photo to the network and keep what it tells; return its id and a thumbnail.

        Raises:
            DeepkoalError: the bytes are no photo, too large a one, or one without colors.
        """
        with self.heavy:
            photo = decode_photo(data, name, max_pixels=MAX_PIXELS)
            reference = self.colorizer.open_reference(photo.rgb)
        return self.references.put(reference, 0), draw_thumbnail(photo.rgb)
