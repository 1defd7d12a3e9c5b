"""The choice of network, which several verbs offer in the same words."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.cli.console import UsageError, start_tensorflow
from deepkoal.cli.embedders import NAMES, build_embedder, build_paper_embedder

if TYPE_CHECKING:
    from deepkoal.colorizer import Colorizer


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add `--preset` and `--model`, one of which may be given, and `--embedder`."""
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
    parser.add_argument(
        "--embedder",
        metavar=NAMES,
        help="the semantic expert of --preset koala (inception-resnet-v2, or where it cannot be "
        "had efficientnet-lite0)",
    )


def load_colorizer(arguments: argparse.Namespace) -> Colorizer:
    """Load the network that the options of `add_model_options` name.

    Raises:
        UsageError: the network takes no embedder, or there is no such embedder.
        WeightsError: there is no such preset or file, it has no weights or they are damaged.
    """
    start_tensorflow()
    from deepkoal.colorizer import Colorizer  # here, so that --help need not load Keras
    from deepkoal.presets import load_preset

    chosen = arguments.embedder
    if arguments.model is None:
        preset = load_preset(arguments.preset)
        if preset.network == "koala" and preset.sha256 is not None:
            embedder = build_embedder(chosen) if chosen else build_paper_embedder()
            return Colorizer.from_preset(preset.name, embedder=embedder)
    if chosen:
        raise UsageError("--embedder goes with --preset koala, whose expert can be exchanged")
    if arguments.model is not None:
        return Colorizer.from_file(arguments.model)
    return Colorizer.from_preset(arguments.preset)
