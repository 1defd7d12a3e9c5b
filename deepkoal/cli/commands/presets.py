"""`presets`: the networks and palettes that came with deepkoal."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.cli.console import show, show_lines
from deepkoal.cli.files.targets import check_picture
from deepkoal.errors import WeightsError, printable

if TYPE_CHECKING:
    from deepkoal.pretrained.presets import Preset


def add_verbs(verbs: Any) -> None:
    """Add the command to the parser's."""
    presets = verbs.add_parser(
        "presets",
        help="list the networks that came with deepkoal, draw palettes and styles",
        description="List the networks that came with deepkoal, or draw its named palettes or "
        "styles.",
    )
    choice = presets.add_mutually_exclusive_group()
    choice.add_argument("--json", action="store_true", help="print JSON")
    choice.add_argument(
        "--palettes",
        type=Path,
        nargs="?",
        const=Path("palettes.png"),
        metavar="FILE",
        help="draw the palettes into this picture (%(const)s), whose path is printed",
    )
    choice.add_argument(
        "--styles",
        type=Path,
        nargs="?",
        const=Path("styles.png"),
        metavar="FILE",
        help="draw the styles into this picture (%(const)s), whose path is printed",
    )
    presets.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    check_picture("--palettes", arguments.palettes)
    check_picture("--styles", arguments.styles)
    if arguments.palettes is not None:
        return _draw_palettes(arguments.palettes)
    if arguments.styles is not None:
        return _draw_styles(arguments.styles)
    from deepkoal.pretrained.presets import list_presets

    rows = [_describe(preset) for preset in list_presets()]
    if arguments.json:
        show_lines(json.dumps(rows, indent=1, ensure_ascii=False).split("\n"))
        return 0
    columns = ("preset", "network", "weights", "parameters", "license", "summary")
    table = [columns, *(_format(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        show("  ".join(cells).rstrip())
    return 0


def _draw_palettes(path: Path) -> int:
    from deepkoal.guidance import list_palettes
    from deepkoal.image_io import write_image
    from deepkoal.rendering.contact_sheets import draw_palettes

    write_image(path, draw_palettes(list_palettes()))
    show(path)
    return 0


def _draw_styles(path: Path) -> int:
    from deepkoal.image_io import write_image
    from deepkoal.rendering.contact_sheets import SheetRow, draw_sheet
    from deepkoal.style.styles import list_styles

    styles = list_styles()
    half = (len(styles) + 1) // 2
    titles = [f"{style.title} ({style.name})" for style in styles]
    rows = [
        SheetRow("  |  ".join(titles[start : start + half]), [style.rgb for style in some])
        for start, some in ((0, styles[:half]), (half, styles[half:]))
    ]
    write_image(path, draw_sheet(rows, [""] * half, width=400, height=400))
    show(path)
    return 0


def _describe(preset: Preset) -> dict[str, Any]:
    weights = _find_weights(preset)
    return {
        "name": preset.name,
        "network": preset.network,
        "weights": None if weights is None else printable(str(weights)),
        "size_bytes": None if weights is None else weights.stat().st_size,
        "parameters": None if weights is None else _count_parameters(weights),
        "working_size": preset.working_size,
        "license": preset.license,
        "summary": preset.summary,
    }


def _find_weights(preset: Preset) -> Path | None:
    from deepkoal.models.weights import find_shipped

    if preset.sha256 is None:
        return None
    try:
        return find_shipped(preset.name)
    except WeightsError:
        return None


def _count_parameters(weights: Path) -> int:
    """Count the numbers in a file of weights by its header: trained ones and running statistics.

    Raises:
        WeightsError: it is no such file.
    """
    from deepkoal.models.weights import read_shapes

    return sum(math.prod(shape) for shape in read_shapes(weights).values())


def _format(row: dict[str, Any]) -> tuple[str, ...]:
    shipped = row["weights"] is not None
    return (
        row["name"],
        row["network"],
        f"{row['size_bytes'] / 1e6:.1f} MB" if shipped else "none",
        f"{row['parameters']:,}" if shipped else "-",
        row["license"],
        row["summary"],
    )
