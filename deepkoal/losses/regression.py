"""Losses of ab itself: squared, absolute, and between the two."""

from __future__ import annotations

import keras
from keras import ops

from deepkoal.color import AB_SCALE, Tensor, normalize_ab
from deepkoal.losses.loss_domain import LossDomain


@keras.saving.register_keras_serializable(package="deepkoal")
class AbMeanSquaredError(keras.losses.Loss):
    """Mean squared error of ab in network units, as in Deep Koalarization (arXiv 1712.03400).

    `y_true` and `y_pred` are ab (B, h, w, 2) in ab units.
    """

    domain = LossDomain.AB

    def __init__(self, name: str = "mse") -> None:
        super().__init__(name=name)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss at each place, (B, h, w)."""
        return ops.mean(ops.square(_miss(y_true, y_pred)), axis=-1)

    def get_config(self) -> dict[str, object]:
        """Return what rebuilds the loss."""
        return {"name": self.name}


@keras.saving.register_keras_serializable(package="deepkoal")
class AbMeanAbsoluteError(keras.losses.Loss):
    """Mean absolute error of ab in network units, as in Pix2Pix (arXiv 1611.07004, equation 3).

    `y_true` and `y_pred` are ab (B, h, w, 2) in ab units.
    """

    domain = LossDomain.AB

    def __init__(self, name: str = "mae") -> None:
        super().__init__(name=name)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss at each place, (B, h, w)."""
        return ops.mean(ops.abs(_miss(y_true, y_pred)), axis=-1)

    def get_config(self) -> dict[str, object]:
        """Return what rebuilds the loss."""
        return {"name": self.name}


@keras.saving.register_keras_serializable(package="deepkoal")
class AbHuber(keras.losses.Loss):
    """Huber's loss of ab (Zhang et al. 2017, arXiv 1705.02999, equation 2), over its slope.

    Squared up to `delta`, a line beyond: one wrong color does not outweigh a hundred slight ones.
    Divided by `delta`, it is the mean absolute error in network units, rounded at the bottom.
    `y_true` and `y_pred` are ab (B, h, w, 2) in ab units.

    Args:
        delta: in ab units, above 0.
    """

    domain = LossDomain.AB

    def __init__(self, delta: float = 1.1, name: str = "huber") -> None:
        super().__init__(name=name)
        self.delta = delta

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss at each place, (B, h, w)."""
        miss = AB_SCALE * ops.abs(_miss(y_true, y_pred))
        square, line = ops.square(miss) / (2 * self.delta), miss - self.delta / 2
        return ops.mean(ops.where(miss < self.delta, square, line), axis=-1) / AB_SCALE

    def get_config(self) -> dict[str, object]:
        """Return what rebuilds the loss."""
        return {"delta": self.delta, "name": self.name}


def _miss(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return normalize_ab(ops.cast(y_pred, "float32")) - normalize_ab(y_true)
