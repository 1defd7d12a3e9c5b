"""`train`: from a folder of photos, or records of them, to a trained network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from deepkoal.atomic_files import real_path
from deepkoal.cli.arguments.argument_types import named_numbers
from deepkoal.cli.arguments.devices import add_device_options
from deepkoal.cli.arguments.embedders import NAMES
from deepkoal.cli.console import show
from deepkoal.cli.files.targets import result_place
from deepkoal.cli.training_run import report_gain, train_network
from deepkoal.pretrained.recipe import RENAMED, Recipe


def add_verbs(verbs: Any) -> None:
    """Add the verb to the parser's."""
    train = verbs.add_parser(
        "train",
        help="train a preset's network; run again to go on",
        description="Train a network on a folder of color photos, or on records. Photos are "
        "recorded in the run's folder first, one in ten is held back for validation, and files "
        "that cannot be read are listed. Run again, the same command goes on where it stopped.",
    )
    train.add_argument(
        "source", metavar="PHOTOS|RECORDS", help="color photos, or what `deepkoal prepare` wrote"
    )
    train.add_argument(
        "--run",
        dest="run_dir",
        type=result_place,
        metavar="DIR",
        help="the run's folder (runs/ and PHOTOS' name)",
    )
    train.add_argument("--preset", default="koala-lite", help="network to train (%(default)s)")
    train.add_argument(
        "--from",
        dest="start",
        metavar="PRESET|FILE",
        help="weights to begin with: of a preset, a .keras file or a run's folder (an untrained "
        "network)",
    )
    train.add_argument("--validation", metavar="RECORDS", help="records of photos held back")
    train.add_argument(
        "--recipe",
        metavar="NAME|FILE",
        help="another recipe of the preset's, such as adversarial, or a TOML file (recipe; "
        "for PHOTOS with --from finetune, where the preset has it)",
    )
    train.add_argument(
        "--embedder", metavar=NAMES, help="of koala: for PHOTOS, or of RECORDS made with a file's"
    )
    add_device_options(train)
    settings = train.add_argument_group(
        "the recipe's settings", "instead of its own; see docs/training.md"
    )
    read_losses = named_numbers("NAME=WEIGHT", "mse=1,colorfulness=0.1")
    for name, value in vars(Recipe()).items():
        is_table = isinstance(value, dict)
        settings.add_argument(
            f"--{name.replace('_', '-')}",
            type=read_losses if is_table else type(value),
            metavar="NAME=WEIGHT,…" if is_table else type(value).__name__.upper(),
            help=f"the recipe's {name}",
        )
    for old, name in RENAMED.items():
        value = getattr(Recipe(), name)
        settings.add_argument(
            f"--{old.replace('_', '-')}", type=type(value), help=argparse.SUPPRESS
        )
    train.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    run_dir = choose_run_dir(arguments)
    train_network(arguments, run_dir)
    show(run_dir)
    report_gain(run_dir)
    return 0


def choose_run_dir(arguments: argparse.Namespace) -> Path:
    """Return the run's folder, named after what is trained on where none is given."""
    name = real_path(arguments.source).name or "photos"
    return Path(arguments.run_dir or Path("runs", name))
