"""`export`: a network as files that other programs run."""

from __future__ import annotations

import argparse
from typing import Any

from deepkoal.cli.console import show, start_tensorflow, tell
from deepkoal.cli.options import add_model_options, load_colorizer
from deepkoal.cli.values import whole_number


def add_verbs(verbs: Any) -> None:
    """Add the verb to the parser's."""
    export = verbs.add_parser(
        "export",
        help="write a network for TensorFlow Serving and other programs",
        description=_run_export.__doc__,
    )
    export.add_argument(
        "out",
        metavar="OUT",
        help="folder to write: models/NAME/VERSION, or models/NAME for the next free version",
    )
    export.add_argument(
        "--format", choices=["saved_model"], default="saved_model", help="(%(default)s)"
    )
    add_model_options(export)
    export.add_argument(
        "--vibrance",
        type=float,
        default=1.0,
        metavar="V",
        help="0.2…5, where a request tells none; more is more vivid (1)",
    )
    export.add_argument(
        "--max-pixels",
        type=whole_number(1),
        metavar="N",
        help="refuse photos of more pixels, width × height (50 million)",
    )
    export.set_defaults(run=_run_export)


def _run_export(arguments: argparse.Namespace) -> int:
    """Write a network as a SavedModel that takes photo files and returns colored ones."""
    start_tensorflow()
    from deepkoal.export import MAX_PIXELS, WARM_UP_FILE, export_saved_model

    max_pixels = MAX_PIXELS if arguments.max_pixels is None else arguments.max_pixels
    folder = export_saved_model(
        load_colorizer(arguments),
        arguments.out,
        vibrance=arguments.vibrance,
        max_pixels=max_pixels,
    )
    show(folder)
    if not (folder / WARM_UP_FILE).exists():
        tell("no warm-up requests were written; pip install 'deepkoal[serve]' and export again")
    return 0
