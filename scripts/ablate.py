"""Train koala-lite briefly with one part taken away, for runs of equal budget.

    python scripts/ablate.py PART RECORDS VALIDATION RUN [--epochs N] [--steps N]

PART is none, fusion (the semantic embedding is a vector of zeros), reweighting (all colors count
alike) or degradation (no photo is aged). Each run begins with the ImageNet encoder; measure it with
`deepkoal evaluate PHOTOS --model RUN`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
from keras import ops
from tqdm.keras import TqdmCallback

from deepkoal import models
from deepkoal.pretrained.presets import load_recipe
from deepkoal.pretrained.recipe import Recipe
from deepkoal.training import train

CHANGES: dict[str, dict[str, float]] = {
    "none": {},
    "fusion": {},
    "reweighting": {"rebalance_power": 0.0},
    "degradation": {"degradation": 0.0},
}


def build_network(part: str, seed: int) -> keras.Model:
    """Return an untrained koala-lite; without fusion, its expert says nothing."""
    keras.utils.set_random_seed(seed)
    encoder = models.imagenet_lite0()
    if part == "fusion":
        outputs = {**encoder.output, "logits": ops.zeros_like(encoder.output["logits"])}
        encoder = keras.Model(encoder.input, outputs, name=encoder.name)
    return models.lite(encoder)


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=CHANGES)
    parser.add_argument("records", type=Path)
    parser.add_argument("validation", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--steps", type=int, default=150)
    arguments = parser.parse_args()
    recipe: Recipe = load_recipe("koala-lite").replace(
        size=arguments.size,
        batch_size=32,
        epochs=arguments.epochs,
        steps_per_epoch=arguments.steps,
        learning_rate=2e-3,
        **CHANGES[arguments.part],
    )
    train(
        build_network(arguments.part, recipe.seed),
        arguments.records,
        arguments.run,
        recipe=recipe,
        validation=arguments.validation,
        callbacks=[TqdmCallback(verbose=1)],
    )


if __name__ == "__main__":
    main()
