"""The choice of network, which several verbs offer in the same words."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.cli.console import start_tensorflow

if TYPE_CHECKING:
    from deepkoal.colorizer import Colorizer


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add `--preset` and `--model`, one of which may be given."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--preset",
        default="koala-lite",
        metavar="NAME",
        help="a network that came with deepkoal (%(default)s)",
    )
    group.add_argument(
        "--model",
        type=Path,
        metavar="RUN|FILE.keras",
        help="a network of your own: a run's folder or a .keras file",
    )


def load_colorizer(arguments: argparse.Namespace) -> Colorizer:
    """Load the network that the options of `add_model_options` name.

    Raises:
        WeightsError: there is no such preset or file, it has no weights or they are damaged.
    """
    start_tensorflow()
    from deepkoal.colorizer import Colorizer  # here, so that --help need not load Keras

    if arguments.model is not None:
        return Colorizer.from_file(arguments.model)
    return Colorizer.from_preset(arguments.preset)
