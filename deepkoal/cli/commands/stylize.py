"""`stylize`: photos in, photos in the manner of a painting out."""

from __future__ import annotations

import argparse
from typing import Any

from deepkoal.cli.arguments.file_options import (
    add_format_options,
    add_out_options,
    add_reading_options,
    read_file_settings,
)
from deepkoal.cli.arguments.result_options import ResultOptions, add_provenance_options, open_signer
from deepkoal.cli.arguments.style import add_style_options, choose_style
from deepkoal.cli.photo_runs.run_report import announce, run_plan
from deepkoal.cli.photo_runs.style_run import StyleRun

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
    add_provenance_options(stylize)
    add_format_options(stylize)
    add_reading_options(stylize)
    stylize.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from deepkoal.cli.files.output_plan import plan_photos

    choice = choose_style(arguments)
    assert choice is not None
    plan = plan_photos(
        arguments.photos,
        arguments.out,
        suffix=arguments.format,
        overwrite=arguments.overwrite,
        folder=DEFAULT_FOLDER,
    )
    announce(plan)
    arguments.goes_on = plan.count > 1 and not arguments.overwrite
    run = StyleRun(
        choice,
        results=ResultOptions(provenance=arguments.provenance),
        signer=open_signer(arguments),
        **read_file_settings(arguments),
    )
    return run_plan(run, plan, again="styles")
