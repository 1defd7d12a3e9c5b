"""The losses that a recipe asks for, and the color prior that one of them needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import ops

from deepkoal import losses as build
from deepkoal.color import encode_ab
from deepkoal.data import evaluation_batches
from deepkoal.errors import RunError
from deepkoal.losses import ColorLoss
from deepkoal.models import patch_discriminator
from deepkoal.pretrained.recipe import Recipe
from deepkoal.training.task import rgb_to_l_ab


def check_losses(recipe: Recipe, network: keras.Model) -> None:
    """Make sure, before anything is written, that a recipe's losses fit a network.

    Raises:
        RunError: a loss needs a distribution, and the network has none.
    """
    if "cross_entropy" in recipe.losses and "logits" not in network.output:
        raise RunError(
            f"loss cross_entropy needs a network that tells a distribution, but {network.name} "
            "tells ab: use mse, mae or huber"
        )


def build_losses(
    recipe: Recipe, network: keras.Model, measure_prior: Callable[[], np.ndarray]
) -> list[tuple[float, ColorLoss]]:
    """Build a recipe's losses.

    Args:
        recipe: its `losses`, which `check_losses` let pass, and settings that some of them have.
        network: what it trains.
        measure_prior: float (Q,), share of each ab bin among the training pixels.

    Returns:
        Weights and losses.

    Raises:
        WeightsError: a loss's frozen network cannot be had.
    """

    def build_one(name: str) -> ColorLoss:
        kind, _, variant = name.partition("_")
        if name == "cross_entropy":
            weights = build.rebalancing_weights(
                measure_prior(), recipe.rebalance_mix, recipe.rebalance_power
            )
            return build.RebalancedCrossEntropy(weights)
        if kind == "perceptual":
            features = {"lite0": build.lite0_features, "vgg16": build.vgg16_features}[variant]
            return build.PerceptualLoss(features(), name=name)
        if kind == "adversarial":
            discriminator = patch_discriminator(filters=recipe.discriminator_filters)
            return build.AdversarialLoss(
                discriminator, "hinge" if variant == "hinge" else "vanilla", name
            )
        plain: dict[str, Callable[[], ColorLoss]] = {
            "mse": build.AbMeanSquaredError,
            "mae": build.AbMeanAbsoluteError,
            "huber": build.AbHuber,
            "colorfulness": build.ColorfulnessLoss,
        }
        return plain[name]()

    asked = recipe.losses or {"cross_entropy" if "logits" in network.output else "mse": 1.0}
    return [(float(weight), build_one(name)) for name, weight in asked.items()]


def measure_prior(records: str | Path, photos: int = 4096) -> np.ndarray:
    """Measure the distribution of ab over its bins, softly as `encode_ab` does.

    Args:
        records: a folder that `data.prepare` finished; its order is random already.
        photos: how many of them to look at, each at 64×64.

    Returns:
        float64 (Q,), positive, summing to 1.
    """
    batches = evaluation_batches(records, batch_size=64, size=64)
    histogram = np.zeros((221, 221))
    for batch in batches.take(-(-photos // 64)):
        ab = ops.convert_to_numpy(rgb_to_l_ab(batch["rgb"])[1]).reshape(-1, 2)
        steps = np.clip(np.rint(ab), -110, 110).astype(int) + 110
        np.add.at(histogram, (steps[:, 0], steps[:, 1]), 1)
    found = np.argwhere(histogram)
    encoded = ops.convert_to_numpy(encode_ab((found - 110).astype("float32")))
    prior = histogram[tuple(found.T)] @ encoded.astype("float64") + 1e-6
    return np.asarray(prior / prior.sum())
