"""What results say of how they were made: in their metadata and in a file of options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal import __version__

if TYPE_CHECKING:
    from deepkoal.cli.files.jobs import Job
    from deepkoal.image_io import Photo
    from deepkoal.inference.options_file import NetworkIdentity, SavedOptions


class ResultProvenance:
    """Says in results how they were made.

    Args:
        network: that colored them.
        noted: whether their metadata say so.
        save_options: a file to write the look to, with the photo's size; for one photo.
    """

    def __init__(
        self,
        network: NetworkIdentity | None,
        *,
        noted: bool = True,
        save_options: Path | None = None,
    ) -> None:
        self._network = network
        self._noted = noted
        self._save_options = save_options

    def place(self, job: Job, look: SavedOptions, size: tuple[int, int]) -> SavedOptions:
        """Return a look as that of one photo (height, width), and write it where that is wanted.

        Before the photo: what was colored can be again.
        """
        from deepkoal.inference.options_file import PhotoIdentity, hash_file, write_options

        height, width = size
        sha256 = job.sha256 if job.source is None else hash_file(job.source)
        placed = look.place(PhotoIdentity(width, height, sha256))
        placed = replace(placed, network=self._network, version=__version__)
        if self._save_options is not None:
            write_options(self._save_options, placed)
        return placed

    def note(
        self, photo: Photo, look: SavedOptions, index: int, carried: Sequence[str] = ()
    ) -> Photo:
        """Return what a version is written with: its metadata say how it was made.

        Args:
            photo: that was colored.
            look: how, see `place`.
            index: of the version among the look's variations.
            carried: what it took of other photos of an album, a line each.
        """
        from deepkoal.inference.provenance import add_provenance, raise_quality

        photo = raise_quality(photo, look)
        if not self._noted:
            return photo
        if look.variation is not None and index:
            look = replace(look, variation=replace(look.variation, index=index))
        return add_provenance(photo, look, carried)
