"""`colorize --cluster`: what a cluster's workers are sent, and the report of what they did."""

from __future__ import annotations

import argparse
import importlib.util
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from deepkoal import progress_bars
from deepkoal.cli.arguments.result_options import ResultOptions
from deepkoal.cli.console import UsageError, report, show
from deepkoal.cli.files.input_files import is_folder
from deepkoal.cli.files.jobs import Job
from deepkoal.cli.files.output_plan import choose_result_suffix, name_job
from deepkoal.cli.photo_runs.folder_run import FolderRun
from deepkoal.cli.photo_runs.photo_run import Outcome
from deepkoal.cli.photo_runs.run_report import sum_up
from deepkoal.errors import DeepkoalError, PhotoError
from deepkoal.image_io.formats.kinds import is_address

if TYPE_CHECKING:
    from deepkoal.bulk import BulkOutcome
    from deepkoal.guidance import Reference
    from deepkoal.inference.colorizer import Colorizer
    from deepkoal.inference.options_file import SavedOptions


@dataclass
class FileColorer:
    """Colors files as a folder run does; it is pickled and sent to each worker.

    Attributes:
        colorizer: what colors.
        look: how.
        reference: of the look, as the network sees it.
        results: what is written of photos.
        settings: of `FolderRun`.
        suffix: of all photos' results; None for each photo's own.
        compare: whether each is written before and after, too.
        variations: versions of each.
    """

    colorizer: Colorizer
    look: SavedOptions
    reference: Reference | None
    results: ResultOptions
    settings: dict[str, Any]
    suffix: str | None = None
    compare: bool = False
    variations: int = 1
    _run: FolderRun | None = field(default=None, init=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the run: it has threads' locks."""
        return {**self.__dict__, "_run": None}

    def name_results(self, path: PurePosixPath, is_alone: bool) -> list[str]:
        """Return the names of the files that a photo or film leaves, from its own alone."""
        job = self.plan(Path(path), Path(), str(path), is_alone=is_alone)
        return [place.name for place in job.places]

    def plan(self, source: Path, folder: Path, label: str, *, is_alone: bool) -> Job:
        """See `deepkoal.bulk.Colorer`."""
        if _is_film(source):
            return Job(source, folder / name_film(source), source.suffix, label=label)
        return name_job(
            source,
            folder,
            choose_result_suffix(source, self.suffix),
            is_alone=is_alone,
            compare=self.compare,
            beside=self.results.suffixes,
            variations=self.variations,
            label=label,
        )

    def color(self, job: Job) -> Outcome:
        """See `deepkoal.bulk.Colorer`."""
        assert job.source is not None
        if _is_film(job.source):
            return self._color_film(job)
        if self._run is None:
            self._run = FolderRun(
                self.colorizer,
                self.look,
                reference=self.reference,
                results=self.results,
                **self.settings,
            )
        return self._run.run_one(job)

    def _color_film(self, job: Job) -> Outcome:
        from deepkoal.video import colorize_video

        assert job.source is not None
        assert job.target is not None
        if self.look.restoration is not None or self.look.rotation:
            asked = {"--restore": self.look.restoration, "--rotate": self.look.rotation}
            given = " and ".join(name for name, value in asked.items() if value)
            return Outcome(
                PhotoError(
                    f"{job.name}: films are neither restored nor rotated; color it without {given}"
                )
            )
        options = replace(self.look.options, reference=self.reference)
        try:
            job.target.parent.mkdir(parents=True, exist_ok=True)
            done = colorize_video(job.source, job.target, self.colorizer, options, overwrite=True)
        except DeepkoalError as error:
            return Outcome(PhotoError(f"{job.name}: {error}"))
        lacks = tuple(f"{job.name}: {line}" for line in done.left_out)
        return Outcome([job.target], lacks, is_whole=not lacks)


def _is_film(path: Path) -> bool:
    from deepkoal.bulk.items import FILM_SUFFIXES

    return path.suffix.lower() in FILM_SUFFIXES


def name_film(film: Path) -> str:
    """Return the name of a film's result: its own where its container is written, else .mkv."""
    from deepkoal.video import CONTAINERS

    own = film.suffix.lower() in CONTAINERS
    return film.name if own else f"{film.name}.mkv"


def run_on_cluster(arguments: argparse.Namespace, colorer: FileColorer) -> int:
    """Color folders on a cluster, print what came of each file, and return the exit status.

    Raises:
        UsageError: the arguments do not go with a cluster.
        DeepkoalError: a folder cannot be listed, or the cluster cannot be joined.
    """
    from deepkoal.bulk import Storage, color_items, join_cluster, plan_items

    sources = [Storage(text) for text in arguments.photos]
    target = Storage(arguments.out)
    items, skipped = plan_items(
        sources,
        target,
        colorer.name_results,
        overwrite=arguments.overwrite,
        films=importlib.util.find_spec("av") is not None,
    )
    counts: Counter[str] = Counter(skipped=skipped)
    if items:
        with (
            join_cluster(arguments.cluster or None) as cores,
            progress_bars.count_photos(total=len(items)) as bar,
        ):
            for outcome in color_items(items, sources, target, colorer, cores):
                _report(outcome, counts)
                bar.update()
    sum_up(counts)
    return 1 if counts["failed"] or counts["lacking"] else 0


def check_cluster(arguments: argparse.Namespace, look: SavedOptions) -> None:
    """Refuse what does not go with a cluster, and give the results' folder its usual name.

    Raises:
        UsageError: as said.
    """
    for name, why in (
        ("album", "looks at all photos together"),
        ("hints", "are for one photo"),
        ("save_options", "is for photos at hand"),
        ("c2pa_key", "would send your private key to every node"),
    ):
        if getattr(arguments, name):
            option = "--" + name.replace("_", "-")
            raise UsageError(f"{option} {why}; give it without --cluster")
    if look.style is not None:
        raise UsageError("a style works at one photo at a time; deepkoal stylize takes the results")
    for text in arguments.photos:
        if not is_address(text) and not is_folder(text):
            raise UsageError(
                f"{text}: expected a folder or an address such as s3://bucket/photos with --cluster"
            )
    if arguments.out is None:
        raise UsageError("--cluster needs -o, a folder that all nodes share or an address")
    if arguments.keep_times and is_address(arguments.out):
        raise UsageError(f"--keep-times: {arguments.out} sets its objects' times by itself")


def _report(outcome: BulkOutcome, counts: Counter[str]) -> None:
    for note in outcome.notes:
        report(note)
    if outcome.error:
        report(outcome.error)
        counts["failed"] += 1
        return
    for name in outcome.written:
        show(name)
    kinds = {"colored": "done", "done": "skipped"}  # by an earlier run
    counts[kinds.get(outcome.state, outcome.state)] += 1
    counts["lacking"] += not outcome.is_whole
