"""Photo files colored, see `PhotoRun`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.cli.arguments.result_options import DOUBT_SUFFIX, LAYER_SUFFIX
from deepkoal.cli.console import report
from deepkoal.cli.photo_run import PhotoRun
from deepkoal.cli.result_files import ResultFiles, Version

if TYPE_CHECKING:
    from deepkoal.arrays import SampleArray
    from deepkoal.cli.arguments.output_plan import Job
    from deepkoal.guidance import ColorOptions, Reference
    from deepkoal.image_io import Photo
    from deepkoal.inference.colorizer import Colorizer
    from deepkoal.inference.options_file import SavedOptions
    from deepkoal.inference.prediction import Prediction


class FolderRun(PhotoRun):
    """Colors photo files.

    Args:
        colorizer: what colors.
        look: how. Where its variation is the automatic one of several, all of them are written.
        reference: of the look, as the network sees it.
        save_options: a file to write the look to, with the photo's size; for one photo.
        settings: see `PhotoRun`.
    """

    def __init__(
        self,
        colorizer: Colorizer,
        look: SavedOptions,
        *,
        reference: Reference | None = None,
        save_options: Path | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self._colorizer = colorizer
        self._look = look
        self._reference = reference
        self._save_options = save_options

    def _make_versions(self, job: Job, photo: Photo, beside: ResultFiles | None) -> list[Version]:
        """Return a page colored, and its variations, each with what it is written with."""
        from deepkoal.rendering.mark import draw_mark

        height, width = photo.rgb.shape[:2]
        versions = self._color_versions(job, photo, beside)
        self._give_up_if_stopped()
        look = self._place_look(job, height, width)
        return [
            (
                draw_mark(rgb) if self._results.mark else rgb,
                self._note_making(photo, look, index),
            )
            for index, rgb in enumerate(versions)
        ]

    def _color_versions(
        self, job: Job, photo: Photo, beside: ResultFiles | None
    ) -> list[SampleArray]:
        """Return the photo colored, and variations that obey every option as it does."""
        from deepkoal.inference.hint_gamut import list_unshowable

        prediction = self._colorizer.predict(photo.rgb)
        options = replace(self._look.fit(*photo.rgb.shape[:2]), reference=self._reference)
        for hint, shown in list_unshowable(prediction, options.hints):
            report(
                f"{hint.kind} at {hint.points[0][0]:g}, {hint.points[0][1]:g}: {hint.color} "
                f"cannot be shown at that lightness; the nearest that can is {shown}"
            )
        choice = self._look.variation
        if choice is None or choice.index:
            variation = None if choice is None else choice.find(prediction)
            versions = [prediction.render(options, variation=variation)]
        else:
            versions = prediction.variations(choice.count, options, seed=choice.seed)
        if beside is not None:
            self._add_beside(beside, job, photo, prediction, options, versions[0])
        return versions

    def _add_beside(
        self,
        beside: ResultFiles,
        job: Job,
        photo: Photo,
        prediction: Prediction,
        options: ColorOptions,
        rgb: SampleArray,
    ) -> None:
        """Add the maps that are wanted beside a photo."""
        if self._results.doubt:
            doubt = prediction.uncertainty(hints=options.hints)
            beside.add_map(job.beside[DOUBT_SUFFIX], doubt)
        if self._results.layer:
            beside.add_layer(job.beside[LAYER_SUFFIX], photo, rgb)

    def _place_look(self, job: Job, height: int, width: int) -> SavedOptions:
        """Return the look of one photo, and write it where that is wanted.

        Before the photo: what was colored can be again.
        """
        from deepkoal.inference.options_file import write_options
        from deepkoal.inference.saved_parts import PhotoIdentity, hash_file

        sha256 = "" if job.source is None else hash_file(job.source)
        look = self._look.place(PhotoIdentity(width, height, sha256))
        look = replace(look, network=self._colorizer.identity)
        if self._save_options is not None:
            write_options(self._save_options, look)
        return look

    def _note_making(self, photo: Photo, look: SavedOptions, index: int) -> Photo:
        """Return what a version of that index is written with: its metadata say how it was made."""
        from deepkoal.inference.provenance import add_provenance

        if not self._results.provenance:
            return photo
        if look.variation is not None and index:
            look = replace(look, variation=replace(look.variation, index=index))
        return add_provenance(photo, look)
