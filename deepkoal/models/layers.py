"""Keras layers that Keras itself does not have."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from deepkoal.color import Tensor

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="deepkoal")
class StandardizeVector(keras.layers.Layer):
    """Shift and scale each vector to zero mean and unit variance, so that scales compare.

    Input and output: (B, D), floating point.

    Args:
        epsilon: added to the variance.
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, inputs: Tensor) -> Tensor:
        """Return the standardized vectors."""
        centered = inputs - ops.mean(inputs, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centered), axis=-1, keepdims=True)
        return centered * ops.rsqrt(variance + self.epsilon)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="deepkoal")
class ReplicateEmbedding(keras.layers.Layer):
    """Repeat a vector at each place of a feature map (Deep Koalarization, section 3.2).

    Input: `[features (B, h, w, C), embedding (B, D)]`; output: (B, h, w, D).
    """

    def call(self, inputs: list[Tensor]) -> Tensor:
        """Return the embedding at each place of the features."""
        features, embedding = inputs
        # A sum rather than `broadcast_to`, whose shape a graph of unknown size has to compute.
        return ops.zeros_like(features[..., :1]) + embedding[:, None, None, :]

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        """Return (B, h, w, D)."""
        features, embedding = input_shape
        return (*features[:3], embedding[-1])


@keras.saving.register_keras_serializable(package="deepkoal")
class ProjectUnit(keras.layers.Layer):
    """Scale each vector to unit length, then project it: what an affinity compares places by.

    Input: (..., F), floating point; output: (..., F), float32. The projection is the identity
    until `training.auxiliary.affinity_learning` finds a better one; no other training changes it.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trainable=False, **{"dtype": "float32", **kwargs})

    def build(self, input_shape: Shape) -> None:
        """Make the projection, (F, F)."""
        self.projection = self.add_weight(
            shape=(input_shape[-1], input_shape[-1]), initializer="identity", name="projection"
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Return the projected vectors."""
        square = ops.sum(ops.square(inputs), axis=-1, keepdims=True)
        # As `ops.normalize` has it, but some backends' rsqrt(0) is no number.
        unit = inputs * ops.rsqrt(ops.maximum(square, 1e-12))
        return ops.matmul(unit, self.projection)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        return {key: value for key, value in super().get_config().items() if key != "trainable"}


@keras.saving.register_keras_serializable(package="deepkoal")
class CropLike(keras.layers.Layer):
    """Crop maps to the height and width of others: halving odd sizes rounds up, doubling adds.

    Input: `[maps (B, H, W, C), others (B, h, w, D)]`, h ≤ H and w ≤ W; output: (B, h, w, C).
    """

    def call(self, inputs: list[Tensor]) -> Tensor:
        """Return the upper left part of the maps."""
        maps, others = inputs
        height, width = ops.shape(others)[1:3]
        return maps[:, :height, :width]

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        """Return (B, h, w, C)."""
        maps, others = input_shape
        return (maps[0], *others[1:3], maps[3])


@keras.saving.register_keras_serializable(package="deepkoal")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """`BatchNormalization` that TensorFlow trains by one kernel rather than by many.

    Keras 3 writes the mean, the variance and the scaling out, operation by operation, each of
    which reads all of a feature map, and keeps what their gradients need. The same numbers come
    from TensorFlow's fused kernel; on processors a step of `koala-lite` takes a sixth less for it.
    Other backends, and everything but training, are Keras' own.

    Input and output: (B, H, W, C), floating point.
    """

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
        """Return the maps normalized, and in training follow their mean and variance."""
        is_learning = training and self.trainable and mask is None
        if not is_learning or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        from tensorflow.compat.v1 import nn

        # In float32 whatever the policy, as Keras computes it: squares overflow float16.
        inputs = ops.cast(inputs, "float32")
        gamma, beta = (ops.cast(each, "float32") for each in (self.gamma, self.beta))
        outputs, mean, variance = nn.fused_batch_norm(inputs, gamma, beta, epsilon=self.epsilon)
        # The kernel's variance is the unbiased one, for which it divides by N - 1.
        count = ops.cast(ops.prod(ops.shape(inputs)[:3]), "float32")
        variance = variance * ((count - 1) / count)
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1 - self.momentum))
        return ops.cast(outputs, self.compute_dtype)


@keras.saving.register_keras_serializable(package="deepkoal")
class DoubleSize(keras.layers.UpSampling2D):
    """Double height and width, bilinearly: `UpSampling2D` that a graph of any size can hold.

    Keras 3.15 refuses a size that is unknown while a graph is traced in `ops.image.resize`, and
    so in `UpSampling2D` (github.com/keras-team/keras/pull/23315 mends it). There the same is
    written out: at half-pixel centers each new place is 3/4 the nearest old one and 1/4 the next,
    and the edge repeats.

    Input: (B, H, W, C), floating point; output: (B, 2H, 2W, C).
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(2, interpolation="bilinear", **kwargs)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the maps enlarged."""
        if None not in inputs.shape[1:3]:
            return super().call(inputs)
        corners = [corner for half in _halve(inputs, 1) for corner in _halve(half, 2)]
        return ops.nn.depth_to_space(ops.concatenate(corners, axis=-1), 2)

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        config = super().get_config()
        return {key: config[key] for key in config if key not in ("size", "interpolation")}


def _halve(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Return the values a quarter of a step before and behind each place along an axis."""
    inner = (slice(None),) * axis
    first, last = x[(*inner, slice(1))], x[(*inner, slice(-1, None))]
    before = ops.concatenate([first, x[(*inner, slice(-1))]], axis=axis)
    behind = ops.concatenate([x[(*inner, slice(1, None))], last], axis=axis)
    return 0.75 * x + 0.25 * before, 0.75 * x + 0.25 * behind
