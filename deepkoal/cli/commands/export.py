"""`export`: a network as files that other programs run."""

from __future__ import annotations

import argparse
import importlib.resources
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.cli.arguments.argument_types import add_number, vibrance
from deepkoal.cli.arguments.model_options import add_model_options, load_colorizer
from deepkoal.cli.console import UsageError, report, show
from deepkoal.cli.files.targets import check_writable, read_ending, result_place
from deepkoal.errors import DeepkoalError
from deepkoal.keras_runtime import start_tensorflow
from deepkoal.native_logs import silence_stderr

if TYPE_CHECKING:
    from deepkoal.inference.colorizer import ByteArray

SAMPLES = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "chelsea.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "hubble_deep_field.jpg",
    "moon.png",
    "motorcycle_left.png",
    "rocket.jpg",
)
"""Photos inside the scikit-image package, of things as different as it has."""
MOST_PHOTOS = 100
"""Of a folder; more change the ranges no further."""


def add_verbs(verbs: Any) -> None:
    """Add the command to the parser's."""
    export = verbs.add_parser(
        "export",
        help="write a network for TensorFlow Serving and other programs",
        description=_run_export.__doc__,
    )
    export.add_argument(
        "out",
        type=result_place,
        metavar="OUT",
        help="folder to write: models/NAME/VERSION, or models/NAME for the next free version; "
        "with --format litert a file NAME.tflite, with onnx NAME.onnx; with web a new folder",
    )
    export.add_argument(
        "--format",
        choices=["saved_model", "litert", "onnx", "web"],
        help="saved_model colors photo files by itself; litert and onnx are the bare network, for "
        "colorize --model, serve and other programs; web is the studio as static files, which "
        "color in the visitor's browser (by OUT's ending, else saved_model)",
    )
    add_model_options(export)
    export.add_argument(
        "--vibrance",
        type=vibrance,
        default=1.0,
        metavar="V",
        help="0.2…5, where a request gives none; more is more vivid (1)",
    )
    most = "refuse photos of more pixels, width × height (50 million)"
    add_number(export, "--max-pixels", "N", most)
    export.add_argument(
        "--precision",
        choices=["float32", "float16", "int8"],
        help="of --format litert: float16 halves the file, int8 quarters it and is quickest "
        "(float32)",
    )
    export.add_argument(
        "--photos",
        type=Path,
        metavar="FOLDER",
        help="photos like those to be colored, by which int8 chooses its ranges (scikit-image's)",
    )
    export.add_argument(
        "--size",
        type=_read_size,
        metavar="N|HxW",
        help="of a .tflite or .onnx file: only photos of this size in pixels, multiples of 32, as "
        "many accelerators of phones want; such a file is for other programs (any size)",
    )
    export.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a .tflite or .onnx file that exists; a version is never replaced",
    )
    export.add_argument(
        "--runtime",
        type=Path,
        metavar="FOLDER",
        help="of --format web: the npm package onnxruntime-web (./node_modules/onnxruntime-web)",
    )
    export.set_defaults(run=_run_export)


def _read_size(text: str) -> tuple[int, int]:
    """Read `--size`: a side, or height and width."""
    sides = text.lower().split("x")
    if len(sides) not in (1, 2) or not all(side.isdecimal() for side in sides):
        raise argparse.ArgumentTypeError(f"expected a size as 192 or 192x256, got {text!r}")
    return int(sides[0]), int(sides[-1])


def _run_export(arguments: argparse.Namespace) -> int:
    """Write a network as a SavedModel that colors photo files, or for LiteRT or ONNX Runtime."""
    from deepkoal.inference.backends import SUFFIXES

    if arguments.format is None:
        kinds = {suffix: kind for kind, suffix in SUFFIXES.items()}
        otherwise = "a folder of this name: --format saved_model"
        ending = read_ending(Path(arguments.out), kinds, otherwise)
        arguments.format = kinds.get(ending, "saved_model")
    _check(arguments)
    place = _find_place(arguments)
    report("loading the network")
    start_tensorflow()
    if arguments.format == "web":
        return _export_site(arguments, place)
    if arguments.format != "saved_model":
        return _export_bare(arguments, place)
    from deepkoal.export import MAX_PIXELS, WARM_UP_FILE, export_saved_model

    colorizer = load_colorizer(arguments)
    report(f"writing {place} (half a minute or more)")
    max_pixels = MAX_PIXELS if arguments.max_pixels is None else arguments.max_pixels
    folder = export_saved_model(
        colorizer, place, vibrance=arguments.vibrance, max_pixels=max_pixels
    )
    show(folder)
    if not (folder / WARM_UP_FILE).exists():
        report("no warm-up requests were written; pip install 'deepkoal[serve]' and export again")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse options that make no sense together."""
    if arguments.precision is not None and arguments.format != "litert":
        raise UsageError("--precision goes with --format litert")
    if arguments.photos is not None and arguments.precision != "int8":
        raise UsageError("--photos goes with --precision int8")
    if arguments.format != "saved_model" and (
        arguments.vibrance != 1.0 or arguments.max_pixels is not None
    ):
        raise UsageError("--vibrance and --max-pixels go with --format saved_model")
    is_file = arguments.format in ("litert", "onnx")
    if arguments.overwrite and not is_file:
        raise UsageError("--overwrite goes with --format litert and onnx")
    if arguments.size is not None and not is_file:
        raise UsageError("--size goes with --format litert and onnx")
    if arguments.runtime is not None and arguments.format != "web":
        raise UsageError("--runtime goes with --format web")


def _find_place(arguments: argparse.Namespace) -> Path:
    """Return the file or folder to write, before time goes into what could not be written there.

    Raises:
        DeepkoalError: there is something already, or nothing of that name can be written.
    """
    from deepkoal.export import (
        check_file,
        check_packages,
        check_site,
        check_size,
        choose_version,
        find_runtime,
    )
    from deepkoal.inference.backends import SUFFIXES

    place = Path(arguments.out)
    if arguments.format == "saved_model":
        version = choose_version(place)
        check_writable(version.parent)
        return version
    if arguments.format == "web":
        check_site(place)
        check_writable(place.parent)
        check_packages(arguments.format)
        find_runtime(arguments.runtime)
        return place
    check_file(place, SUFFIXES[arguments.format])
    if place.exists() and not arguments.overwrite:
        raise DeepkoalError(f"{place} exists; give another name, or --overwrite to replace it")
    check_writable(place.parent)
    if arguments.size is not None:
        check_size(arguments.size)
    check_packages(arguments.format)
    return place


def _export_site(arguments: argparse.Namespace, folder: Path) -> int:
    from deepkoal.export import export_site

    colorizer = load_colorizer(arguments)
    report(f"writing {folder} (half a minute or more)")
    with silence_stderr():  # converters log every step on stderr
        export_site(colorizer, folder, runtime=arguments.runtime)
    show(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    report(
        f"{size / 1e6:.1f} MB; look at it with: python -m http.server --directory {folder}, at "
        "http://localhost:8000"
    )
    return 0


def _export_bare(arguments: argparse.Namespace, path: Path) -> int:
    from deepkoal.export import export_litert, export_onnx

    colorizer = load_colorizer(arguments)
    report(f"writing {path} (half a minute or more)")
    with silence_stderr():  # converters log every step on stderr
        if arguments.format == "onnx":
            export_onnx(colorizer, path, size=arguments.size)
        else:
            precision = arguments.precision or "float32"
            photos = read_photos(arguments.photos) if precision == "int8" else iter(())
            export_litert(colorizer, path, precision=precision, photos=photos, size=arguments.size)
    show(path)
    return 0


def read_photos(folder: Path | None) -> Iterator[ByteArray]:
    """Yield photos to calibrate int8 by: of a folder, spread evenly over it, or the samples.

    Raises:
        PhotoError: the folder cannot be listed, or a photo cannot be read.
    """
    from deepkoal.image_io import list_photos, read_image

    if folder is None:
        samples = importlib.resources.files("skimage.data")
        for name in SAMPLES:
            with importlib.resources.as_file(samples / name) as path:
                yield read_image(path)
        return
    paths = list_photos(folder)
    step = max(1, len(paths) / MOST_PHOTOS)
    for index in range(min(len(paths), MOST_PHOTOS)):
        yield read_image(paths[int(index * step)])
