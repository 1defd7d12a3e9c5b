"""Photo files repaired, see `PhotoRun`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from deepkoal.cli.files.result_files import ResultFiles, Version
from deepkoal.cli.photo_runs.photo_run import PhotoRun
from deepkoal.errors import PhotoError

if TYPE_CHECKING:
    from deepkoal.arrays import ByteArray
    from deepkoal.cli.files.jobs import Job
    from deepkoal.image_io import Photo
    from deepkoal.inference.options_file import HolesMask
    from deepkoal.restoration import RestorationOptions

DAMAGE_SUFFIX = ".damage.png"


class PaintedHoles(NamedTuple):
    """A picture of where nothing is left of a photo.

    Attributes:
        marks: uint8 (H, W), above 0 there.
        mask: what a result says of it.
    """

    marks: ByteArray
    mask: HolesMask


class RestoreRun(PhotoRun):
    """Repairs photo files; those in color keep their colors.

    Args:
        options: how.
        holes: of the one photo.
        settings: see `PhotoRun`.
    """

    verb: ClassVar[str] = "restored"
    takes_color: ClassVar[bool] = True

    def __init__(
        self, options: RestorationOptions, *, holes: PaintedHoles | None = None, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._options = options
        self._holes = holes

    def _make_versions(self, job: Job, photo: Photo, beside: ResultFiles | None) -> list[Version]:
        from deepkoal.inference.options_file import SavedOptions
        from deepkoal.restoration import restore_photo

        painted = self._holes
        marks = None if painted is None else painted.marks
        if marks is not None and marks.shape != photo.rgb.shape[:2]:
            height, width = photo.rgb.shape[:2]
            raise PhotoError(
                f"{job.name}: --holes is of {marks.shape[1]}×{marks.shape[0]} pixels, "
                f"the photo of {width}×{height}; make them alike"
            )
        samples = photo.rgb[..., 0] if photo.is_grey else photo.rgb  # a grey photo stays grey
        restored = restore_photo(samples, self._options, holes=marks)
        self._give_up_if_stopped()
        if beside is not None and DAMAGE_SUFFIX in job.beside:
            beside.add_map(job.beside[DAMAGE_SUFFIX], restored.damage)
        mask = None if painted is None else painted.mask
        rotation = self._find_rotation(job)
        look = SavedOptions(restoration=self._options, holes_mask=mask, rotation=rotation)
        return [(restored.photo, self._note_look(job, photo, look))]
