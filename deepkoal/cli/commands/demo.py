"""`demo`: sample photos, colored, with no photo of one's own and no network access."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from deepkoal.cli.arguments.model_options import (
    add_backend_option,
    add_model_options,
    load_colorizer,
)
from deepkoal.cli.console import show
from deepkoal.cli.files.targets import result_place
from deepkoal.errors import PhotoError

SHEET_FILE = "contact_sheet.jpg"
CREDITS_FILE = "CREDITS.txt"


def add_verbs(verbs: Any) -> None:
    """Add the command to the parser's."""
    demo = verbs.add_parser(
        "demo",
        help="color sample photos",
        description="Take the color from free sample photos, color them, and put grey, colored "
        "and true photos side by side. The paths of the results are printed.",
    )
    demo.add_argument(
        "-o", "--out", type=result_place, default="demo", metavar="FOLDER", help="(%(default)s)"
    )
    add_model_options(demo)
    add_backend_option(demo, auto=True)
    demo.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from deepkoal.image_io import SAMPLES, read_sample, write_image
    from deepkoal.rendering.contact_sheets import SheetRow, desaturate, draw_sheet

    folder = Path(arguments.out)
    _make_folder(folder)
    colorizer = load_colorizer(arguments)
    rows = []
    for sample in SAMPLES:
        true = read_sample(sample).rgb
        grey = desaturate(true)
        colored = colorizer.colorize(grey)
        target = folder / f"{Path(sample.file).stem}.jpg"
        write_image(target, colored)
        show(target)
        caption = sample.what if sample.in_color else f"{sample.what}, taken in black and white"
        rows.append(SheetRow(caption, (grey, colored, true if sample.in_color else None)))
    write_image(folder / SHEET_FILE, draw_sheet(rows, ("grey", "colored", "true")))
    show(folder / SHEET_FILE)
    _write_credits(folder / CREDITS_FILE)
    show(folder / CREDITS_FILE)
    return 0


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PhotoError(
            f"{folder}: cannot be made ({error.strerror}); choose another folder with --out"
        ) from error


def _write_credits(path: Path) -> None:
    from deepkoal.image_io import SAMPLES

    lines = [
        f"{sample.file}: {sample.what}. {sample.credit}, {sample.license}." for sample in SAMPLES
    ]
    text = "The photos come from scikit-image, whose documentation gives these credits.\n\n"
    path.write_text(text + "\n".join(lines) + "\n", encoding="utf-8")
