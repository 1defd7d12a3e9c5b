"""Losses between what a network predicts and a photo's true colors, in `keras.ops`.

Each is a `keras.losses.Loss`, and each says by its `domain` which form of both it compares.
"""

from deepkoal.losses.adversarial import AdversarialLoss
from deepkoal.losses.cross_entropy import RebalancedCrossEntropy, rebalancing_weights
from deepkoal.losses.loss_domain import ColorLoss, LossDomain
from deepkoal.losses.perceptual import (
    ColorfulnessLoss,
    PerceptualLoss,
    lite0_features,
    vgg16_features,
)
from deepkoal.losses.regression import AbHuber, AbMeanAbsoluteError, AbMeanSquaredError

__all__ = [
    "AbHuber",
    "AbMeanAbsoluteError",
    "AbMeanSquaredError",
    "AdversarialLoss",
    "ColorLoss",
    "ColorfulnessLoss",
    "LossDomain",
    "PerceptualLoss",
    "RebalancedCrossEntropy",
    "lite0_features",
    "rebalancing_weights",
    "vgg16_features",
]
