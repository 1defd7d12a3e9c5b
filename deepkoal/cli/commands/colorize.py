"""`colorize`: photos in, colored photos out."""

from __future__ import annotations

import argparse
import contextlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from deepkoal.cli.arguments.argument_types import add_number
from deepkoal.cli.arguments.guidance import (
    add_guidance_options,
    check_guidance,
    open_reference,
    resolve_look,
)
from deepkoal.cli.arguments.model_options import (
    add_backend_option,
    add_model_options,
    load_colorizer,
)
from deepkoal.cli.arguments.result_options import add_result_options, read_result_options
from deepkoal.cli.console import UsageError, count_photos, report, show
from deepkoal.errors import PhotoError


def add_verbs(verbs: Any) -> None:
    """Add the command to the parser's."""
    colorize = verbs.add_parser(
        "colorize",
        help="color photos",
        description="Color photos: files, folders, quoted patterns, or - for standard input. The "
        "paths of the results are printed. A photo whose result in a folder is newer is passed "
        "over, so an interrupted run goes on where it stopped; with other options, give "
        "--overwrite.",
    )
    colorize.add_argument("photos", nargs="+", metavar="PHOTO|FOLDER|GLOB")
    colorize.add_argument(
        "-o",
        "--out",
        metavar="OUT",
        help="a file for one photo, else a folder; - for standard output (colorized/, and - for -)",
    )
    add_model_options(colorize)
    add_backend_option(colorize, auto=True)
    add_guidance_options(colorize)
    add_result_options(colorize)
    colorize.add_argument(
        "--compare", action="store_true", help="also write NAME.compare.jpg: before and after"
    )
    colorize.add_argument(
        "--overwrite", action="store_true", help="color photos again whose results are newer"
    )
    colorize.add_argument(
        "--format",
        type=_read_suffix,
        metavar="EXT",
        help="jpg, png, tif, webp, avif, … (each photo's own; png for gif, tif for camera raw, jpg "
        "for -)",
    )
    of_quality = "of lossy formats, 1…100 (a JPEG's own, else 95)"
    add_number(colorize, "--quality", "Q", of_quality, high=100)
    _add_reading_options(colorize)
    colorize.set_defaults(run=_run)


def _add_reading_options(colorize: argparse.ArgumentParser) -> None:
    """Add what is about reading photos and keeping what their files had."""
    colorize.add_argument(
        "--depth",
        type=_read_depth,
        default="auto",
        metavar="auto|8|16",
        help="bits of a sample, where the format holds them (auto: 16 for photos that have more "
        "than 8)",
    )
    colorize.add_argument(
        "--salvage", action="store_true", help="color the rows of a damaged photo that decode"
    )
    colorize.add_argument(
        "--stretch",
        action="store_true",
        help="make photos brighter whose samples use a small part of their range, as 12 bits in 16",
    )
    colorize.add_argument(
        "--keep-times", action="store_true", help="give results the dates of their photos' files"
    )
    most = "refuse photos of more pixels, width × height (400 million, and fewer in tiny files)"
    add_number(colorize, "--max-pixels", "N", most)


def _read_depth(text: str) -> str | int:
    if text not in ("auto", "8", "16"):
        raise argparse.ArgumentTypeError(f"expected auto, 8 or 16, got {text!r}")
    return text if text == "auto" else int(text)


def _read_suffix(text: str) -> str:
    from deepkoal.image_io.formats import PHOTO_SUFFIXES, WRITABLE

    suffix = f".{text.lower().removeprefix('.')}"
    if suffix not in PHOTO_SUFFIXES:
        raise argparse.ArgumentTypeError(f"expected {WRITABLE}, got {text!r}")
    return suffix


def _run(arguments: argparse.Namespace) -> int:
    from deepkoal import progress_bars
    from deepkoal.cli.arguments.output_plan import plan_photos
    from deepkoal.cli.folder_run import FolderRun, ReadKeywords
    from deepkoal.inference.options_file import write_options

    look = resolve_look(arguments)
    choice, results = look.variation, read_result_options(arguments)
    plan = plan_photos(
        arguments.photos,
        arguments.out,
        suffix=arguments.format,
        compare=arguments.compare,
        beside=results.suffixes,
        variations=1 if choice is None or choice.index else choice.count,
        overwrite=arguments.overwrite,
    )
    check_guidance(look, plan.count)
    if plan.jobs and plan.jobs[0].target is None and sys.stdout.isatty():
        raise UsageError("a photo is not written to a terminal; redirect it, or give -o a file")
    for line in plan.passed_over:
        report(line)
    for failure in plan.failures:
        report(str(failure))
    failed, colored, left = len(plan.failures), 0, 0
    if plan.jobs:
        colorizer = load_colorizer(arguments).with_detail(look.detail)
        if arguments.save_options is not None and plan.count > 1:
            write_options(arguments.save_options, replace(look, photo=None))
        folder_run = FolderRun(
            colorizer,
            look,
            reference=open_reference(look, colorizer),
            save_options=arguments.save_options if plan.count == 1 else None,
            results=results,
            reading=ReadKeywords(
                max_pixels=arguments.max_pixels,
                depth=arguments.depth,
                salvage=arguments.salvage,
                stretch=arguments.stretch,
            ),
            quality=arguments.quality,
            keep_times=arguments.keep_times,
        )
        bar = progress_bars.count_photos(total=len(plan.jobs), wanted=len(plan.jobs) > 1)
        with bar, contextlib.closing(folder_run.color_all(plan.jobs)) as outcomes:
            for outcome in outcomes:
                for note in outcome.notes:
                    report(note)
                if isinstance(outcome.result, PhotoError):
                    failed += 1
                    report(str(outcome.result))
                else:
                    _show(outcome.result)
                    colored += outcome.is_colored
                    left += not outcome.is_colored
                bar.update()
    if plan.count > 1 or plan.skipped or plan.passed_over:
        _sum_up(colored, left, plan.skipped, failed, len(plan.passed_over))
    return 1 if failed else 0


def _show(written: list[Path] | bytes) -> None:
    if isinstance(written, bytes):
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
        return
    for path in written:
        show(path)


def _sum_up(colored: int, left: int, skipped: int, failed: int, passed_over: int) -> None:
    parts = [f"{count_photos(colored)} colored"]
    if left:
        parts.append(f"{left} in color already, listed above (--colored recolor colors them)")
    if skipped:
        parts.append(
            f"{skipped} skipped, whose results are newer, with whatever options they were made "
            "(--overwrite colors them again)"
        )
    if failed:
        parts.append(f"{failed} could not be colored, listed above")
    if passed_over:
        parts.append(f"{passed_over} passed over that are no photos, listed above")
    report("; ".join(parts))
