"""`stylize`: photos in, photos in the manner of a painting out."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from deepkoal.cli.arguments.file_options import (
    add_format_options,
    add_out_options,
    add_reading_options,
    read_file_settings,
)
from deepkoal.cli.arguments.result_options import ResultOptions, add_signing_options, open_signer
from deepkoal.cli.arguments.style import add_style_options, choose_style
from deepkoal.cli.console import UsageError, count_photos, report
from deepkoal.cli.photo_run import run_and_report
from deepkoal.cli.style_run import StyleRun

if TYPE_CHECKING:
    from deepkoal.cli.arguments.jobs import Plan

DEFAULT_FOLDER = "stylized"


def add_verbs(verbs: Any) -> None:
    """Add the command to the parser's."""
    stylize = verbs.add_parser(
        "stylize",
        help="give photos the colors and the texture of a painting",
        description="Give photos the colors and the texture of a painting: files, folders, quoted "
        "patterns, or - for standard input. One in black and white takes the colors by its "
        "lightness alone; colorize --style colors its things first. A photo whose result in a "
        "folder is newer is passed over; with other options, give --overwrite.",
    )
    add_out_options(stylize, DEFAULT_FOLDER)
    add_style_options(stylize, required=True)
    stylize.add_argument(
        "--overwrite", action="store_true", help="style photos again whose results are newer"
    )
    stylize.add_argument(
        "--no-provenance",
        dest="provenance",
        action="store_false",
        help="leave out of the result's metadata how it was made",
    )
    add_signing_options(stylize)
    add_format_options(stylize)
    add_reading_options(stylize)
    stylize.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from deepkoal.cli.arguments.output_plan import plan_photos

    choice = choose_style(arguments)
    assert choice is not None
    plan = plan_photos(
        arguments.photos,
        arguments.out,
        suffix=arguments.format,
        overwrite=arguments.overwrite,
        folder=DEFAULT_FOLDER,
    )
    if plan.jobs and plan.jobs[0].target is None and sys.stdout.isatty():
        raise UsageError("a photo is not written to a terminal; redirect it, or give -o a file")
    for line in [*plan.passed_over, *map(str, plan.failures)]:
        report(line)
    run = StyleRun(
        choice,
        results=ResultOptions(provenance=arguments.provenance),
        signer=open_signer(arguments),
        **read_file_settings(arguments),
    )
    styled, _ = run_and_report(run, plan.jobs)
    failed = len(plan.failures) + len(plan.jobs) - styled
    if plan.count > 1 or plan.skipped or plan.passed_over:
        _sum_up(styled, plan, failed)
    return 1 if failed else 0


def _sum_up(styled: int, plan: Plan, failed: int) -> None:
    parts = [f"{count_photos(styled)} styled"]
    if plan.skipped:
        parts.append(
            f"{plan.skipped} skipped, whose results are newer, with whatever options they were "
            "made (--overwrite styles them again)"
        )
    if failed:
        parts.append(f"{failed} could not be styled, listed above")
    if plan.passed_over:
        parts.append(f"{len(plan.passed_over)} passed over that are no photos, listed above")
    report("; ".join(parts))
