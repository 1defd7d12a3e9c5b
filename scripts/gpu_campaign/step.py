"""One compiled step: crops, the project's task, gradients, AdamW and the moving average.

Everything but the gradient and the compilation is Keras's stateless interface; these two are JAX's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import keras
import numpy as np
from keras import ops

from deepkoal.color import Tensor
from deepkoal.data.degradation import DegradeLightness
from deepkoal.data.film import FilmLightness
from deepkoal.guidance import DecodingConfig
from deepkoal.losses import ColorLoss
from deepkoal.training.optimizer import RatedAdamW
from deepkoal.training.task import ColorizationTask

from .views import cut_views

State = dict[str, list[Any]]
"""Arrays: `trained` and `others` of the task's variables, `optimizer`, `averaged` weights."""

CLIP_NORM = 5.0
"""Norm of all gradients together beyond which they are scaled down."""


class Stepper:
    """A network with what trains it, as a function from one state to the next.

    Args:
        network: to be trained, on the JAX backend.
        losses: weights and losses, none of which has variables to learn.
        decoding: how the network's outputs become the ab that losses look at.
        degradation: share of the photos that are aged.
        film: share of them that an old film recorded.
        weight_decay: of kernels; biases, norms and the pretrained encoder are left out of it.
        encoder_rate: learning rate of the layer `encoder` as a multiple of the others'.
        average: decay of the moving average, once there have been enough steps.
        seed: of the aging.
    """

    def __init__(
        self,
        network: keras.Model,
        losses: Sequence[tuple[float, ColorLoss]],
        decoding: DecodingConfig,
        *,
        degradation: float = 0.0,
        film: float = 0.0,
        weight_decay: float = 1e-2,
        encoder_rate: float = 1.0,
        average: float = 0.999,
        seed: int = 0,
    ) -> None:
        self.network = network
        degrade = DegradeLightness(degradation, seed) if degradation else None
        recorded = FilmLightness(film, seed) if film else None
        self.task = ColorizationTask(network, losses, decoding, degrade, recorded)
        self.average = average
        self.trained = network.trainable_variables
        # With the states of the random draws, and the means that several losses report. Some are
        # listed twice.
        every = {id(each): each for each in (*self.task.variables, *self.task.metrics_variables)}
        for variable in self.trained:
            del every[id(variable)]
        self.others = list(every.values())
        self.optimizer = RatedAdamW(
            1e-3, decay=weight_decay, rates=_rate_variables(network, encoder_rate)
        )
        self.optimizer.build(self.trained)
        rate = self.optimizer.learning_rate
        self._rate_index = [variable is rate for variable in self.optimizer.variables].index(True)
        self.step = jax.jit(self._step, static_argnums=5, donate_argnums=0)

    def begin(self) -> State:
        """Return the state that the variables are in. They are copied: a step frees its input."""
        return {
            "trained": _copy(self.trained),
            "others": _copy(self.others),
            "optimizer": _copy(self.optimizer.variables),
            "averaged": _copy(self.network.weights),
        }

    def assign(self, state: State, weights: str) -> keras.Model:
        """Give the network its `trained` or `averaged` weights of a state, and return it."""
        if weights == "averaged":
            values = state["averaged"]
        else:
            values = self._order(state["trained"], state["others"])
        for variable, value in zip(self.network.weights, values, strict=True):
            variable.assign(value)
        return self.network

    def compute_loss(
        self, trained: list[Any], others: list[Any], rgb: Tensor
    ) -> tuple[Tensor, list[Any]]:
        """Return the task's loss in training and the other variables after it.

        Args:
            trained: values of the variables that are trained.
            others: values of the task's other variables.
            rgb: (B, H, W, 3) in 0…255.
        """
        mapping = [*zip(self.trained, trained, strict=True), *zip(self.others, others, strict=True)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            outputs = self.task({"rgb": rgb}, training=True)
            loss = self.task.compute_loss({"rgb": rgb}, None, outputs)
        return loss, [scope.get_current_value(variable) for variable in self.others]

    def _step(
        self, state: State, photos: Tensor, views: Tensor, rate: Tensor, done: Tensor, size: int
    ) -> tuple[State, Tensor]:
        """Return the next state and the loss, see `PhotoStore.draw` and `draw_views`."""
        rgb = cut_views(photos, views, size)
        differentiate = jax.value_and_grad(self.compute_loss, has_aux=True)
        (loss, others), gradients = differentiate(state["trained"], state["others"], rgb)
        norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients))
        scale = ops.minimum(1.0, CLIP_NORM / ops.maximum(norm, 1e-12))
        gradients = [gradient * scale for gradient in gradients]
        optimizer = list(state["optimizer"])
        optimizer[self._rate_index] = ops.cast(rate, "float32")
        trained, optimizer = self.optimizer.stateless_apply(optimizer, gradients, state["trained"])
        decay = ops.minimum(self.average, (1 + done) / (10 + done))
        averaged = [
            decay * old + (1 - decay) * new
            for old, new in zip(state["averaged"], self._order(trained, others), strict=True)
        ]
        state = {
            "trained": trained,
            "others": others,
            "optimizer": optimizer,
            "averaged": averaged,
        }
        return state, loss

    def _order(self, trained: list[Any], others: list[Any]) -> list[Any]:
        """Return the network's weights in its own order."""
        variables, values = [*self.trained, *self.others], [*trained, *others]
        by_id = {id(variable): value for variable, value in zip(variables, values, strict=True)}
        return [by_id[id(variable)] for variable in self.network.weights]


def _copy(variables: Sequence[keras.Variable]) -> list[Any]:
    return [jax.numpy.array(np.asarray(variable.value)) for variable in variables]


def _rate_variables(network: keras.Model, encoder_rate: float) -> dict[str, float]:
    """Return rates by path; `RatedAdamW` lets what has one be without weight decay."""
    encoder = network.get_layer("encoder").trainable_variables
    return {variable.path: encoder_rate for variable in encoder}
