"""Frozen semantic embedders: lightness in, one standardized vector of class logits out."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from deepkoal.config import DeepkoalError, WeightsError
from deepkoal.layers import StandardizeVector
from deepkoal.weights import find_shipped, load_weights

CLASSES = 1000
LITE0_SHA256 = "4f1bc7acc5fe6ee3a5219c2250406965a774f2eb46e5cc77d5762505263b6a88"
# The file and MD5 that keras.applications pins; a test holds them against its source.
INCEPTION_FILE = "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5"
INCEPTION_MD5 = "e693bd0210a403b3192acc6073ad2e96"

# Tan & Le 2019 (arXiv 1905.11946), table 1: repeats, kernel, stride, expansion, filters.
_EFFICIENTNET_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)



@keras.saving.register_keras_serializable(package="deepkoal")
class SemanticEmbedder(keras.Model):
    """A frozen classifier that tells what a black-and-white photo shows, as one vector.

    Deep Koalarization (arXiv 1712.03400), section 3.2: lightness is replicated to three
    channels, resized to the classifier's size and classified; the logits before softmax are the
    embedding. Here they are also standardized per vector (zero mean, unit variance), so that
    one ImageNet-1k classifier can stand in for another.

    A functional model. Input: `l_norm`, float32 (B, H, W, 1) in [-1, 1], any size (squeezed to
    a square, bilinear with antialiasing). Output: float32 (B, dim). No weight is trainable and
    batch normalization uses its stored statistics, in training too.

    Args:
        classifier: from float32 (B, input_size, input_size, 3) to logits before softmax
            (B, dim), or to a dict with such `logits`. It becomes frozen itself.
        input_size: side in pixels of the square photos that the classifier sees.
        identity: names the classifier and its weights. Records of embeddings keep it, so it
            must differ wherever embeddings would.
        scale: of the classifier's input: l_norm * scale + offset.
        offset: of the classifier's input.
        name: of the model, and of the layer that it is in a network.

    Attributes:
        identity: as given, such as `inception-resnet-v2:imagenet`.
        input_size: as given.
        dim: length of the embedding; 1000 for ImageNet-1k classifiers.

    Raises:
        DeepkoalError: the classifier's output is not one vector per photo.
    """

    def __init__(
        self,
        classifier: keras.Model,
        *,
        input_size: int,
        identity: str,
        scale: float = 1.0,
        offset: float = 0.0,
        name: str = "embedding",
        **kwargs: Any,
    ) -> None:
        classifier.trainable = False
        l_norm = keras.Input((None, None, 1), name="l_norm")
        x = keras.layers.Resizing(
            input_size, input_size, antialias=True, dtype="float32", name="resize"
        )(l_norm)
        x = keras.layers.Rescaling(scale, offset, dtype="float32", name="rescale")(x)
        x = keras.layers.Concatenate(dtype="float32", name="replicate_l")([x, x, x])
        logits = classifier(x, training=False)
        if isinstance(logits, dict):
            logits = logits["logits"]
        if len(logits.shape) != 2 or logits.shape[-1] is None:
            raise DeepkoalError(
                f"expected a classifier with output (B, D), {classifier.name} gives "
                f"{tuple(logits.shape)}; add a pooling or a dense layer"
            )
        embedding = StandardizeVector(dtype="float32", name="standardize")(logits)
        super().__init__(l_norm, embedding, name=name, **kwargs)
        self.classifier = classifier
        self.identity = identity
        self.input_size = input_size
        self.scale = scale
        self.offset = offset
        self.dim: int = logits.shape[-1]
        self.trainable = False

    @classmethod
    def inception_resnet_v2(
        cls, weights: str | Path | None = "imagenet", *, seed: int = 0
    ) -> Self:
        """Return the paper's embedder: Inception-ResNet-v2 at 299×299, 55,873,736 parameters.

        Args:
            weights: `"imagenet"`, fetched once by `keras.applications` (215 MB, checked
                against its pinned hash, then kept in `~/.keras/models`); or a local `.h5`
                file of that network's weights; or None, random weights for tests.
            seed: of the random weights.

        Raises:
            WeightsError: the weights cannot be fetched or do not fit.
        """
        build = keras.applications.InceptionResNetV2
        if weights == "imagenet":
            try:
                classifier = build(weights="imagenet", classifier_activation=None)
            except Exception as error:  # get_file raises bare Exception when offline
                folder = Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
                raise WeightsError(
                    f"Inception-ResNet-v2's ImageNet weights cannot be fetched ({error}); either "
                    f"put {INCEPTION_FILE} (MD5 {INCEPTION_MD5}) in {folder} or pass its path "
                    'as weights, or use the embedder "efficientnet-lite0", which needs no network'
                ) from error
            source = "imagenet"
        else:
            classifier = build(weights=None, classifier_activation=None)
            source = _load_or_randomize(classifier, weights, seed)
        return cls(classifier, input_size=299, identity=f"inception-resnet-v2:{source}")

    @classmethod
    def efficientnet_lite0(
        cls, weights: str | Path | None = "shipped", *, seed: int = 0
    ) -> Self:
        """Return the embedder that needs no network: EfficientNet-Lite0 at 224×224.

        Args:
            weights: `"shipped"`, the ImageNet weights that come with deepkoal; or a local
                `.safetensors` file of `save_weights`; or None, random weights for tests.
            seed: of the random weights.

        Raises:
            WeightsError: the weights are absent or do not fit.
        """
        classifier = efficientnet_lite0()
        if weights == "shipped":
            load_weights(classifier, find_shipped("efficientnet-lite0"), LITE0_SHA256)
            source = "imagenet"
        else:
            source = _load_or_randomize(classifier, weights, seed)
        # rgb = 127.5 * (l_norm + 1), and the classifier takes (rgb - 127) / 128.
        return cls(
            classifier,
            input_size=224,
            identity=f"efficientnet-lite0:{source}",
            scale=127.5 / 128,
            offset=0.5 / 128,
        )

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the model, its weights apart."""
        return {
            "classifier": keras.saving.serialize_keras_object(self.classifier),
            "input_size": self.input_size,
            "identity": self.identity,
            "scale": self.scale,
            "offset": self.offset,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Rebuild the model, its weights apart."""
        classifier = keras.saving.deserialize_keras_object(
            config["classifier"], custom_objects=custom_objects
        )
        return cls(**{**config, "classifier": classifier})


def efficientnet_lite0(*, name: str = "efficientnet_lite0") -> keras.Model:
    """Build EfficientNet-Lite0, untrained and trainable: 4,652,008 trainable parameters.

    EfficientNet-B0 (Tan & Le 2019, arXiv 1905.11946) without squeeze-and-excitation, with
    ReLU6 for swish, as in Google's EfficientNet-Lite. The reference's dropout and stochastic
    depth act in training only and are left out. Strided convolutions pad as TensorFlow's
    "same" does, at every size. Layers are named `stem_conv`, `block0_depthwise`, ….

    Its ImageNet weights, converted: `weights.find_shipped("efficientnet-lite0")`.

    Returns:
        A functional model. Input: float32 (B, H, W, 3), RGB as (rgb - 127) / 128, so in about
        [-1, 1]; H and W are any multiples of 32 (other sizes work, their maps round up).
        Outputs, a dict of float32: the last block's output at each stride,
        `stride_2` (B, H/2, W/2, 16), `stride_4` (…, 24), `stride_8` (…, 40),
        `stride_16` (…, 112), `stride_32` (…, 320), and `logits` (B, 1000), the
        ImageNet-1k classes before softmax.
    """
    inputs = keras.Input((None, None, 3), name="rgb_norm")
    x = keras.layers.Conv2D(32, 3, 2, "same", use_bias=False, name="stem_conv")(inputs)
    x = _batch_norm(x, "stem", relu=True)
    maps, stride, block = {}, 2, 0
    for repeats, kernel, first_stride, expansion, filters in _EFFICIENTNET_STAGES:
        for repeat in range(repeats):
            block_stride = first_stride if repeat == 0 else 1
            x = _inverted_residual(x, f"block{block}", kernel, block_stride, expansion, filters)
            stride *= block_stride
            block += 1
            maps[f"stride_{stride}"] = x
    x = keras.layers.Conv2D(1280, 1, use_bias=False, name="head_conv")(x)
    x = _batch_norm(x, "head", relu=True)
    x = keras.layers.GlobalAveragePooling2D(name="head_pool")(x)
    logits = keras.layers.Dense(CLASSES, name="head_logits")(x)
    return keras.Model(inputs, {**maps, "logits": logits}, name=name)


def _inverted_residual(
    inputs: keras.KerasTensor, name: str, kernel: int, stride: int, expansion: int, filters: int
) -> keras.KerasTensor:
    x, channels = inputs, inputs.shape[-1]
    if expansion != 1:
        expanded = channels * expansion
        x = keras.layers.Conv2D(expanded, 1, use_bias=False, name=f"{name}_expand")(x)
        x = _batch_norm(x, f"{name}_expand", relu=True)
    x = keras.layers.DepthwiseConv2D(
        kernel, stride, "same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _batch_norm(x, f"{name}_depthwise", relu=True)
    x = keras.layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = _batch_norm(x, f"{name}_project", relu=False)
    if stride == 1 and channels == filters:
        x = keras.layers.Add(name=f"{name}_add")([x, inputs])
    return x


def _batch_norm(x: keras.KerasTensor, name: str, *, relu: bool) -> keras.KerasTensor:
    x = keras.layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=f"{name}_bn")(x)
    return keras.layers.ReLU(max_value=6.0, name=f"{name}_relu6")(x) if relu else x


def _load_or_randomize(classifier: keras.Model, weights: str | Path | None, seed: int) -> str:
    """Load a local file, or draw weights; return what tells these weights from others."""
    if weights is None:
        _randomize(classifier, seed)
        return f"seed-{seed}"
    path = Path(weights)
    if path.suffix == ".safetensors":
        load_weights(classifier, path)
    else:
        try:
            classifier.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            raise WeightsError(
                f"{path}: expected a file with the weights of {classifier.name} "
                f"({str(error).splitlines()[0]}); pass that network's own weights file"
            ) from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return "imagenet" if digest == INCEPTION_MD5 else digest


def _randomize(classifier: keras.Model, seed: int) -> None:
    """Draw kernels from He et al. 2015's normal, alike on every backend."""
    generator = np.random.default_rng(seed)
    for variable in classifier.weights:
        if len(variable.shape) > 1:
            fan_in = np.prod(variable.shape[:-1])
            if "depthwise" in variable.path:
                fan_in = np.prod(variable.shape[:2])
            noise = generator.standard_normal(variable.shape, dtype=np.float32)
            variable.assign(noise * np.sqrt(2 / fan_in, dtype=np.float32))
