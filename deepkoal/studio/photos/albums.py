"""What photos of an album take of one another: learned of those that were given colors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deepkoal.guidance import ColorOptions
from deepkoal.image_io import decode_photo
from deepkoal.inference.album import Album, Carry
from deepkoal.inference.colorizer import Colorizer
from deepkoal.studio.photos.open_photo import OpenPhoto

MOST_SOURCES = 10
"""Photos that an album learns of: fewer than the studio keeps ready."""


@dataclass(frozen=True)
class AlbumSource:
    """A photo that was given colors.

    Attributes:
        photo: the photo.
        options: given to it.
    """

    photo: OpenPhoto
    options: ColorOptions


class AlbumKeeper:
    """Learns albums, and keeps the last: while one photo is worked on, the others stay as they are.

    Args:
        colorizer: predicts the photos.
    """

    def __init__(self, colorizer: Colorizer) -> None:
        self.colorizer = colorizer
        self._lock = threading.Lock()
        self._kept: tuple[tuple[str, ...], Album] | None = None

    def carry(
        self,
        sources: Callable[[], Sequence[AlbumSource]],
        keys: tuple[str, ...],
        photo: OpenPhoto,
        options: ColorOptions,
    ) -> tuple[ColorOptions, list[Carry]]:
        """Return a photo's options with what it takes of others, and what that was.

        Args:
            sources: gives the others; asked for only where they are not known yet.
            keys: that tell them and all that they were given apart.
            photo: the photo.
            options: of its own.

        Raises:
            DeepkoalError: the network has no features.
        """
        with self._lock:
            if self._kept is None or self._kept[0] != keys:
                album = Album(self.colorizer)
                for source in sources():
                    small = decode_photo(source.photo.before, source.photo.name).rgb
                    fitted = source.photo.fit_preview(source.options)
                    album.learn(small, fitted, source.photo.name)
                self._kept = keys, album
            album = self._kept[1]
        return album.carry(photo.predict(None), options, name="")
