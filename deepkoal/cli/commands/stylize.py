"""`stylize`: photos in, photos in the manner of a painting out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.cli.arguments.argument_types import add_number
from deepkoal.cli.arguments.style import Restyler, add_style_options, choose_style
from deepkoal.cli.console import UsageError, count_photos, report, show
from deepkoal.errors import DeepkoalError, PhotoError

if TYPE_CHECKING:
    from deepkoal.cli.arguments.output_plan import Job

DEFAULT_FOLDER = "stylized"


def add_verbs(verbs: Any) -> None:
    """Add the command to the parser's."""
    stylize = verbs.add_parser(
        "stylize",
        help="give photos the colors and the texture of a painting",
        description="Give photos the colors and the texture of a painting. One in black and white "
        "takes the colors by its lightness alone; colorize --style colors its things first. The "
        "paths of the results are printed; photos whose results in a folder are newer are passed "
        "over.",
    )
    stylize.add_argument("photos", nargs="+", metavar="PHOTO|FOLDER|GLOB")
    stylize.add_argument(
        "-o",
        "--out",
        metavar="OUT",
        help=f"a file for one photo, else a folder; - for standard output ({DEFAULT_FOLDER}/)",
    )
    add_style_options(stylize, required=True)
    stylize.add_argument(
        "--overwrite", action="store_true", help="style photos again whose results are newer"
    )
    of_quality = "of lossy formats, 1…100 (a JPEG's own, else 95)"
    add_number(stylize, "--quality", "Q", of_quality, high=100)
    stylize.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from deepkoal.cli.arguments.output_plan import STREAM, plan_photos

    choice = choose_style(arguments)
    assert choice is not None
    out = arguments.out
    if out is None and arguments.photos[0] != STREAM:
        out = DEFAULT_FOLDER
    plan = plan_photos(arguments.photos, out, overwrite=arguments.overwrite)
    if plan.jobs and plan.jobs[0].target is None and sys.stdout.isatty():
        raise UsageError("a photo is not written to a terminal; redirect it, or give -o a file")
    for line in [*plan.passed_over, *map(str, plan.failures)]:
        report(line)
    failed, restyle = len(plan.failures), Restyler(choice) if plan.jobs else None
    for job in plan.jobs:
        assert restyle is not None
        try:
            for path in _style(job, restyle, arguments.quality):
                show(path)
        except PhotoError as error:
            report(str(error))
            failed += 1
        except (DeepkoalError, MemoryError) as error:
            report(f"{job.name}: cannot be styled ({error or 'not enough memory'})")
            failed += 1
    if plan.count > 1:
        done = plan.count - failed - plan.skipped
        skipped = f"; {plan.skipped} skipped, whose results are newer" if plan.skipped else ""
        wrong = f"; {failed} could not be styled, listed above" if failed else ""
        report(f"{count_photos(done)} styled{skipped}{wrong}")
    return 1 if failed else 0


def _style(job: Job, restyle: Restyler, quality: int | None) -> list[Path]:
    """Style the pages of a photo, write them, and return the files."""
    from deepkoal.cli.result_files import ResultFiles, label_page
    from deepkoal.image_io import encode_photo, read_photo

    source = sys.stdin.buffer.read() if job.source is None else job.source
    photo = read_photo(source, name=job.name)
    for note in photo.notes:
        report(f"{job.name}: {note}")
    if job.target is None:
        sys.stdout.buffer.write(
            encode_photo(restyle(photo.rgb), job.suffix, photo, quality=quality)
        )
        sys.stdout.buffer.flush()
        return []
    with ResultFiles(job, photo, quality=quality) as files:
        for page in files.order:
            before = photo if page == 0 else read_photo(source, name=job.name, page=page)
            before = label_page(before, page)
            files.add(page, before, [(restyle(before.rgb), before)])
    return files.written
