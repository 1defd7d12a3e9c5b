"""How the restorer learns: patches of sharp photos, damaged by code, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import keras
import numpy as np
from keras import ops

from deepkoal.arrays import ByteArray, FloatArray, Tensor
from deepkoal.data.damage import damage_photo

FOUND_WEIGHT = 3.0
"""What a damaged pixel counts more than another where damage is to be found: there are few."""

DAMAGED_WEIGHT = 4.0
"""What a damaged pixel's error counts more than another's."""


@keras.saving.register_keras_serializable(package="deepkoal")
def clean_loss(target: Tensor, clean: Tensor) -> Tensor:
    """Return the mean squared error of l_norm, damaged pixels counted more.

    Squared, because the sign of each pixel's noise is all that an absolute error would learn from.

    Args:
        target: (B, H, W, 2): the undamaged l_norm, and 1 where it was damaged.
        clean: (B, H, W, 1), what the network predicts.
    """
    weight = 1 + DAMAGED_WEIGHT * target[..., 1:]
    return ops.mean(weight * ops.square(target[..., :1] - clean))


@keras.saving.register_keras_serializable(package="deepkoal")
def damage_loss(target: Tensor, damage: Tensor) -> Tensor:
    """Return the mean cross-entropy of where damage is, damaged pixels counted more.

    Args:
        target: (B, H, W, 1), 0…1.
        damage: (B, H, W, 1), logits.
    """
    entropy = ops.binary_crossentropy(target, damage, from_logits=True)
    return ops.mean((1 + (FOUND_WEIGHT - 1) * target) * entropy)


def compile_restorer(network: keras.Model) -> None:
    """Give the network its two losses and AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101)."""
    network.compile(
        optimizer=keras.optimizers.AdamW(1e-3, weight_decay=1e-4, global_clipnorm=1.0),
        loss={"clean": clean_loss, "damage": damage_loss},
    )


def read_lightness(files: Iterable[Path], *, smallest: int) -> list[ByteArray]:
    """Read photos' lightness, times 2.55 in bytes; what cannot be read or is small is left out.

    Args:
        files: photos.
        smallest: length of the short side that a photo must have, in pixels.
    """
    photos = []
    for file in files:
        bgr = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if bgr is not None and min(bgr.shape[:2]) >= smallest:
            lab = cv2.cvtColor(bgr, cv2.COLOR_BGR2Lab)
            photos.append(np.array(lab[..., 0], np.uint8))
    return photos


def draw_batch(
    photos: Sequence[ByteArray], rng: np.random.Generator, *, batch: int, size: int
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Draw patches of photos and damage them.

    Args:
        photos: as `read_lightness` returns them.
        rng: makes the draws.
        batch: how many patches.
        size: of their sides, in pixels.

    Returns:
        What the network sees, l_norm (B, size, size, 1); and the targets of its outputs: `clean`,
        (B, size, size, 2) as `clean_loss` wants it, and `damage`, (B, size, size, 1).
    """
    drawn = [
        damage_photo(_crop(photos[int(rng.integers(len(photos)))], rng, size), rng)
        for _ in range(batch)
    ]
    l, clean, damage = (np.stack(kind)[..., None] for kind in zip(*drawn, strict=True))
    target = np.concatenate([clean / 50 - 1, damage], axis=-1)
    seen = np.asarray(l / 50 - 1, np.float32)
    return seen, {"clean": np.asarray(target, np.float32), "damage": damage}


def _crop(photo: ByteArray, rng: np.random.Generator, size: int) -> FloatArray:
    """Cut a square of ¾ to twice the size, as the photo allows, and bring it to the size."""
    largest = min(*photo.shape, 2 * size)
    side = int(rng.integers(min(largest, 3 * size // 4), largest + 1))
    top = rng.integers(photo.shape[0] - side + 1)
    left = rng.integers(photo.shape[1] - side + 1)
    square = photo[top : top + side, left : left + side].astype("float32")
    square += rng.random(square.shape, dtype="float32") - 0.5  # bytes have steps, scans do not
    method = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    square = cv2.resize(square, (size, size), interpolation=method)
    if rng.random() < 0.5:
        square = square[:, ::-1]
    return np.clip(np.ascontiguousarray(square) / 2.55, 0, 100)
