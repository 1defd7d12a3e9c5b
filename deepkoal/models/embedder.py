"""A frozen classifier as semantic embedder, and those that come ready-made."""

from __future__ import annotations

import hashlib
import os
import warnings
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from deepkoal.errors import DeepkoalError, WeightsError
from deepkoal.models.efficientnet import INPUT_SIZES, efficientnet_lite, imagenet_lite0
from deepkoal.models.efficientnet import LITE0_SHA256 as LITE0_SHA256
from deepkoal.models.layers import StandardizeVector
from deepkoal.models.weights import load_weights

# The file and MD5 that keras.applications pins; a test holds them against its source.
INCEPTION_FILE = "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5"
INCEPTION_MD5 = "e693bd0210a403b3192acc6073ad2e96"


@keras.saving.register_keras_serializable(package="deepkoal")
class SemanticEmbedder(keras.Model):
    """A frozen classifier: what a black-and-white photo shows, as one vector.

    Deep Koalarization (arXiv 1712.03400), section 3.2: lightness, resized and replicated to three
    channels, is classified; the logits before softmax are the embedding. They are standardized
    per vector, so that one ImageNet-1k classifier can stand in for another.

    A functional model. Input: `l_norm`, float32 (B, H, W, 1) in [-1, 1], any size (squeezed to
    a square, bilinear, antialiased). Output: float32 (B, dim), zero mean, unit variance. No
    weight is trainable; batch normalization uses its stored statistics, in training too.

    Args:
        classifier: from float32 (B, input_size, input_size, 3) to logits before softmax
            (B, dim), or to a dict with such `logits`. It becomes frozen itself.
        input_size: side in pixels of the square photos that the classifier sees.
        identity: names classifier and weights, `inception-resnet-v2:imagenet`; kept in records
            of embeddings, so it must differ wherever embeddings would.
        scale: the classifier's input is l_norm * scale + offset.
        offset: see `scale`.
        name: of the model, and of the layer that it is in a network.

    Attributes:
        identity, input_size: as given.
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

    @property
    def trainable(self) -> bool:
        """False, also after `network.trainable = True` on a network around it."""
        return False

    @trainable.setter
    def trainable(self, value: bool) -> None:
        keras.Model.trainable.fset(self, False)

    @classmethod
    def inception_resnet_v2(cls, weights: str | Path | None = "imagenet", *, seed: int = 0) -> Self:
        """Return the paper's embedder: Inception-ResNet-v2 at 299×299, 55,873,736 parameters.

        Args:
            weights: `"imagenet"`, fetched once by `keras.applications` (its hash checked) into
                `~/.keras/models`; or a local `.h5` file of that network's weights; or None,
                random weights for tests.
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
                    f"Inception-ResNet-v2's ImageNet weights cannot be fetched ({error}); put "
                    f"{INCEPTION_FILE} (MD5 {INCEPTION_MD5}) in {folder} or pass its path as "
                    'weights, or use the embedder "efficientnet-lite0", which needs no network'
                ) from error
            source = "imagenet"
        else:
            classifier = build(weights=None, classifier_activation=None)
            source = _load_or_randomize(classifier, weights, seed)
        return cls(classifier, input_size=299, identity=f"inception-resnet-v2:{source}")

    @classmethod
    def efficientnet_lite0(cls, weights: str | Path | None = "shipped", *, seed: int = 0) -> Self:
        """Return the embedder that needs no network: EfficientNet-Lite0 at 224×224.

        Args and errors as in `efficientnet_lite`; `"shipped"` are the ImageNet weights that come
        with deepkoal.
        """
        return cls.efficientnet_lite(0, weights, seed=seed)

    @classmethod
    def efficientnet_lite(cls, variant: int, weights: str | Path | None, *, seed: int = 0) -> Self:
        """Return an EfficientNet-Lite: 0 at 224×224, 1 at 240×240 or 2 at 260×260.

        Args:
            variant: 0, 1 or 2.
            weights: a local `.safetensors` file of `save_weights`, such as
                `models/efficientnet-lite0/convert.py` makes; `"shipped"` for variant 0; or None,
                random weights for tests.
            seed: of the random weights.

        Raises:
            WeightsError: the weights are absent or do not fit.
            DeepkoalError: there is no such variant here.
        """
        name = f"efficientnet-lite{variant}"
        if weights == "shipped" and variant == 0:
            classifier, source = imagenet_lite0(), "imagenet"
        elif weights == "shipped":
            raise WeightsError(f"no weights of {name} are shipped; give a file of them")
        else:
            classifier = efficientnet_lite(variant)
            source = _load_or_randomize(classifier, weights, seed)
        # rgb = 127.5 * (l_norm + 1), and the classifier takes (rgb - 127) / 128.
        return cls(
            classifier,
            input_size=INPUT_SIZES[variant],
            identity=f"{name}:{source}",
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


def _load_or_randomize(classifier: keras.Model, weights: str | Path | None, seed: int) -> str:
    """Load a local file, or draw weights; return a name that is these weights' alone."""
    if weights is None:
        _randomize(classifier, seed)
        return f"seed-{seed}"
    path = Path(weights)
    if path.suffix == ".safetensors":
        load_weights(classifier, path)
    else:
        try:
            with warnings.catch_warnings():
                # Keras only warns where a layer keeps its fresh weights.
                warnings.simplefilter("error", UserWarning)
                classifier.load_weights(path)
        except (OSError, ValueError, KeyError, UserWarning) as error:
            reason = str(error).partition("\n")[0]
            raise WeightsError(
                f"{path}: expected a file with the weights of {classifier.name} ({reason}); "
                "pass that network's own weights file"
            ) from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return "imagenet" if digest == INCEPTION_MD5 else digest


def _randomize(classifier: keras.Model, seed: int) -> None:
    """Draw kernels from He et al. 2015's normal, alike on every backend."""
    generator = np.random.default_rng(seed)
    for variable in classifier.weights:
        if len(variable.shape) > 1:
            reached = 2 if "depthwise" in variable.path else -1
            deviation = np.sqrt(2 / np.prod(variable.shape[:reached]), dtype=np.float32)
            noise = generator.standard_normal(variable.shape, dtype=np.float32)
            variable.assign(noise * deviation)
