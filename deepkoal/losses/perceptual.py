"""Losses of pictures: as a frozen classifier sees them, and how colorful they are."""

from __future__ import annotations

from pathlib import Path

import keras
from keras import ops

from deepkoal.color import Tensor, colorfulness, lab_to_rgb
from deepkoal.errors import WeightsError
from deepkoal.losses.loss_domain import LossDomain
from deepkoal.models.efficientnet import imagenet_lite0

VGG16_LAYERS = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3")
"""As LPIPS takes them: the last of each block, after its ReLU."""

LITE0_MAPS = ("stride_2", "stride_4", "stride_8", "stride_16")


class PerceptualLoss(keras.losses.Loss):
    """Distance between the features of two pictures, after Zhang et al. 2018 (arXiv 1801.03924).

    At each place of each feature map vectors are scaled to unit length, and the squared distances
    are averaged over places and summed over maps; LPIPS's learned weights of channels are left
    out. Johnson et al. 2016 (arXiv 1603.08155) did the same without unit length.

    `y_true` and `y_pred` are Lab pictures (B, H, W, 3).

    Args:
        features: frozen, from rgb_float (B, H, W, 3) to a list of maps, such as `lite0_features`
            or `vgg16_features`. It is no part of what is trained or saved.
    """

    domain = LossDomain.PICTURE

    def __init__(self, features: keras.Model, name: str = "perceptual") -> None:
        super().__init__(name=name)
        self.features = features

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each picture, (B,)."""
        true, colored = (
            self.features(ops.clip(lab_to_rgb(lab), 0, 1), training=False)
            for lab in (y_true, y_pred)
        )
        return sum(
            ops.mean(ops.sum(ops.square(_unit(a) - _unit(b)), axis=-1), axis=(1, 2))
            for a, b in zip(true, colored, strict=True)
        )


@keras.saving.register_keras_serializable(package="deepkoal")
class ColorfulnessLoss(keras.losses.Loss):
    """One minus a hundredth of the colorfulness (Hasler & Süsstrunk 2003), as in DDColor.

    DDColor (arXiv 2212.11613), section 3.4. It knows no truth: alone it makes photos garish.
    `y_true` and `y_pred` are Lab pictures (B, H, W, 3).
    """

    domain = LossDomain.PICTURE

    def __init__(self, name: str = "colorfulness") -> None:
        super().__init__(name=name)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each picture, (B,)."""
        return 1 - colorfulness(255 * lab_to_rgb(y_pred)) / 100

    def get_config(self) -> dict[str, object]:
        """Return what rebuilds the loss."""
        return {"name": self.name}


def lite0_features() -> keras.Model:
    """Return the frozen ImageNet EfficientNet-Lite0's maps at strides 2, 4, 8 and 16.

    Raises:
        WeightsError: its weights are missing or damaged.
    """
    encoder = imagenet_lite0()
    rgb = keras.Input((None, None, 3), name="rgb_float")
    maps = encoder((rgb * 255 - 127) / 128)
    return _freeze(keras.Model(rgb, [maps[name] for name in LITE0_MAPS], name="lite0_features"))


def vgg16_features(weights: str | Path | None = "imagenet") -> keras.Model:
    """Return the frozen VGG16's five maps (Simonyan & Zisserman 2014), see `VGG16_LAYERS`.

    Args:
        weights: `imagenet`, which Keras downloads once; a local file of `keras.applications`'
            weights without the top; or None for random ones.

    Raises:
        WeightsError: the weights cannot be had.
    """
    try:
        vgg = keras.applications.VGG16(
            include_top=False, weights=None if weights is None else str(weights)
        )
    except Exception as error:  # Keras raises a different one for each kind of failure
        reason = str(error).partition("\n")[0]
        raise WeightsError(
            f"the weights of VGG16 cannot be had ({reason}); give a local file, or use "
            "EfficientNet-Lite0's features, which come with deepkoal"
        ) from error
    maps = keras.Model(vgg.input, [vgg.get_layer(name).output for name in VGG16_LAYERS])
    rgb = keras.Input((None, None, 3), name="rgb_float")
    # What the weights were trained on: BGR in 0…255, less ImageNet's mean.
    centered = rgb[..., ::-1] * 255 - ops.convert_to_tensor([103.939, 116.779, 123.68])
    return _freeze(keras.Model(rgb, maps(centered), name="vgg16_features"))


def _freeze(model: keras.Model) -> keras.Model:
    model.trainable = False
    return model


def _unit(features: Tensor) -> Tensor:
    square = ops.sum(ops.square(features), axis=-1, keepdims=True)
    return features * ops.rsqrt(square + 1e-10)
