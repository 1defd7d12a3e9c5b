"""AdamW whose variables learn at rates of their own, its schedules, and its averaged weights."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from deepkoal.color import Tensor
from deepkoal.pretrained.recipe import Recipe

START = 25
"""How many times smaller than its peak the learning rate begins."""


class RatedAdamW(keras.optimizers.Adam):
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) with a rate for each kind of variable.

    Variables are named by their `path`. One optimizer for a network, its pretrained encoder and
    a discriminator keeps `fit` and checkpoints as plain as they are for the network alone.

    Only kernels decay, variables of two or more dimensions: not biases, nor the scales and offsets
    of normalizations, whose size says nothing about how much a network has learned by heart (as
    timm and big_vision have it).

    Args:
        learning_rate, beta_1: as in `keras.optimizers.AdamW`.
        decay: share of the learning rate by which kernels shrink; not those that have a rate.
        rates: learning rates as multiples of the others'.
        waiting: variables that stand still for the first steps.
        wait: how many steps that is.
        ema: decay per step of a moving average of all variables, see `averaged_weights`; 0: none.
    """

    def __init__(
        self,
        learning_rate: Any,
        *,
        beta_1: float = 0.9,
        decay: float = 0.0,
        rates: Mapping[str, float] | None = None,
        waiting: Collection[str] = (),
        wait: int = 0,
        ema: float = 0.0,
    ) -> None:
        averaging = {"use_ema": True, "ema_momentum": ema} if ema else {}
        super().__init__(learning_rate=learning_rate, beta_1=beta_1, **averaging)
        self._decay = decay
        self._rates = dict(rates or {})
        self._waiting = frozenset(waiting) if wait else frozenset()
        self._wait = wait

    def _backend_update_step(
        self, grads: Sequence[Tensor], trainable_variables: Sequence[Any], learning_rate: Tensor
    ) -> None:
        """Update all variables; Keras calls it once a step."""
        # Adam's scalars are the same for all variables of a rate, and tracing them for each of a
        # network's hundreds of variables would take seconds.
        self._find_steps = functools.cache(functools.partial(self._work_out_steps, learning_rate))
        super()._backend_update_step(grads, trainable_variables, learning_rate)
        del self._find_steps  # which holds tensors of the function that is traced

    def _work_out_steps(
        self, learning_rate: Tensor, dtype: str, multiple: float, is_waiting: bool
    ) -> tuple[Tensor, Tensor]:
        """Return the learning rate of variables, and it times Adam's corrections of its start."""
        rate = ops.cast(learning_rate, dtype) * multiple
        if is_waiting:
            rate = rate * ops.cast(self.iterations >= self._wait, dtype)
        step = ops.cast(self.iterations + 1, dtype)
        beta_1_power, beta_2_power = (
            ops.power(ops.cast(beta, dtype), step) for beta in (self.beta_1, self.beta_2)
        )
        return rate, rate * ops.sqrt(1 - beta_2_power) / (1 - beta_1_power)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Update one variable at its own rate, by the operations of `keras.optimizers.Adam`."""
        # TensorFlow's optimizer hands over raw variables, known to Keras by their index only.
        index = self._get_variable_index(variable)
        path = self._trainable_variables[index].path
        dtype = keras.backend.standardize_dtype(variable.dtype)
        multiple, is_waiting = self._rates.get(path, 1.0), path in self._waiting
        rate, alpha = self._find_steps(dtype, multiple, is_waiting)
        if self._decay and path not in self._rates and len(variable.shape) > 1:
            self.assign_sub(variable, variable * (rate * self._decay))
        gradient = ops.cast(gradient, dtype)
        m, v = self._momentums[index], self._velocities[index]
        self.assign_add(m, ops.multiply(ops.subtract(gradient, m), 1 - self.beta_1))
        squared = ops.square(gradient)
        self.assign_add(v, ops.multiply(ops.subtract(squared, v), 1 - self.beta_2))
        taken = ops.divide(ops.multiply(m, alpha), ops.add(ops.sqrt(v), self.epsilon))
        self.assign_sub(variable, taken)


def build_schedule(recipe: Recipe) -> Any:
    """Return the Keras schedule of the learning rate that a recipe asks for."""
    steps = recipe.epochs * recipe.steps_per_epoch
    warmup = round(recipe.warmup * steps)
    if recipe.schedule == "wsd":
        return WarmupStableDecay(recipe.learning_rate, steps, warmup, round(recipe.decay * steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / START,
        decay_steps=max(1, steps - warmup),
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )


@keras.saving.register_keras_serializable(package="deepkoal")
class WarmupStableDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises along a line, stays, and falls to zero by 1 − √ of the share passed.

    Warm-up, stable, decay: Hu et al. 2024 (arXiv 2404.06395); its fall as Hägele et al. 2024
    (arXiv 2405.18392) found best. Unlike a cosine's, the rate before the fall does not depend on
    where the run ends.

    Args:
        peak: the stable rate.
        steps: of the run.
        warmup: steps of the rise, from a 25th of the peak.
        decay: steps of the fall.
    """

    def __init__(self, peak: float, steps: int, warmup: int, decay: int) -> None:
        self.peak, self.steps, self.warmup, self.decay = peak, steps, warmup, decay

    def __call__(self, step: Tensor) -> Tensor:
        """Return the rate of a step, counted from 0."""
        step = ops.cast(step, "float32")
        risen = ops.minimum(step / max(1, self.warmup), 1.0) if self.warmup else 1.0
        rise = 1 / START + (1 - 1 / START) * risen
        passed = (step - (self.steps - self.decay)) / max(1, self.decay)
        return self.peak * rise * (1 - ops.sqrt(ops.clip(passed, 0.0, 1.0)))

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the schedule."""
        return {name: getattr(self, name) for name in ("peak", "steps", "warmup", "decay")}


@contextlib.contextmanager
def averaged_weights(task: keras.Model | None) -> Iterator[None]:
    """Give what a task trains its averaged weights within a context, where it averages them.

    The average itself and the optimizer's other state stay as they are, so that training goes on
    as if nothing had happened.

    Args:
        task: compiled; None, or one whose optimizer averages nothing, is left as it is.
    """
    optimizer = getattr(task, "optimizer", None)
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if optimizer is None or not optimizer.use_ema:
        yield
        return
    variables = optimizer._trainable_variables
    kept = [ops.convert_to_numpy(variable) + 0 for variable in variables]
    averages = optimizer._model_variables_moving_average
    for variable, average in zip(variables, averages, strict=True):
        variable.assign(average)
    try:
        yield
    finally:
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)


class ValidateAverage(keras.callbacks.Callback):
    """Have `fit` validate with `averaged_weights`; every host needs it."""

    def __init__(self) -> None:
        super().__init__()
        self._context = contextlib.ExitStack()

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Put the averages in."""
        self._context.enter_context(averaged_weights(self.model))

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """Put the weights back."""
        self._context.close()
