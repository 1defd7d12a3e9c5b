"""Photo files given a style, see `PhotoRun`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from deepkoal.cli.arguments.style import Restyler
from deepkoal.cli.photo_runs.photo_run import PhotoRun

if TYPE_CHECKING:
    from deepkoal.cli.files.jobs import Job
    from deepkoal.cli.files.result_files import ResultFiles, Version
    from deepkoal.image_io import Photo
    from deepkoal.inference.options_file import StyleChoice


class StyleRun(PhotoRun):
    """Gives photo files a style, in color or not.

    Args:
        choice: which, and how.
        settings: see `PhotoRun`.

    Raises:
        DeepkoalError: as `Restyler`.
    """

    verb: ClassVar[str] = "styled"
    takes_color: ClassVar[bool] = True

    def __init__(self, choice: StyleChoice, **settings: Any) -> None:
        super().__init__(**settings)
        self._choice, self._restyle = choice, Restyler(choice)

    def _make_versions(self, job: Job, photo: Photo, beside: ResultFiles | None) -> list[Version]:
        from deepkoal.inference.options_file import SavedOptions

        styled = self._restyle(photo.rgb, self._give_up_if_stopped)
        look = SavedOptions(style=self._choice, rotation=self._find_rotation(job))
        return [(styled, self._note_look(job, photo, look))]
