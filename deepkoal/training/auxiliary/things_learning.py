"""Learning what belongs to one thing, for hints: a network's output `things`, all else frozen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from deepkoal.arrays import FloatArray
from deepkoal.color import Tensor
from deepkoal.training.auxiliary.mapped_photos import (
    BACKGROUND,
    INSIDE,
    OTHER,
    STRIDES,
    MappedPhoto,
)

EDGE = 3.0
"""Squared distance at which a thing ends."""
PATH = 0.01
"""Of that distance, for each unit of L along the way: edges of lightness need not be learned."""
NOISE = 0.1
"""Largest deviation of a channel's scale and of its offset, in its own widths: what is learned
should outlive a change of the network."""


@dataclass(frozen=True)
class ThingsScore:
    """Shares of places that are taken for the thing that is pointed at."""

    inside: float
    background: float
    other: float


class ThingsLearner(keras.Model):
    """From an encoder's maps and clicks to how surely each place is of the same thing: a logit.

    Args:
        network: with an output `things`, whose layers learn.
    """

    def __init__(self, network: keras.Model) -> None:
        super().__init__(name="things_learner")
        inputs = [network.get_layer(f"things_{stride}").input for stride in STRIDES]
        self.head = keras.Model(inputs, network.output["things"], name="things_head")

    def call(self, inputs: dict[str, Any]) -> Tensor:
        """Return logits (B, K, H, W)."""
        paths = inputs["paths"]
        batch, count, height, width = ops.shape(paths)
        things = self.head(inputs["maps"])[:, :height, :width]
        flat = ops.reshape(things, (batch, height * width, things.shape[-1]))
        chosen = ops.cast(ops.one_hot(inputs["clicks"], height * width), flat.dtype)
        there = ops.matmul(chosen, flat)
        apart = ops.sum(there**2, -1)[..., None] + ops.sum(flat**2, -1)[:, None]
        apart = apart - 2 * ops.matmul(there, ops.swapaxes(flat, 1, 2))
        apart = ops.reshape(ops.maximum(apart, 0), (batch, count, height, width))
        return EDGE - apart - PATH * paths

    def compute_loss(
        self, x: dict[str, Any], y: Any = None, y_pred: Any = None, *_: Any, **__: Any
    ) -> Tensor:
        """Return the logistic loss, of what is inside, background and other things about alike.

        Most of a photo is background, and easy: without the third a person's clothes would be one.
        """
        missed, taken = ops.softplus(-y_pred), ops.softplus(y_pred)

        def mean(values: Tensor, kind: int, least: float) -> Tensor:
            here = ops.cast(x["kinds"] == kind, values.dtype)
            return ops.sum(here * values, (-2, -1)) / (ops.sum(here, (-2, -1)) + least)

        inside = x["weights"][:, None] * mean(missed, INSIDE, 4.0)
        return ops.mean(
            inside + mean(0.8 * taken, BACKGROUND, 4.0) + mean(1.2 * taken, OTHER, 30.0)
        )


def learn_things(
    network: keras.Model,
    photos: Sequence[MappedPhoto],
    *,
    steps: int = 1200,
    batch_size: int = 8,
    learning_rate: float = 2.5e-3,
    fresh: bool = False,
    seed: int = 0,
) -> tuple[ThingsScore, ThingsScore]:
    """Learn a network's output `things`, from where it is.

    Args:
        network: whose layers of that change.
        photos: of which one in ten is held back to measure.
        steps: of Adam.
        batch_size: photos of one shape per step, at most.
        learning_rate: its peak; it falls along a cosine.
        fresh: whether nothing was learned yet: the channels of the maps are brought to one scale.
        seed: of the batches.

    Returns:
        How well that told things of the held-back photos before and after.
    """
    rng = np.random.default_rng(seed)
    learner = ThingsLearner(network)
    frozen = [layer for layer in learner.head.layers if not layer.trainable]
    widths = [_measure_widths([photo.maps[number] for photo in photos]) for number in range(4)]
    if fresh:
        for stride, width in zip(STRIDES, widths, strict=True):
            kernel = network.get_layer(f"things_{stride}").kernel
            kernel.assign(kernel / (width[:, None] + 1e-3))
    held = [photo for number, photo in enumerate(photos) if number % 10 == 0]
    shown = [photo for number, photo in enumerate(photos) if number % 10] or held
    before = _score(learner, held)
    for layer in frozen:
        layer.trainable = True
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=learning_rate, warmup_steps=min(50, steps // 4)
    )
    optimizer = keras.optimizers.Adam(schedule, global_clipnorm=2.0)
    learner.compile(optimizer, jit_compile=False)
    for batch in _choose(shown, batch_size, steps, rng):
        learner.train_on_batch(_batch(batch, widths, rng))
    for layer in frozen:
        layer.trainable = False
    return before, _score(learner, held)


def _score(learner: ThingsLearner, photos: Sequence[MappedPhoto]) -> ThingsScore:
    counts = np.zeros((3, 2))
    for photo in photos:
        inputs = _batch([photo])
        taken = ops.convert_to_numpy(learner(inputs)) > 0
        for row, kind in zip(counts, (INSIDE, BACKGROUND, OTHER), strict=True):
            here = inputs["kinds"] == kind
            row += np.sum(here & taken), np.sum(here)
    return ThingsScore(*(counts[:, 0] / np.maximum(counts[:, 1], 1)).tolist())


def _measure_widths(maps: Sequence[FloatArray]) -> FloatArray:
    """Return the root mean square of each channel, (C,)."""
    squares = [np.mean(each.astype("float32") ** 2, axis=(0, 1)) for each in maps]
    return np.sqrt(np.mean(squares, axis=0, dtype=np.float32))


def _choose(
    photos: Sequence[MappedPhoto], batch_size: int, steps: int, rng: np.random.Generator
) -> Iterator[list[MappedPhoto]]:
    """Return batches of photos of one shape, each photo as often as another."""
    shapes: dict[Any, list[MappedPhoto]] = {}
    for photo in photos:
        shapes.setdefault((photo.paths.shape, photo.maps[0].shape), []).append(photo)
    groups = list(shapes.values())
    chances = np.array([len(group) for group in groups]) / len(photos)
    for _ in range(steps):
        group = groups[rng.choice(len(groups), p=chances)]
        chosen = rng.choice(len(group), min(batch_size, len(group)), replace=False)
        yield [group[number] for number in chosen]


def _batch(
    photos: Sequence[MappedPhoto],
    widths: Sequence[FloatArray] = (),
    rng: np.random.Generator | None = None,
) -> dict[str, Any]:
    """Return a learner's inputs.

    Args:
        photos: of one shape.
        widths: of the maps' channels, for noise.
        rng: of the noise; none where None.
    """
    maps = [np.stack([photo.maps[i] for photo in photos]).astype("float32") for i in range(4)]
    if rng is not None:
        noise = NOISE * rng.random()
        for number, width in enumerate(widths):
            scale, offset = rng.standard_normal((2, len(photos), 1, 1, len(width)))
            changed = maps[number] * (1 + noise * scale) + noise * width * offset
            maps[number] = changed.astype("float32")
    return {
        "maps": maps,
        "clicks": np.stack([photo.clicks for photo in photos]),
        "paths": np.stack([photo.paths for photo in photos]).astype("float32"),
        "kinds": np.stack([photo.kinds for photo in photos]),
        "weights": np.array([photo.weight for photo in photos], np.float32),
    }
