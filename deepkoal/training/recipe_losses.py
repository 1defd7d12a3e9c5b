"""The losses that a recipe asks for, built; without TensorFlow, on any backend."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from deepkoal import losses as build
from deepkoal.errors import RunError
from deepkoal.losses import ColorLoss
from deepkoal.models import patch_discriminator
from deepkoal.pretrained.recipe import Recipe


def check_losses(recipe: Recipe, network: keras.Model) -> None:
    """Make sure, before anything is written, that a recipe's losses fit a network.

    Raises:
        RunError: a loss needs a distribution, and the network has none.
    """
    if "cross_entropy" in recipe.losses and "logits" not in network.output:
        raise RunError(
            f"loss cross_entropy needs a network with a distribution, but {network.name} "
            "predicts ab: use mse, mae or huber"
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
