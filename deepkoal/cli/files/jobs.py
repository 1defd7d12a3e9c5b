"""Photos to color, each with all the files that it leaves, and which of them are there already."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from deepkoal.cli.files.input_files import STREAM_NAME, exists
from deepkoal.errors import PhotoError


@dataclass(frozen=True)
class Job:
    """One photo to color.

    Attributes:
        source: its file; None is standard input.
        target: the colored photo's file; None is standard output.
        suffix: of the target, which names its format; empty on standard output for the format that
            suits the photo, see `choose_kept_suffix`.
        comparison: file of the photo before and after, or None for none.
        variations: files of further versions of it.
        beside: files of what else is written of it, by what their names end in.
        label: what messages call the photo, where that is not its file.
        sha256: of standard input, once it is read; empty for a file, which can be read again.
    """

    source: Path | None
    target: Path | None
    suffix: str
    comparison: Path | None = None
    variations: tuple[Path, ...] = ()
    beside: Mapping[str, Path] = field(default_factory=dict)
    label: str | None = None
    sha256: str = ""

    @property
    def places(self) -> list[Path]:
        """Every file that it leaves."""
        places = (self.target, self.comparison, *self.variations, *self.beside.values())
        return [place for place in places if place is not None]

    @property
    def name(self) -> str:
        """What messages call the photo."""
        return self.label or (STREAM_NAME if self.source is None else str(self.source))


@dataclass
class Plan:
    """What a run is to do.

    Attributes:
        jobs: photos to color.
        failures: why others cannot be.
        skipped: how many are colored already.
        passed_over: files in folders that are no pictures, a line each.
    """

    jobs: list[Job] = field(default_factory=list)
    failures: list[PhotoError] = field(default_factory=list)
    skipped: int = 0
    passed_over: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many photos were asked for."""
        return len(self.jobs) + len(self.failures) + self.skipped


def admit_jobs(jobs: Sequence[Job], plan: Plan) -> None:
    """Take the jobs into the plan, but those that would overwrite a photo or another's result."""
    sources = {_identify(job.source) for job in jobs if job.source} - {None}
    taken: dict[Path, Job] = {}
    for job in jobs:
        places = job.places
        if job.source is not None and not exists(job.source):
            problem = "no such file or folder; check the path"
        elif overwritten := [place for place in places if _identify(place) in sources]:
            problem = (
                f"its result {overwritten[0]} would overwrite a photo that is to be colored; "
                "give -o another folder or name"
            )
        elif shared := [place for place in places if place in taken]:
            problem = (
                f"its result {shared[0]} is also that of {taken[shared[0]].name}; color the two "
                "into different folders"
            )
        else:
            taken.update(dict.fromkeys(places, job))
            plan.jobs.append(job)
            continue
        plan.failures.append(PhotoError(f"{job.name}: {problem}"))


def _identify(path: Path) -> tuple[int, int] | None:
    """Tell files apart by more than their paths: a link leads to the same file.

    A folder on the way may not be there yet, as in `new/../photo.jpg`.
    """
    try:
        status = os.stat(os.path.realpath(path))  # noqa: PTH116 -- Path's do not take that way
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_done(job: Job, since: int = 0) -> bool:
    """Return whether all that a photo leaves is there, newer than it and than `since`, in ns.

    Of a photo in color, which is kept as it is, that is the same bytes again and nothing beside.
    """
    assert job.source is not None
    assert job.target is not None
    try:
        since = max(since, job.source.stat().st_mtime_ns)
        if not _is_fresh(job.target, since):
            return False
        if all(_is_fresh(place, since) for place in job.places):
            return True
        others = (place for place in job.places if place != job.target)
        return not any(map(exists, others)) and filecmp.cmp(job.source, job.target, shallow=False)
    except OSError:
        return False


def _is_fresh(place: Path, since: int) -> bool:
    if not exists(place):
        return False
    status = place.stat()
    return S_ISREG(status.st_mode) and status.st_mtime_ns >= since
