"""What `fit` trains: a network with the way from an RGB batch to its inputs, targets and loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from deepkoal.color import Tensor, denormalize_l, normalize_l, rgb_to_lab

Batch = dict[str, Tensor]
"""`rgb` uint8 (B, H, W, 3) and, where embeddings were prepared, `embedding` float32 (B, D)."""


def rgb_to_l_ab(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Split photos into what a network sees and what it is to tell.

    Args:
        rgb: (B, H, W, 3) uint8.

    Returns:
        l_norm (B, H, W, 1) in −1…1 and ab (B, H, W, 2), float32.
    """
    lab = rgb_to_lab(ops.cast(rgb, "float32") / 255.0)
    return normalize_l(lab[..., :1]), lab[..., 1:]


def network_from_embedding(network: keras.Model) -> keras.Model:
    """View a network as a function of lightness and of an embedding computed beforehand.

    Args:
        network: with an embedder whose output goes to a layer `replicate`, such as `koala`.

    Returns:
        A model from `[l_norm, embedding]` to the same outputs, sharing all layers but the
        embedder, which it no longer needs.
    """
    # Not the embedder's own output: of a model within a model that is a tensor of the inner graph.
    _, embedding = network.get_layer("replicate").input
    # Keras 3.15 makes the view's new input node the origin of the tensor they share, after which
    # the network itself could no longer be saved.
    origin = network.input._keras_history
    view = keras.Model([network.input, embedding], network.output, name=network.name)
    network.input._keras_history = origin
    return view


class ColorizationTask(keras.Model):
    """Lab, targets and loss around a network, so that plain `fit` trains it on RGB batches.

    Args:
        trunk: a network, or `network_from_embedding` of one where batches bring embeddings.
        output: name of the network's output that the loss is computed from.
        objective: from ab (B, h, w, 2) in ab units and that output to a scalar.
        degrade: from l (B, H, W, 1) to l, what happens to photos before training's network sees
            them; None for nothing.
    """

    def __init__(
        self,
        trunk: keras.Model,
        output: str,
        objective: keras.losses.Loss,
        degrade: keras.layers.Layer | None = None,
    ) -> None:
        super().__init__(name="task")
        self.trunk = trunk
        self.output_key = output
        self.objective = objective
        self.degrade = degrade

    def call(self, inputs: Batch, training: bool | None = None) -> Batch:
        """Return the network's outputs for a batch."""
        l_norm, _ = rgb_to_l_ab(inputs["rgb"])
        if training and self.degrade is not None:
            l_norm = normalize_l(self.degrade(denormalize_l(l_norm)))
        given = [l_norm, inputs["embedding"]] if "embedding" in inputs else l_norm
        outputs: Batch = self.trunk(given, training=training)
        return outputs

    def compute_loss(
        self,
        x: Batch,
        y: None,
        y_pred: Batch,
        sample_weight: None = None,
        training: bool = True,
    ) -> Tensor:
        """Return the objective between the photos' ab, at the output's resolution, and it."""
        prediction = y_pred[self.output_key]
        _, ab = rgb_to_l_ab(x["rgb"])
        factor = ab.shape[1] // prediction.shape[1]
        if factor > 1:
            # Keras 3.15 gets the strides wrong on JAX unless they are told.
            ab = ops.average_pool(ab, factor, strides=factor, data_format="channels_last")
        return self.objective(ab, prediction)


class RatedAdamW(keras.optimizers.AdamW):
    """AdamW with a lower learning rate, and no weight decay, for some variables.

    Args:
        slow: the variables that learn slowly, such as a pretrained encoder's.
        rate: their learning rate as a share of the others'.
        learning_rate, weight_decay: as in `keras.optimizers.AdamW`.
    """

    def __init__(
        self,
        slow: Sequence[keras.Variable],
        rate: float,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        weight_decay: float,
    ) -> None:
        super().__init__(learning_rate=learning_rate, weight_decay=weight_decay)
        self._slow_paths = {variable.path for variable in slow}
        self._rate = rate
        if slow:
            self.exclude_from_weight_decay(var_list=list(slow))

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Update one variable at its own rate."""
        # TensorFlow's optimizer hands over raw variables, known to Keras by their index only.
        known = self._trainable_variables[self._get_variable_index(variable)]
        if known.path in self._slow_paths:
            learning_rate = learning_rate * self._rate
        super().update_step(gradient, variable, learning_rate)
