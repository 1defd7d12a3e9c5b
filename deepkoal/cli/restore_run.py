"""Photo files repaired, see `PhotoRun`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from deepkoal.cli.photo_run import PhotoRun
from deepkoal.cli.result_files import ResultFiles, Version
from deepkoal.errors import PhotoError

if TYPE_CHECKING:
    from deepkoal.arrays import ByteArray
    from deepkoal.cli.arguments.jobs import Job
    from deepkoal.image_io import Photo
    from deepkoal.restoration import RestorationOptions

DAMAGE_SUFFIX = ".damage.png"


class RestoreRun(PhotoRun):
    """Repairs photo files; those in color keep their colors.

    Args:
        options: how.
        holes: uint8 (H, W), above 0 where nothing is left of the one photo.
        settings: see `PhotoRun`.
    """

    verb: ClassVar[str] = "restored"
    takes_color: ClassVar[bool] = True

    def __init__(
        self, options: RestorationOptions, *, holes: ByteArray | None = None, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._options = options
        self._holes = holes

    def _make_versions(self, job: Job, photo: Photo, beside: ResultFiles | None) -> list[Version]:
        from deepkoal.inference.options_file import SavedOptions
        from deepkoal.restoration import restore_photo

        if self._holes is not None and self._holes.shape != photo.rgb.shape[:2]:
            height, width = photo.rgb.shape[:2]
            raise PhotoError(
                f"{job.name}: --holes is of {self._holes.shape[1]}×{self._holes.shape[0]} pixels, "
                f"the photo of {width}×{height}; make them alike"
            )
        restored = restore_photo(photo.rgb, self._options, holes=self._holes)
        self._give_up_if_stopped()
        if beside is not None and DAMAGE_SUFFIX in job.beside:
            beside.add_map(job.beside[DAMAGE_SUFFIX], restored.damage)
        look = SavedOptions(restoration=self._options)
        return [(restored.photo, self._note_look(job, photo, look))]
