"""What a run over photo files says: what it leaves out, what came of each photo, and in sum."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from deepkoal import progress_bars
from deepkoal.cli.console import check_stdout, count_things, report, show_result
from deepkoal.errors import PhotoError
from deepkoal.memory import keep_freed_memory

if TYPE_CHECKING:
    from deepkoal.cli.files.jobs import Job, Plan
    from deepkoal.cli.photo_runs.photo_run import PhotoRun


def announce(plan: Plan) -> None:
    """Print what a plan leaves out, and why.

    Raises:
        UsageError: its photo would be written to a terminal, or to a closed stdout.
    """
    if plan.jobs and plan.jobs[0].target is None:
        check_stdout("photo")
    for line in [*plan.passed_over, *map(str, plan.failures)]:
        report(line)


def run_and_report(run: PhotoRun, jobs: Sequence[Job]) -> tuple[int, int]:
    """Work on photos and write them, and print what came of each.

    Returns:
        How many were worked on, and how many were left as they are.
    """
    keep_freed_memory()  # a photo's arrays serve the next one: their pages are cleared once
    done = left = 0
    bar = progress_bars.count_photos(total=len(jobs), wanted=len(jobs) > 1)
    with bar, contextlib.closing(run.run_all(jobs)) as outcomes:
        for outcome in outcomes:
            for note in outcome.notes:
                report(note)
            if isinstance(outcome.result, PhotoError):
                report(str(outcome.result))
            else:
                show_result(outcome.result)
                done += outcome.is_colored
                left += not outcome.is_colored
            bar.update()
    return done, left


def run_plan(run: PhotoRun, plan: Plan, *, again: str) -> int:
    """Work on the photos of a plan that was announced, sum up, and return the exit status.

    Args:
        run: what works on them.
        plan: of which none is left as it is.
        again: what `--overwrite` does with photos, such as `repairs`.
    """
    done, _ = run_and_report(run, plan.jobs)
    failed = len(plan.failures) + len(plan.jobs) - done
    if plan.count > 1 or plan.skipped or plan.passed_over:
        counts = {"done": done, "skipped": plan.skipped, "failed": failed}
        sum_up({**counts, "passed over": len(plan.passed_over)}, run.verb, again=again)
    return 1 if failed else 0


def sum_up(counts: Mapping[str, int], verb: str = "colored", *, again: str = "colors") -> None:
    """Print how many photos were done, and of what else there are any.

    Args:
        counts: `done`, `left`, `skipped`, `failed`, `lacking` and `passed over`; 0 where missing.
        verb: what was done with photos.
        again: what `--overwrite` does with those that were skipped.
    """
    parts = [f"{count_things(counts['done'])} {verb}"]
    films = "film lacks" if counts.get("lacking") == 1 else "films lack"
    for kind, what in (
        ("left", "in color already, listed above (--colored recolor colors them)"),
        (
            "skipped",
            "skipped, whose results are newer, with whatever options they were made (--overwrite "
            f"{again} them again)",
        ),
        ("failed", f"could not be {verb}, listed above"),
        ("lacking", f"{films} something, listed above"),
        ("passed over", "passed over that are no photos, listed above"),
    ):
        if counts.get(kind):
            parts.append(f"{counts[kind]} {what}")
    report("; ".join(parts))
