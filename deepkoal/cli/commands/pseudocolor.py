"""`pseudocolor`: values as colors, with a legend."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.cli.console import UsageError, check_stdout, show_result
from deepkoal.cli.files.input_files import STREAM, STREAM_NAME, read_stream
from deepkoal.cli.files.targets import check_picture

if TYPE_CHECKING:
    from deepkoal.image_io.decoding.sensors import DicomValues

WARNING = "Colors stand for values. Not for diagnosis."


def add_verbs(verbs: Any) -> None:
    """Add the command to the parser's."""
    pseudocolor = verbs.add_parser(
        "pseudocolor",
        help="show the values of a grey picture as colors, with a legend",
        description="Show the values of a DICOM file or a grey picture as colors of a perceptually "
        "uniform map, with a color bar that reads them back. No network guesses anything. Not for "
        "diagnosis.",
    )
    pseudocolor.add_argument("picture", metavar="PICTURE", help="a file, or - for standard input")
    pseudocolor.add_argument(
        "-o", "--out", required=True, metavar="FILE", help="- for standard output, as PNG"
    )
    pseudocolor.add_argument(
        "--map",
        choices=["viridis", "cividis", "magma", "inferno", "plasma"],
        default="viridis",
        help="(%(default)s); cividis holds in every common color blindness",
    )
    pseudocolor.add_argument(
        "--window",
        type=float,
        nargs=2,
        metavar=("CENTER", "WIDTH"),
        help="values to show, in the picture's unit, as radiologists give them: 40 400 (the "
        "file's own, else from the least to the greatest)",
    )
    pseudocolor.add_argument(
        "--no-legend", dest="legend", action="store_false", help="the picture alone"
    )
    pseudocolor.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from deepkoal.image_io import encode_photo, write_image
    from deepkoal.image_io.decoding.sensors import spread_window
    from deepkoal.rendering.pseudocolor import apply_map, draw_legend

    target = None if arguments.out == STREAM else Path(arguments.out)
    picture = None if arguments.picture == STREAM else Path(arguments.picture)
    if target is None:
        check_stdout("picture")
    check_picture("-o", target)
    if target and picture and target.exists() and picture.exists() and target.samefile(picture):
        raise UsageError(f"-o {target}: is the picture itself; give another name")
    if arguments.window is not None and not arguments.window[1] > 1:
        raise UsageError(f"--window: expected a width above 1, got {arguments.window[1]:g}")
    found = _read(read_stream() if picture is None else picture)
    window = found.window if arguments.window is None else spread_window(*arguments.window)
    if window[0] == window[1]:
        window = window[0], window[0] + 1  # a flat picture
    rgb = apply_map(found.values, arguments.map, window)
    if arguments.legend:
        rgb = draw_legend(rgb, arguments.map, window, found.unit or "value", [WARNING])
    if target is None:
        show_result(encode_photo(rgb, "PNG"))
        return 0
    write_image(target, rgb)
    show_result([target])
    return 0


def _read(source: Path | bytes) -> DicomValues:
    """Return the values of a DICOM file or of any other picture, given by its path or its bytes.

    Raises:
        PhotoError: it cannot be read.
    """
    import numpy as np

    from deepkoal.image_io import read_photo
    from deepkoal.image_io.decoding.sensors import DicomValues, read_dicom_values
    from deepkoal.image_io.formats.kinds import find_kind
    from deepkoal.rendering.composition import lightness

    name = STREAM_NAME if isinstance(source, bytes) else str(source)
    if find_kind(source, name) == "DICOM":
        return read_dicom_values(source, name=name)
    rgb = read_photo(source, name=name, depth="auto").rgb
    if np.ptp(rgb, axis=2).any():
        return DicomValues(lightness(rgb).astype(np.float64), (0.0, 100.0), "lightness L*")
    values = rgb[..., 0].astype(np.float64)
    return DicomValues(values, (float(values.min()), float(values.max())), "grey level")
