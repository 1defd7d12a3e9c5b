"""`colorize`: photos in, colored photos out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from deepkoal.cli.arguments.argument_types import whole_number
from deepkoal.cli.arguments.guidance import (
    add_guidance_options,
    add_reference,
    check_guidance,
    read_color_options,
)
from deepkoal.cli.arguments.model_options import (
    add_backend_option,
    add_model_options,
    load_colorizer,
)
from deepkoal.cli.console import UsageError, count_photos, show, tell
from deepkoal.errors import DeepkoalError, PhotoError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deepkoal.cli.arguments.output_plan import Job
    from deepkoal.guidance import ColorKeywords
    from deepkoal.image_io import Photo
    from deepkoal.inference.colorizer import Colorizer

    Opened = tuple[Job, Photo]

BATCH_PHOTOS = 16
BATCH_PIXELS = 16_000_000
"""Photos that are in memory together: as many as share a pass, and large ones alone."""


def add_verbs(verbs: Any) -> None:
    """Add the verb to the parser's."""
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
        help="jpg, png, webp, tif, bmp or gif (each photo's own; png for gif, jpg for -)",
    )
    colorize.add_argument(
        "--quality",
        type=whole_number(1, 100),
        default=95,
        metavar="Q",
        help="of JPEG and WebP, 1…100 (%(default)s)",
    )
    colorize.add_argument(
        "--max-pixels",
        type=whole_number(1),
        metavar="N",
        help="refuse photos of more pixels, width × height (200 million)",
    )
    colorize.set_defaults(run=_run)


def _read_suffix(text: str) -> str:
    from deepkoal.image_io import PHOTO_SUFFIXES

    suffix = f".{text.lower().removeprefix('.')}"
    if suffix not in PHOTO_SUFFIXES:
        raise argparse.ArgumentTypeError(f"expected jpg, png, webp, tif, bmp or gif, got {text!r}")
    return suffix


def _run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from deepkoal.cli.arguments.output_plan import plan_photos

    plan = plan_photos(
        arguments.photos,
        arguments.out,
        suffix=arguments.format,
        compare=arguments.compare,
        variations=arguments.variations,
        overwrite=arguments.overwrite,
    )
    check_guidance(arguments, plan.count)
    if plan.jobs and plan.jobs[0].target is None and sys.stdout.isatty():
        raise UsageError("a photo is not written to a terminal; redirect it, or give -o a file")
    for failure in plan.failures:
        tell(str(failure))
    failed, colored = len(plan.failures), 0
    if plan.jobs:
        options = read_color_options(arguments)
        colorizer = load_colorizer(arguments)
        add_reference(options, arguments.reference, colorizer)
        bar = tqdm(
            total=len(plan.jobs),
            unit=" photos",
            disable=len(plan.jobs) == 1 or not sys.stderr.isatty(),
        )
        with bar:
            for problem in _color_all(plan.jobs, colorizer, options, arguments):
                if problem is None:
                    colored += 1
                else:
                    failed += 1
                    tell(str(problem))
                bar.update()
    if plan.count > 1 or plan.skipped:
        _sum_up(colored, plan.skipped, failed)
    return 1 if failed else 0


def _sum_up(colored: int, skipped: int, failed: int) -> None:
    parts = [f"{count_photos(colored)} colored"]
    if skipped:
        parts.append(
            f"{skipped} skipped, whose results are newer, with whatever options they were made "
            "(--overwrite colors them again)"
        )
    if failed:
        parts.append(f"{failed} could not be colored, listed above")
    tell("; ".join(parts))


def _color_all(
    jobs: list[Job], colorizer: Colorizer, options: ColorKeywords, arguments: argparse.Namespace
) -> Iterator[PhotoError | None]:
    """Color and write every photo; yield for each why it could not be done, or None."""
    batch: list[Opened] = []
    for job in jobs:
        try:
            photo = _read(job, arguments.max_pixels)
        except PhotoError as error:
            yield error
            continue
        pixels = sum(opened.rgb[..., 0].size for _, opened in [*batch, (job, photo)])
        if batch and (len(batch) == BATCH_PHOTOS or pixels > BATCH_PIXELS):
            yield from _color_batch(batch, colorizer, options, arguments)
            batch = []
        batch.append((job, photo))
    yield from _color_batch(batch, colorizer, options, arguments)


def _read(job: Job, max_pixels: int | None) -> Photo:
    from deepkoal.image_io import MAX_PIXELS, decode_photo, read_photo

    limit = max_pixels or MAX_PIXELS
    if job.source is None:
        return decode_photo(sys.stdin.buffer.read(), job.name, max_pixels=limit)
    return read_photo(job.source, max_pixels=limit)


def _color_batch(
    batch: list[Opened], colorizer: Colorizer, options: ColorKeywords, arguments: argparse.Namespace
) -> Iterator[PhotoError | None]:
    photos = [photo.rgb for _, photo in batch]
    try:
        if arguments.variations > 1:
            vibrance, seed = arguments.vibrance, arguments.seed
            colored = [
                colorizer.variations(photo, arguments.variations, seed=seed, vibrance=vibrance)
                for photo in photos
            ]
        else:
            colored = [[rgb] for rgb in colorizer.colorize_batch(photos, **options)]
    except Exception as error:
        # One bad photo, or too many for the memory, must not cost the others theirs.
        if len(batch) > 1:
            for opened in batch:
                yield from _color_batch([opened], colorizer, options, arguments)
            return
        yield _explain(batch[0][0], batch[0][1].rgb.shape, error)
        return
    for (job, photo), looks in zip(batch, colored, strict=True):
        try:
            _write(job, photo, looks, arguments.quality)
        except PhotoError as error:
            yield error
        else:
            yield None


def _explain(job: Job, shape: tuple[int, ...], error: Exception) -> PhotoError:
    if isinstance(error, MemoryError):
        return PhotoError(
            f"{job.name}: not enough memory to color {shape[1]}×{shape[0]} pixels; scale it down, "
            "or close programs"
        )
    cause = " ".join(str(error).split())
    if not isinstance(error, DeepkoalError):
        cause = f"{type(error).__name__}: {cause}"
    return PhotoError(f"{job.name}: cannot be colored ({cause})")


def _write(job: Job, photo: Photo, looks: list[NDArray[np.uint8]], quality: int) -> None:
    """Write a photo's results, and print where.

    Raises:
        PhotoError: it cannot be written.
    """
    from deepkoal.image_io import encode_photo, write_photo

    rgb, *others = looks
    if job.target is None:
        sys.stdout.buffer.write(encode_photo(rgb, job.suffix, photo, quality=quality))
        sys.stdout.buffer.flush()
        return
    try:
        job.target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PhotoError(
            f"{job.target.parent}: cannot be made ({error.strerror}); choose another folder"
        ) from error
    # The photo last: where it is there, all others are too, so that a later run may skip them.
    if job.comparison is not None:
        from deepkoal.rendering.contact_sheets import join_before_after

        write_photo(job.comparison, join_before_after(photo.rgb, rgb), quality=quality)
    for place, options in zip(job.looks, others, strict=True):
        write_photo(place, options, photo, quality=quality)
    write_photo(job.target, rgb, photo, quality=quality)
    for written in job.places:
        show(written)
