"""Losses between what a network tells and a photo's true colors, in `keras.ops`.

Each is a `keras.losses.Loss`, and each says by its `sight` which form of both it compares.
"""

from deepkoal.losses.adversarial import AdversarialLoss
from deepkoal.losses.distribution import RebalancedCrossEntropy, rebalancing_weights
from deepkoal.losses.perceptual import PerceptualLoss, lite0_features, vgg16_features
from deepkoal.losses.regression import AbHuber, AbMeanAbsoluteError, AbMeanSquaredError
from deepkoal.losses.sight import ColorLoss, Sight
from deepkoal.losses.vividness import ColorfulnessLoss

__all__ = [
    "AbHuber",
    "AbMeanAbsoluteError",
    "AbMeanSquaredError",
    "AdversarialLoss",
    "ColorLoss",
    "ColorfulnessLoss",
    "PerceptualLoss",
    "RebalancedCrossEntropy",
    "Sight",
    "lite0_features",
    "rebalancing_weights",
    "vgg16_features",
]
