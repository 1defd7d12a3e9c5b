"""The photos that are being worked on: opened one at a time, the last ones kept ready."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from pathlib import PurePath

from deepkoal.arrays import ByteArray
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import Reference
from deepkoal.image_io import Sample, decode_photo, encode_photo, read_sample
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.contact_sheets import desaturate
from deepkoal.restoration import RestorationOptions, restore_photo
from deepkoal.serving.errors import printable
from deepkoal.studio.photos.albums import AlbumKeeper
from deepkoal.studio.photos.drawing import draw_thumbnail
from deepkoal.studio.photos.lru_store import LruStore
from deepkoal.studio.photos.open_photo import MAX_PIXELS, OpenPhoto, open_photo, read_pixels
from deepkoal.studio.photos.painting import StyleKeeper
from deepkoal.style.styles import Style

KEPT_PHOTOS = 12
KEPT_BYTES = 400_000_000


class Session:
    """Opens photos and keeps the last of them. Their ids are the sha256 of their files.

    Args:
        colorizer: its network predicts them.
    """

    def __init__(self, colorizer: Colorizer) -> None:
        self.colorizer = colorizer
        self.photos: LruStore[OpenPhoto] = LruStore("photo", KEPT_PHOTOS, KEPT_BYTES)
        self.references: LruStore[Reference] = LruStore("reference photo", KEPT_PHOTOS, KEPT_BYTES)
        self.heavy = threading.Lock()
        """Held while a photo is worked on at its full size: one at a time, for memory's sake."""
        self.albums = AlbumKeeper(colorizer)
        self.styles = StyleKeeper()
        self._changed: LruStore[OpenPhoto] = LruStore("photo", KEPT_PHOTOS, KEPT_BYTES)
        self._full: tuple[str, ByteArray] | None = None
        self._repaired: tuple[str, ByteArray] | None = None

    def open(self, data: bytes, name: str) -> str:
        """Predict a photo, keep it and return its id; one that is kept is only named anew.

        Args:
            data: its file.
            name: of the file, as it is to be shown, see `clean_name`.

        Raises:
            PhotoError: the file is not a photo, or too large.
        """
        key, name = hashlib.sha256(data).hexdigest(), clean_name(name)
        if key in self.photos:
            opened = _rename(self.photos.get(key), name)
        else:
            with self.heavy:
                opened = open_photo(self.colorizer, data, name)
        self.photos.put(key, opened, len(data))
        return key

    def find(
        self, key: str, restoration: RestorationOptions | None = None, rotation: int = 0
    ) -> OpenPhoto:
        """Return an open photo, or what it is repaired or rotated: the same file, seen otherwise.

        Args:
            key: its id.
            restoration: what repairs it.
            rotation: in degrees clockwise, see `image_io.read_photo`.

        Raises:
            GoneError: the photo is no longer kept.
        """
        photo = self.photos.get(key)
        if restoration is None or not restoration.changes:
            restoration = None
        if restoration is None and not rotation:
            return photo
        kept = f"{key} {restoration} {rotation}"
        with self.heavy:
            if kept not in self._changed:
                colorizer = self.colorizer.with_restoration(restoration)
                changed = open_photo(colorizer, photo.data, photo.name, rotation)
                self._changed.put(kept, changed, len(photo.data))
            return _rename(self._changed.get(kept), photo.name)

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
        key = hashlib.sha256(data).hexdigest()
        self.references.put(key, reference, 0)
        return key, draw_thumbnail(photo.rgb)

    def open_style(self, data: bytes, name: str) -> tuple[str, bytes]:
        """Keep a picture as a style of its own; return its id and a thumbnail.

        Raises:
            DeepkoalError: the file is not a picture, or too large or too small.
        """
        key, name = hashlib.sha256(data).hexdigest(), clean_name(name)
        with self.heavy:
            rgb = decode_photo(data, name, max_pixels=MAX_PIXELS).rgb
        try:
            self.styles.add(key, Style.from_image(rgb))
        except DeepkoalError as error:
            raise DeepkoalError(f"{name}: {error}") from error
        return key, draw_thumbnail(rgb)

    def read_full(self, key: str, rotation: int = 0) -> ByteArray:
        """Return a photo in all its pixels, uint8 (H, W, 3); the last one is kept for the next.

        Args:
            key: its id.
            rotation: as in `find`.

        Raises:
            GoneError: the photo is no longer kept.
        """
        with self.heavy:
            photo = self.photos.get(key)
            kept = f"{key} {rotation}"
            if self._full is None or self._full[0] != kept:
                self._full = None
                self._full = kept, read_pixels(photo.data, photo.name, rotation)
            return self._full[1]

    def read_repaired(
        self, key: str, restoration: RestorationOptions | None, rotation: int = 0
    ) -> ByteArray:
        """Return a photo as its result is to be in lightness, likewise; `read_full` as it is.

        Raises:
            GoneError: the photo is no longer kept.
        """
        full = self.read_full(key, rotation)
        if restoration is None or not restoration.changes:
            return full
        kept = f"{key} {restoration} {rotation}"
        with self.heavy:
            if self._repaired is None or self._repaired[0] != kept:
                self._repaired = None
                self._repaired = kept, restore_photo(full, restoration).photo
            return self._repaired[1]


def _rename(photo: OpenPhoto, name: str) -> OpenPhoto:
    """Return a photo under a name: the same one, with all it has worked out, if it has that."""
    return photo if photo.name == name else dataclasses.replace(photo, name=name)


def clean_name(name: str) -> str:
    """Return a name that can be shown, sent and stored: the last part of what may be a path.

    Args:
        name: any; one from a disk that is not in UTF-8 has surrogates.

    Returns:
        At most 100 characters, without surrogates; `photo` for none.
    """
    return printable(name.replace("\\", "/").rpartition("/")[2][-100:]) or "photo"
