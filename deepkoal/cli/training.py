"""`prepare` and `train`: from a folder of photos to a trained network."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from deepkoal.config import Recipe


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the parser's."""
    train = verbs.add_parser(
        "train", help="train a preset's network; run again to go on", description=_run_train.__doc__
    )
    train.add_argument("records", metavar="RECORDS", help="what `deepkoal prepare` wrote")
    train.add_argument("--run", required=True, dest="run_dir", metavar="DIR", help="the run's folder")
    train.add_argument("--preset", default="koala-lite", help="network to train (%(default)s)")
    train.add_argument("--validation", metavar="RECORDS", help="records of photos held back")
    train.add_argument("--recipe", metavar="FILE", help="a TOML recipe instead of the preset's")
    for field in dataclasses.fields(Recipe):
        train.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            metavar=type(field.default).__name__.upper(),
            help=f"the recipe's {field.name}",
        )
    train.set_defaults(run=_run_train)


def _run_train(arguments: argparse.Namespace) -> int:
    """Train a network on records. Run again, the same command goes on where it stopped."""
    from tqdm.keras import TqdmCallback

    from deepkoal.presets import build_untrained, load_recipe
    from deepkoal.training import train

    recipe = Recipe.read(arguments.recipe) if arguments.recipe else load_recipe(arguments.preset)
    names = [field.name for field in dataclasses.fields(Recipe)]
    recipe = recipe.replace(**{name: getattr(arguments, name) for name in names})
    network = build_untrained(arguments.preset, precision=recipe.precision)
    train(
        network,
        arguments.records,
        arguments.run_dir,
        recipe=recipe,
        validation=arguments.validation,
        callbacks=[TqdmCallback(verbose=1)],
    )
    print(arguments.run_dir)
    return 0
