"""Texture by optimization: lightness that has the painting's texture, the photo's edges kept.

Three judges, whose losses are added:

- Gatys, Ecker and Bethge 2016 ("Image style transfer using convolutional neural networks"): the
  correlations of features over a picture, its Gram matrices, become the painting's. The features
  are those of the EfficientNet-Lite0 that comes along. A network with residual connections has few,
  high peaks in them, which such a loss follows alone; Wang, Li and Vasconcelos 2021 ("Rethinking
  and improving the robustness of image style transfer", SWAG) smooth activations against it. Here
  they are taken after ReLU6, which bounds them, in units of the painting's spread of each channel.
- Patches, by the sliced Wasserstein distance (Elnekave and Weiss 2022, "Generating natural images
  with direct patch distributions matching"): what random filters answer becomes spread as on the
  painting, place for place in rank. By itself a network without VGG's pooling is satisfied with
  noise that no eye takes for the painting; patches show the marks.
- What holds the photo together: lightness at its edges, and features at stride 16.

The picture is the weight of a Keras model that is trained, so this runs on whatever Keras runs on.
It is a sum of levels of a pyramid, so that marks move as a whole rather than pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
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

GRAM_WEIGHT = 0.5
PATCH_WEIGHT = 2.0
"""For losses of 1 at the photo as it was."""
CONTENT_WEIGHT = 0.03
EDGE_WEIGHT = 0.3
"""For losses of 1 where nothing of the photo is left."""
EDGE_CELL = 4
"""Side in pixels of the cells between whose means edges are measured: finer ones are texture."""
PATCH = 9
"""Side in pixels of the patches, which are looked at at three scales."""
SCALES = (1, 2, 4)
FILTERS = 16
"""Random ones, anew at each step, for each scale."""
MOST_PATCHES = 16_000
"""That a step ranks at each scale, on a regular grid."""
LEVELS = 4
LEARNING_RATE = 0.03
COARSE_SHARE = 0.6
"""Of the steps, made at half the size, where they cost a quarter and marks are laid out."""
LEAST_SIDE = 64
"""Of what is painted, in pixels."""
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


class Canvas(keras.Model):
    """A grey picture that is painted by gradient descent; called, it returns its loss (1,).

    Args:
        start: float32 (H, W), in 0…1.
        photo: likewise, whose content is kept.
        painting: float32 (h, w), whose texture is wanted.
        features: what judges them.
        strength: above 0, to 1: what keeps the content weighs 1 / strength².
    """

    def __init__(
        self,
        start: FloatArray,
        photo: FloatArray,
        painting: FloatArray,
        features: TextureFeatures,
        strength: float,
    ) -> None:
        super().__init__(name="canvas")
        self._features, self._keeping = features, 1 / strength**2
        self._size = photo.shape
        before, self._painting = (_to_batch(x) for x in (photo, painting))
        self._target = GramTarget(features(self._painting)[0])
        maps, self._content = features(before)
        some = ops.convert_to_tensor(draw_filters(np.random.default_rng(0)))
        self._first_gram = ops.maximum(self._target.measure(maps), 1e-6)
        self._first_patches = ops.maximum(measure_patches(before, self._painting, some), 1e-6)
        self._content_scale = ops.mean(ops.square(self._content)) + _TINY
        self._slopes = _find_slopes(before)
        # An edge counts by its strength: elsewhere the marks are free.
        self._slope_weights = [_weigh_edges(x) for x in self._slopes]
        self._levels = [
            self.add_weight(
                shape=(1, *(-(-length // 2**level) for length in photo.shape), 1),
                initializer="zeros",
                name=f"level_{level}",
            )
            for level in range(LEVELS)
        ]
        self._levels[0].assign(_to_batch(start))

    def draw(self) -> Tensor:
        """Return the picture as it is now, (1, H, W, 1) in 0…1."""
        finest, *coarser = self._levels
        picture = ops.convert_to_tensor(finest)
        for level in coarser:
            grown = ops.image.resize(ops.convert_to_tensor(level), self._size, "bilinear")
            picture = picture + grown
        return ops.clip(picture, 0, 1)

    def call(self, filters: Tensor) -> Tensor:
        """Return the loss."""
        filters = ops.reshape(filters, (PATCH, PATCH, 1, FILTERS))  # no batch, as Keras assumes
        picture = self.draw()
        maps, content = self._features(picture)
        style = GRAM_WEIGHT * self._target.measure(maps) / self._first_gram
        patches = measure_patches(picture, self._painting, filters) / self._first_patches
        kept = CONTENT_WEIGHT * ops.mean(ops.square(content - self._content)) / self._content_scale
        edges = sum(
            ops.sum(weight * ops.square(now - then))
            for now, then, weight in zip(
                _find_slopes(picture), self._slopes, self._slope_weights, strict=True
            )
        )
        kept = kept + EDGE_WEIGHT * edges / 2
        return ops.reshape(style + PATCH_WEIGHT * patches + self._keeping * kept, (1,))


def add_texture(
    photo: FloatArray,
    painting: FloatArray,
    *,
    strength: float,
    steps: int,
    progress: Callable[[], object] | None = None,
) -> FloatArray:
    """Return a photo's lightness with the texture of a painting's.

    Args:
        photo: float32 (H, W), grey sRGB in 0…1.
        painting: likewise, of any size.
        strength: above 0, to 1.
        steps: of Adam, from 1; the first at half the size, where that is large enough.
        progress: called after each.

    Returns:
        float32 (H, W) in 0…1.
    """
    size = photo.shape
    fitted = [_enlarge(x, LEAST_SIDE) for x in (photo, painting)]
    photo, painting = fitted
    features = TextureFeatures()
    start = photo
    coarse = 0
    if min(*photo.shape, *painting.shape) >= 2 * LEAST_SIDE:
        coarse = round(COARSE_SHARE * steps)
    for scale, count in ((2, coarse), (1, steps - coarse)):
        if not count:
            continue
        small, manner = (_shrink(x, scale) for x in (photo, painting))
        canvas = Canvas(_resize(start, small.shape), small, manner, features, strength)
        _paint(canvas, count, progress)
        start = np.asarray(ops.convert_to_numpy(canvas.draw())[0, ..., 0], np.float32)
        if scale > 1:  # what was painted, and what of the photo lies between the coarse pixels
            detail = photo - _resize(small, photo.shape)
            start = np.clip(_resize(start, photo.shape) + detail, 0, 1)
    return _resize(start, size)


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
    before, wanted = _to_batch(photo), _to_batch(painting)
    target = GramTarget(features(wanted)[0])
    some = ops.convert_to_tensor(draw_filters(np.random.default_rng(1)))

    def measure(picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps, content = features(picture)
        grey, manner = (ops.mean(x, axis=-1, keepdims=True) for x in (picture, wanted))
        return target.measure(maps), measure_patches(grey, manner, some), content

    gram, patches, content = measure(before)
    found = []
    for result in results:
        now = measure(_to_batch(result))
        change = ops.mean(ops.square(now[2] - content)) / ops.mean(ops.square(content))
        found.append((float(now[0] / gram), float(now[1] / patches), float(change)))
    return found


def _paint(canvas: Canvas, steps: int, progress: Callable[[], object] | None) -> None:
    """Let the picture take so many steps."""
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps, alpha=0.1)
    canvas.compile(keras.optimizers.Adam(schedule), loss=_take, jit_compile=False)
    report = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: None if progress is None else progress()
    )
    canvas.fit(_draw_batches(), steps_per_epoch=steps, verbose=0, callbacks=[report], shuffle=False)


def _draw_batches() -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield what each step looks through: random filters. There is nothing else to learn from."""
    rng = np.random.default_rng(2)
    while True:
        yield draw_filters(rng), np.zeros(1, np.float32)


def _take(_: Tensor, loss: Tensor) -> Tensor:
    return loss


def _find_slopes(picture: Tensor) -> list[Tensor]:
    """Return the slopes between cells, along both axes."""
    cells = ops.average_pool(picture, EDGE_CELL, EDGE_CELL)
    return [cells[:, 1:] - cells[:, :-1], cells[:, :, 1:] - cells[:, :, :-1]]


def _weigh_edges(slopes: Tensor) -> Tensor:
    """Return the weight of each slope's change: in all, a photo without its edges comes to 1."""
    size = ops.abs(slopes)
    weights = size / (size + ops.mean(size) + 1e-6)
    return weights / (ops.sum(weights * ops.square(slopes)) + 1e-6)


def _to_batch(picture: FloatArray) -> Tensor:
    """Return a picture (H, W) or (H, W, 3) as a tensor (1, H, W, 1 or 3)."""
    return ops.convert_to_tensor(picture[None, ..., None] if picture.ndim == 2 else picture[None])


def _shrink(picture: FloatArray, divisor: int) -> FloatArray:
    """Return a picture so many times smaller."""
    return _resize(picture, tuple(length // divisor for length in picture.shape), cv2.INTER_AREA)


def _enlarge(picture: FloatArray, least: int) -> FloatArray:
    """Return a picture with sides of at least so many pixels."""
    factor = max(1, least / min(picture.shape))
    return _resize(picture, tuple(max(least, round(factor * side)) for side in picture.shape))


def _resize(picture: FloatArray, size: tuple[int, ...], how: int = cv2.INTER_CUBIC) -> FloatArray:
    if picture.shape == size:
        return picture
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=how), np.float32)
