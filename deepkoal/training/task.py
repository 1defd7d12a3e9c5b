"""What `fit` trains: a network with the way from an RGB batch to its inputs, targets and losses."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from deepkoal.arrays import cast
from deepkoal.color import Tensor, denormalize_l, normalize_l, rgb_to_lab
from deepkoal.guidance import DecodingConfig, decode_outputs
from deepkoal.losses import AdversarialLoss, ColorLoss, LossDomain

Batch = dict[str, Tensor]
"""`rgb` uint8 (B, H, W, 3) and, where embeddings were prepared, `embedding` float32 (B, D)."""


def rgb_to_l_ab(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Split photos into what a network sees and what it is to predict.

    Args:
        rgb: (B, H, W, 3) uint8, an array or a tensor.

    Returns:
        l_norm (B, H, W, 1) in −1…1 and ab (B, H, W, 2), float32.
    """
    lab = rgb_to_lab(cast(rgb, "float32") / 255.0)
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


def join_input(l_norm: Tensor, batch: Batch) -> Any:
    """Return what a trunk is given: lightness, with the batch's embedding where it has one."""
    return [l_norm, batch["embedding"]] if "embedding" in batch else l_norm


class ColorizationTask(keras.Model):
    """Lab, targets and losses around a network, so that plain `fit` trains it on RGB batches.

    Where there are several losses each is also reported by its name. In validation the total
    leaves out adversarial ones: their values depend on a discriminator that changes.

    Args:
        trunk: a network, or `network_from_embedding` of one where batches bring embeddings.
        losses: weights and losses, summed, see `deepkoal.losses`. Their discriminators are trained
            along.
        decoding: how the network's outputs become the ab that losses look at, as in inference.
        degrade: from l (B, H, W, 1) to l, what happens to photos before training's network sees
            them; None for nothing.
        film: from rgb (B, H, W, 3) in 0…1 to l, in training: what of a photo was recorded, before
            it is degraded; None for its true lightness.
    """

    def __init__(
        self,
        trunk: keras.Model,
        losses: Sequence[tuple[float, ColorLoss]],
        decoding: DecodingConfig,
        degrade: keras.layers.Layer | None = None,
        film: keras.layers.Layer | None = None,
    ) -> None:
        super().__init__(name="task")
        self.trunk = trunk
        self.decoding = decoding
        self.degrade = degrade
        self.film = film
        self.color_losses = tuple(losses)
        self.discriminators = [
            loss.discriminator for _, loss in losses if isinstance(loss, AdversarialLoss)
        ]
        several = len(losses) > 1
        self.reports = [keras.metrics.Mean(loss.name) for _, loss in losses] if several else []

    def call(self, inputs: Batch, training: bool | None = None) -> Batch:
        """Return the network's outputs for a batch, and its true `true_l` and `true_ab`."""
        l_norm, true_ab = rgb_to_l_ab(inputs["rgb"])
        true_l = denormalize_l(l_norm)
        if training:
            l_norm = normalize_l(self._record(inputs["rgb"], true_l))
        outputs = self.trunk(join_input(l_norm, inputs), training=training)
        return {**outputs, "true_l": true_l, "true_ab": true_ab}

    def _record(self, rgb: Tensor, true_l: Tensor) -> Tensor:
        """Return the lightness, in 0…100, that the network is shown in training."""
        l = true_l if self.film is None else self.film(ops.cast(rgb, "float32") / 255.0)
        return l if self.degrade is None else self.degrade(l)

    def compute_loss(
        self,
        x: Batch,
        y: None,
        y_pred: Batch,
        sample_weight: None = None,
        training: bool = True,
    ) -> Tensor:
        """Return the weighted sum of the losses of what `call` returned."""
        outputs = dict(y_pred)
        true_l, true_ab = outputs.pop("true_l"), outputs.pop("true_ab")
        forms = LossInputs(true_l, true_ab, outputs, self.decoding)
        total = ops.zeros(())
        for number, (weight, loss) in enumerate(self.color_losses):
            value = loss(*forms.by(loss.domain))
            if training or not isinstance(loss, AdversarialLoss):
                total = total + weight * value
            if self.reports:
                self.reports[number].update_state(value)
        return total

    def save_own_variables(self, store: Any) -> None:
        """Keep the states of all random draws, dropout's too, which Keras 3.15 leaves out."""
        for number, state in enumerate(self._list_seeds()):
            store[str(number)] = ops.convert_to_numpy(state)

    def load_own_variables(self, store: Any) -> None:
        """Go on with the draws where the saved task stopped."""
        for number, state in enumerate(self._list_seeds()):
            state.assign(store[str(number)])

    def _list_seeds(self) -> list[keras.Variable]:
        known = {id(variable) for variable in (*self.weights, *self.metrics_variables)}
        return [variable for variable in self.variables if id(variable) not in known]


class LossInputs:
    """Truth and prediction of one batch, in each form that a loss may look at.

    ab is decoded as in inference at vibrance 1, by the same temperature and gain. Of what
    inference does after that, losses leave out the clean-up, which works on whole photos one by
    one, and enlarge ab bilinearly, without the guidance of lightness.

    Args:
        l: (B, H, W, 1), in 0…100.
        ab: (B, H, W, 2), in ab units: the truth.
        outputs: the network's: `logits` (B, h, w, Q) or `ab_norm` (B, h, w, 2).
        decoding: see `ColorizationTask`.
    """

    def __init__(self, l: Tensor, ab: Tensor, outputs: Batch, decoding: DecodingConfig) -> None:
        self._l, self._outputs, self._decoding = l, outputs, decoding
        predicted = outputs["logits" if "logits" in outputs else "ab_norm"]
        factor = ab.shape[1] // predicted.shape[1]
        if factor > 1:
            # Keras 3.15 gets the strides wrong on JAX where they are left out.
            ab = ops.average_pool(ab, factor, strides=factor, data_format="channels_last")
        self._true_ab = ab

    def by(self, domain: LossDomain) -> tuple[Tensor, Tensor]:
        """Return truth and prediction in a form."""
        if domain is LossDomain.LOGITS:
            return self._true_ab, self._outputs["logits"]
        if domain is LossDomain.AB:
            return self._true_ab, self._ab
        return self._draw(self._true_ab), self._picture

    @functools.cached_property
    def _ab(self) -> Tensor:
        exact = {name: ops.cast(output, "float32") for name, output in self._outputs.items()}
        return decode_outputs(exact, self._decoding)

    @functools.cached_property
    def _picture(self) -> Tensor:
        return self._draw(self._ab)

    def _draw(self, ab: Tensor) -> Tensor:
        if ab.shape[1:3] != self._l.shape[1:3]:
            ab = ops.image.resize(ab, self._l.shape[1:3], data_format="channels_last")
        return ops.concatenate([self._l, ab], axis=-1)
