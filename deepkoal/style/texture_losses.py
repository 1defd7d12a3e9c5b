"""What judges a texture: correlations of a network's features, and the spread of patches.

- Gatys, Ecker and Bethge 2016 ("Image style transfer using convolutional neural networks"): the
  correlations of features over a picture, its Gram matrices, become the painting's. The features
  are those of the EfficientNet-Lite0 that comes along. A network with residual connections has few,
  high peaks in them, which such a loss follows alone; Wang, Li and Vasconcelos 2021 ("Rethinking
  and improving the robustness of image style transfer", SWAG) smooth activations against it. Here
  they are taken after ReLU6, which bounds them, in units of the painting's spread of each channel.
- Patches, by the sliced Wasserstein distance (Elnekave and Weiss 2022, "Generating natural images
  with direct patch distributions matching"): what random filters answer becomes spread as on the
  painting, rank for rank. By itself such a network is satisfied with noise that no eye takes for
  the painting; patches show the marks.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from deepkoal.arrays import FloatArray, Tensor
from deepkoal.models.efficientnet import imagenet_lite0

STYLE_LAYERS = (
    "stem_relu6",
    "block1_expand_relu6",
    "block3_expand_relu6",
    "block5_expand_relu6",
    "block8_expand_relu6",
)
"""At strides 2, 2, 4, 8 and 16, of 32, 96, 144, 240 and 480 channels."""
CONTENT_LAYER = "stride_16"

PATCH = 9
"""Side in pixels of the patches, which are looked at at three scales."""
SCALES = (1, 2, 4)
FILTERS = 16
"""Random ones, anew at each step, for each scale."""
MOST_PATCHES = 16_000
"""That a step ranks at each scale, on a regular grid."""
LEAST_SPREAD = 0.3
"""That a channel of the features counts with, as a part of its layer's mean."""
_TINY = 1e-6


class TextureFeatures:
    """A frozen EfficientNet-Lite0 as a judge of texture and content.

    Raises:
        WeightsError: its weights are missing or damaged.
    """

    def __init__(self) -> None:
        encoder = imagenet_lite0()
        encoder.trainable = False
        maps = [encoder.get_layer(name).output for name in STYLE_LAYERS]
        self._network = keras.Model(encoder.input, [*maps, encoder.output[CONTENT_LAYER]])

    def __call__(self, picture: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return maps of texture and the map of content, (1, h, w, C) each.

        Args:
            picture: float32 (1, H, W, 1 or 3), grey or sRGB in 0…1.
        """
        rgb = ops.repeat(picture, 3, axis=-1) if picture.shape[-1] == 1 else picture
        *maps, content = self._network((rgb * 255 - 127) / 128, training=False)
        return maps, content


class GramTarget:
    """What a picture's correlations are to be: those of a painting's features.

    Args:
        maps: of the painting, as `TextureFeatures` returns them.
    """

    def __init__(self, maps: Sequence[Tensor]) -> None:
        self._means = [ops.mean(x, axis=(0, 1, 2)) for x in maps]
        spreads = [ops.std(x, axis=(0, 1, 2)) for x in maps]
        # A channel that all but sleeps on the painting must not outweigh the others.
        self._scales = [1 / (x + LEAST_SPREAD * ops.mean(x) + _TINY) for x in spreads]
        self._grams = [self._correlate(x, layer) for layer, x in enumerate(maps)]

    def measure(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the loss of a picture's maps, a scalar: 0 is the painting's texture.

        Squared differences of the Gram matrices over the painting's own, averaged over layers.
        """
        losses = [
            ops.mean(ops.square(self._correlate(x, layer) - gram)) / ops.mean(ops.square(gram))
            for layer, (x, gram) in enumerate(zip(maps, self._grams, strict=True))
        ]
        return sum(losses) / len(losses)

    def _correlate(self, x: Tensor, layer: int) -> Tensor:
        """Return the Gram matrix of features in the painting's units, a 1 appended for the mean."""
        flat = ops.reshape(x, (-1, x.shape[-1]))
        units = (flat - self._means[layer]) * self._scales[layer]
        units = ops.concatenate([units, ops.ones_like(units[:, :1])], axis=1)
        return ops.matmul(ops.transpose(units), units) / flat.shape[0]


def measure_patches(picture: Tensor, painting: Tensor, filters: Tensor) -> Tensor:
    """Return the sliced Wasserstein distance of two pictures' patches, a scalar.

    Args:
        picture: float32 (1, H, W, 1), grey in 0…1.
        painting: likewise, of any size.
        filters: float32 (`PATCH`, `PATCH`, 1, F), of sum 0: what is compared is not the tone.

    Returns:
        The mean squared difference of answers of the same rank, averaged over `SCALES`.
    """
    losses = []
    for scale in SCALES:
        answers, count = _answer(picture, filters, scale)
        wanted, other = _answer(painting, filters, scale)
        ranks = ((np.arange(count) + 0.5) * other / count).astype("int32")
        losses.append(ops.mean(ops.square(answers - ops.take(wanted, ranks, axis=1))))
    return sum(losses) / len(losses)


def _answer(picture: Tensor, filters: Tensor, scale: int) -> tuple[Tensor, int]:
    """Return what filters answer on a picture shrunk by a scale, sorted, (F, n), and n."""
    if scale > 1:
        picture = ops.average_pool(picture, scale, scale)
    places = picture.shape[1] * picture.shape[2]
    stride = max(1, int(np.ceil((places / MOST_PATCHES) ** 0.5)))
    answers = ops.conv(picture, filters, strides=stride, padding="valid")
    count = answers.shape[1] * answers.shape[2]
    rows = ops.transpose(ops.reshape(answers, (count, filters.shape[-1])))
    return ops.sort(rows, axis=1), count


def draw_filters(rng: np.random.Generator) -> FloatArray:
    """Return random filters (`PATCH`, `PATCH`, 1, `FILTERS`) of sum 0 and length 1."""
    filters = rng.normal(size=(PATCH, PATCH, 1, FILTERS))
    filters -= filters.mean((0, 1))
    filters /= np.sqrt(np.square(filters).sum((0, 1)))
    return filters.astype(np.float32)


def measure_texture(
    photo: FloatArray, painting: FloatArray, results: Sequence[FloatArray]
) -> list[tuple[float, float, float]]:
    """Return how near results came to a painting's texture, and how far from the photo.

    Args:
        photo: float32 (H, W) in 0…1, grey, or (H, W, 3), sRGB.
        painting: likewise, at the scale at which it was used.
        results: of the photo's size.

    Returns:
        Of each its Gram loss and its patch loss, both over the photo's own, and the mean squared
        change of the features at stride 16 over their mean square. Patches are those of the
        pictures' mean channel.
    """
    features = TextureFeatures()
    before, wanted = to_batch(photo), to_batch(painting)
    target = GramTarget(features(wanted)[0])
    some = ops.convert_to_tensor(draw_filters(np.random.default_rng(1)))

    def measure(picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps, content = features(picture)
        grey, manner = (ops.mean(x, axis=-1, keepdims=True) for x in (picture, wanted))
        return target.measure(maps), measure_patches(grey, manner, some), content

    gram, patches, content = measure(before)
    found = []
    for result in results:
        now = measure(to_batch(result))
        change = ops.mean(ops.square(now[2] - content)) / ops.mean(ops.square(content))
        found.append((float(now[0] / gram), float(now[1] / patches), float(change)))
    return found


def to_batch(picture: FloatArray) -> Tensor:
    """Return a picture (H, W) or (H, W, 3) as a tensor (1, H, W, 1 or 3)."""
    return ops.convert_to_tensor(picture[None, ..., None] if picture.ndim == 2 else picture[None])
