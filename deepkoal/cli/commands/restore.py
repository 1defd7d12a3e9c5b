"""`restore`: damaged photos in, repaired photos out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from deepkoal.cli.arguments.file_options import (
    add_format_options,
    add_out_options,
    add_reading_options,
    read_file_settings,
)
from deepkoal.cli.arguments.restoration import (
    HOLES,
    add_restoration_options,
    resolve_restoration,
)
from deepkoal.cli.arguments.result_options import ResultOptions, add_provenance_options, open_signer
from deepkoal.cli.console import UsageError
from deepkoal.cli.photo_runs.restore_run import DAMAGE_SUFFIX, PaintedHoles, RestoreRun
from deepkoal.cli.photo_runs.run_report import announce, run_plan
from deepkoal.errors import DeepkoalError

DEFAULT_FOLDER = "restored"


def add_verbs(verbs: Any) -> None:
    """Add the command to the parser's."""
    restore = verbs.add_parser(
        "restore",
        help="repair damaged photos",
        description="Repair scratches, dust, folds, tears, stains and mould of photos, as they "
        "are: files, folders, quoted patterns, or - for standard input. What is not damaged keeps "
        "its very samples. A photo whose result in a folder is newer is passed over; with other "
        "options, give --overwrite. To color photos too: deepkoal colorize --restore.",
    )
    add_out_options(restore, DEFAULT_FOLDER)
    add_restoration_options(restore, alone=True)
    restore.add_argument(
        "--damage",
        action="store_true",
        help=f"also write NAME{DAMAGE_SUFFIX}: what was repaired, and how far",
    )
    restore.add_argument(
        "--compare", action="store_true", help="also write NAME.compare.jpg: before and after"
    )
    restore.add_argument(
        "--overwrite", action="store_true", help="repair photos again whose results are newer"
    )
    add_provenance_options(restore)
    add_format_options(restore)
    add_reading_options(restore)
    restore.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from deepkoal.cli.files.output_plan import plan_photos
    from deepkoal.restoration import RestorationOptions

    options = resolve_restoration(arguments, RestorationOptions())
    assert options is not None
    plan = plan_photos(
        arguments.photos,
        arguments.out,
        suffix=arguments.format,
        compare=arguments.compare,
        beside=[DAMAGE_SUFFIX] if arguments.damage else [],
        overwrite=arguments.overwrite,
        folder=DEFAULT_FOLDER,
    )
    holes = None if arguments.holes in (None, *HOLES) else Path(arguments.holes)
    if holes is not None and plan.count > 1:
        raise UsageError(f"--holes is of one photo, not {plan.count}; repair it by itself")
    announce(plan)
    arguments.goes_on = plan.count > 1 and not arguments.overwrite
    run = RestoreRun(
        options,
        holes=_read_holes(holes),
        results=ResultOptions(provenance=arguments.provenance),
        signer=open_signer(arguments),
        **read_file_settings(arguments),
    )
    return run_plan(run, plan, again="repairs")


def _read_holes(file: Path | None) -> PaintedHoles | None:
    """Return where the photo's holes are.

    Raises:
        DeepkoalError: the file is no picture, or marks nothing or too much.
    """
    if file is None:
        return None
    from deepkoal.image_io import read_image
    from deepkoal.inference.options_file import HolesMask, hash_file
    from deepkoal.restoration import check_holes

    marks = read_image(file).max(axis=2) > 127
    if not marks.any():
        raise DeepkoalError(f"--holes {file}: nothing in it is white; paint the holes white")
    try:
        check_holes(marks)
    except DeepkoalError as error:
        raise DeepkoalError(f"--holes {file}: {error}") from error
    mask = HolesMask(round(float(marks.mean()), 6), hash_file(file))
    return PaintedHoles(marks.astype("uint8"), mask)
