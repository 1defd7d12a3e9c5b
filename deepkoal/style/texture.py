"""Texture by optimization: lightness that has the painting's texture, the photo's edges kept.

Two judges of texture (`style.texture_losses`), and what holds the photo together: lightness at its
edges, and features at stride 16.

The picture is the weight of a Keras model that is trained, so this runs on whatever Keras runs on.
It is a sum of levels of a pyramid, so that marks move as a whole rather than pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import keras
import numpy as np
from keras import ops

from deepkoal.arrays import FloatArray, Tensor
from deepkoal.style.texture_losses import (
    FILTERS,
    PATCH,
    GramTarget,
    TextureFeatures,
    draw_filters,
    measure_patches,
    to_batch,
)

GRAM_WEIGHT = 0.5
PATCH_WEIGHT = 2.0
"""For losses of 1 at the photo as it was."""
CONTENT_WEIGHT = 0.03
EDGE_WEIGHT = 0.3
"""For losses of 1 where nothing of the photo is left."""
EDGE_CELL = 4
"""Side in pixels of the cells between whose means edges are measured: finer ones are texture."""
LEVELS = 4
LEARNING_RATE = 0.03
COARSE_SHARE = 0.6
"""Of the steps, made at half the size, where they cost a quarter and marks are laid out."""
LEAST_SIDE = 64
"""Of what is painted, in pixels."""
_TINY = 1e-6


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
        before, self._painting = (to_batch(x) for x in (photo, painting))
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
        self._levels[0].assign(to_batch(start))

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
