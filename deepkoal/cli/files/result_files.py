"""The files that a colored photo leaves: versions, pages, and what it was before."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from deepkoal.errors import PhotoError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deepkoal.arrays import SampleArray
    from deepkoal.cli.files.jobs import Job
    from deepkoal.image_io import Photo, Seal

Sign = Callable[[bytes, str, "Photo"], bytes]
Version = tuple["SampleArray", "Photo"]
"""Colored pixels, and the photo whose alpha and metadata they are written with."""


class ResultFiles:
    """Writes the pages of a photo one by one: a TIFF file has them all, other formats one each.

    Its context ends with the files in their places, or as they were before where it is left by an
    error.

    Args:
        job: which files.
        photo: the first page, as it was.
        quality: of lossy formats; None for the photo's own.
        keep_times: whether the results have the photo's times of access and change.
        sign: signs a result's bytes, given the format that its name tells, and the photo whose
            metadata it has; None for no signature.
    """

    def __init__(
        self,
        job: Job,
        photo: Photo,
        *,
        quality: int | None = None,
        keep_times: bool = False,
        sign: Sign | None = None,
    ) -> None:
        assert job.target is not None
        self._job = job
        self._quality = quality
        self._pages = photo.pages
        self._joins = photo.pages > 1 and job.target.suffix.lower() in (".tif", ".tiff")
        self._bytes = photo.pages * photo.rgb.nbytes * 4 // 3
        self._status = None if job.source is None else job.source.stat()
        self._keep_times = keep_times
        self._sign = sign
        self._written: list[Path] = []
        self._open: list[Callable[[SampleArray, Photo], None]] = []
        self._stack = contextlib.ExitStack()

    @property
    def order(self) -> Iterator[int]:
        """The pages in the order to write them in: the file that a run goes by comes last."""
        pages = range(self._pages)
        return iter(pages if self._joins else reversed(pages))

    @property
    def written(self) -> list[Path]:
        """Every file that has been written, the photo's own first."""
        first = [place for place in self._job.places if place in self._written]
        return first + sorted(place for place in self._written if place not in first)

    def __enter__(self) -> Self:
        assert self._job.target is not None
        folder = self._job.target.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PhotoError(
                f"{folder}: cannot be made ({error.strerror}); choose another folder"
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)
        if error is None and self._keep_times and self._status is not None:
            for place in self._written:
                os.utime(place, ns=(self._status.st_atime_ns, self._status.st_mtime_ns))

    def add(self, page: int, before: Photo, versions: list[Version]) -> None:
        """Write a page.

        Args:
            page: its number, from 0.
            before: the page as it was.
            versions: the page colored, then its variations.

        Raises:
            PhotoError: a file cannot be written.
        """
        from deepkoal.image_io import write_photo
        from deepkoal.image_io.pixels import round_to_8_bits, to_rgb

        assert self._job.target is not None
        pixels, _ = versions[0]
        if self._job.comparison is not None and page == 0:
            from deepkoal.rendering.contact_sheets import join_before_after

            after = to_rgb(round_to_8_bits(pixels))
            both = join_before_after(round_to_8_bits(before.rgb), after)
            self._note(self._job.comparison)
            write_photo(self._job.comparison, both, quality=self._quality, **self._permissions)
        targets = [self._job.target, *self._job.variations]
        if self._joins:
            if not self._open:
                self._open = [
                    self._open_pages(target, like)
                    for target, (_, like) in zip(targets, versions, strict=True)
                ]
            for append, version in zip(self._open, versions, strict=True):
                append(*version)
            return
        for target, version in reversed(list(zip(targets, versions, strict=True))):
            place = target if page == 0 else name_page(target, page)
            seal = self._find_seal(place, version[1])
            write_photo(place, *version, quality=self._quality, seal=seal, **self._permissions)
            self._note(place)

    def add_map(self, place: Path, shares: NDArray[np.float32]) -> None:
        """Write a map, float32 (H, W) in 0…1, as a grey picture.

        Raises:
            PhotoError: the file cannot be written.
        """
        import numpy as np

        from deepkoal.image_io import write_photo

        levels = np.rint(255 * shares).astype(np.uint8)
        write_photo(place, levels, **self._permissions)
        self._note(place)

    def add_layer(self, place: Path, before: Photo, rgb: SampleArray) -> None:
        """Write the color alone, see `make_color_layer`.

        Raises:
            PhotoError: the file cannot be written.
        """
        from deepkoal.image_io import write_photo
        from deepkoal.rendering.color_layer import make_color_layer

        layer, alpha = make_color_layer(before.rgb, rgb)
        write_photo(place, layer, replace(before, rgb=layer, alpha=alpha), **self._permissions)
        self._note(place)

    def keep(self, photo: Photo, content: bytes | None) -> None:
        """Write the photo as it is.

        Args:
            photo: its pixels and metadata.
            content: its own file's bytes; None where the result's format is another.

        Raises:
            PhotoError: the file cannot be written.
        """
        from deepkoal.atomic_files import write_bytes_atomically
        from deepkoal.image_io import write_photo

        target = self._job.target
        assert target is not None
        if content is None:
            write_photo(target, photo.rgb, photo, quality=self._quality, **self._permissions)
        else:
            try:
                write_bytes_atomically(target, content)
            except OSError as error:
                raise PhotoError(
                    f"{target}: cannot be written ({error.strerror}); check the folder and the disk"
                ) from error
        self._note(target)

    @property
    def _permissions(self) -> dict[str, Any]:
        """What a new file's permissions are: the photo's, so that a private one stays private."""
        return {"permissions": None if self._status is None else self._status.st_mode & 0o777}

    def _open_pages(self, target: Path, like: Photo) -> Callable[[SampleArray, Photo], None]:
        from deepkoal.image_io import write_pages

        self._note(target)
        seal = self._find_seal(target, like)
        return self._stack.enter_context(
            write_pages(target, largest_bytes=self._bytes, seal=seal, **self._permissions)
        )

    def _find_seal(self, target: Path, like: Photo) -> Seal | None:
        sign = self._sign
        return None if sign is None else lambda data: sign(data, target.suffix, like)

    def _note(self, place: Path) -> None:
        self._written.append(place)


def name_page(target: Path, page: int) -> Path:
    """Return the file of a page, from 0, where a format holds one: `NAME.page2.jpg`."""
    return target.with_name(f"{target.stem}.page{page + 1}{target.suffix}")


def label_page(photo: Photo, page: int) -> Photo:
    """Return a page as messages call it."""
    return photo if photo.pages == 1 else replace(photo, source=f"{photo.source}, page {page + 1}")
