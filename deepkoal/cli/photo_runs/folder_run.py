"""Photo files colored, see `PhotoRun`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.cli.arguments.result_options import DOUBT_SUFFIX, LAYER_SUFFIX
from deepkoal.cli.console import report_some
from deepkoal.cli.files.result_files import ResultFiles, Version
from deepkoal.cli.files.result_provenance import ResultProvenance
from deepkoal.cli.photo_runs.photo_run import PhotoRun

if TYPE_CHECKING:
    from deepkoal.arrays import SampleArray
    from deepkoal.cli.files.jobs import Job
    from deepkoal.guidance import ColorOptions, Reference
    from deepkoal.hints import AnyHint
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
        restyle: gives each colored photo a style, and calls what it is given now and then.
        settings: see `PhotoRun`.
    """

    def __init__(
        self,
        colorizer: Colorizer,
        look: SavedOptions,
        *,
        reference: Reference | None = None,
        save_options: Path | None = None,
        restyle: Callable[[SampleArray, Callable[[], None]], SampleArray] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self._colorizer = colorizer
        self._look = look
        self._reference = reference
        self._restyle = restyle
        self._provenance = ResultProvenance(
            colorizer.identity, noted=self._results.provenance, save_options=save_options
        )

    def _make_versions(self, job: Job, photo: Photo, beside: ResultFiles | None) -> list[Version]:
        """Return a page colored, and its variations, each with what it is written with."""
        from deepkoal.rendering.mark import draw_mark

        versions = self._color_versions(job, photo, beside)
        self._give_up_if_stopped()
        if self._restyle is not None:
            versions = [self._restyle(rgb, self._give_up_if_stopped) for rgb in versions]
        look, carried = self._find_look(job)
        look = self._provenance.place(job, look, photo.rgb.shape[:2])
        return [
            (
                draw_mark(rgb) if self._results.mark else rgb,
                self._provenance.note(photo, look, index, carried),
            )
            for index, rgb in enumerate(versions)
        ]

    def _color_versions(
        self, job: Job, photo: Photo, beside: ResultFiles | None
    ) -> list[SampleArray]:
        """Return the photo colored, and variations that obey every option as it does."""
        from deepkoal.hints import find_contradictions
        from deepkoal.inference.hint_gamut import list_unshowable

        prediction = self._colorizer.predict(photo.rgb)
        options = replace(self._look.fit(*photo.rgb.shape[:2]), reference=self._reference)
        report_some(
            [
                f"{_name(hint)} cannot be shown at that lightness; the nearest that can is {shown}"
                for hint, shown in list_unshowable(prediction, options.hints)
            ]
        )
        report_some(
            [
                f"{_name(one)} contradicts {_name(later)}, at the same pixel; the later one counts"
                for one, later in find_contradictions(options.hints, *photo.rgb.shape[:2])
            ]
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

    def _find_rotation(self, job: Job) -> int:
        return self._look.rotation

    def _find_look(self, job: Job) -> tuple[SavedOptions, list[str]]:
        """Return how a photo was colored, and what it took of others, a line each."""
        return self._look, []


def _name(hint: AnyHint) -> str:
    """Return a hint's kind, place and color for a message."""
    x, y = hint.points[0]
    color = hint.color if isinstance(hint.color, str) else "ab {:.1f}, {:.1f}".format(*hint.color)
    return f"{hint.kind} at {x:g}, {y:g}: {color}"
