"""AdamW whose variables learn at rates of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import keras
from keras import ops

from deepkoal.color import Tensor


class RatedAdamW(keras.optimizers.Adam):
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) with a rate for each kind of variable.

    Variables are named by their `path`. One optimizer for a network, its pretrained encoder and
    a critic keeps `fit` and checkpoints as plain as they are for the network alone.

    Args:
        learning_rate, beta_1: as in `keras.optimizers.AdamW`.
        decay: share of the learning rate by which weights shrink; not those that have a rate.
        rates: learning rates as multiples of the others'.
        waiting: variables that stand still for the first steps.
        wait: how many steps that is.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        *,
        beta_1: float = 0.9,
        decay: float = 0.0,
        rates: Mapping[str, float] | None = None,
        waiting: Collection[str] = (),
        wait: int = 0,
    ) -> None:
        super().__init__(learning_rate=learning_rate, beta_1=beta_1)
        self._decay = decay
        self._rates = dict(rates or {})
        self._waiting = frozenset(waiting) if wait else frozenset()
        self._wait = wait

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Update one variable at its own rate."""
        # TensorFlow's optimizer hands over raw variables, known to Keras by their index only.
        path = self._trainable_variables[self._get_variable_index(variable)].path
        rate = ops.cast(learning_rate, variable.dtype) * self._rates.get(path, 1.0)
        if path in self._waiting:
            rate = rate * ops.cast(self.iterations >= self._wait, variable.dtype)
        if self._decay and path not in self._rates:
            self.assign_sub(variable, variable * (rate * self._decay))
        super().update_step(gradient, variable, rate)
