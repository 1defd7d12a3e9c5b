"""What drawers, fingers and damp do to a print: damage laid over lightness, and where it lies.

Pure functions of NumPy's generator. Each kind of damage returns a `Layer`: an opacity and a tone
for each pixel, so that any number of them can be laid over a photo like sheets of glass. What
cameras and scanners do (grain, blur, JPEG's blocks) comes last, over photo and damage alike.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from deepkoal.arrays import FloatArray
from deepkoal.data.damage_kinds import KINDS, Layer, blur, silvering

CLEAN_SHARE = 0.25
"""Of photos that get no damage, so that a network learns to leave photos alone."""

SILVERED_SHARE = 0.03
"""Of damaged photos whose shadows shine."""

VISIBLE = (2.0, 6.0)
"""Change of lightness at which damage begins to count, and at which it counts in full."""


class DamagedPhoto(NamedTuple):
    """A damaged photo beside what it was.

    Attributes:
        l: (H, W), float32 in 0…100, with damage, grain and blocks.
        clean: the same without any of them, as faded and as soft as `l` is.
        damage: (H, W), float32 in 0…1: 1 where scratches, stains and the like changed it.
    """

    l: FloatArray
    clean: FloatArray
    damage: FloatArray


def damage_photo(l: FloatArray, rng: np.random.Generator) -> DamagedPhoto:
    """Damage a photo at random: one to four kinds, laid over each other, then faded and scanned.

    Args:
        l: (H, W), float32 in 0…100, sharp and clean.
        rng: makes the draws.
    """
    clean = _fade(l, rng) if rng.random() < 0.4 else l
    damaged = clean if rng.random() < CLEAN_SHARE else lay_damage(clean, rng)
    softness = rng.uniform(0.3, 1.2) if rng.random() < 0.4 else 0.0
    if softness:
        clean, damaged = blur(clean, softness), blur(damaged, softness)
    marked = mark_damage(damaged, clean)
    return DamagedPhoto(scan(damaged, rng), np.clip(clean, 0, 100), marked)


def lay_damage(l: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return lightness (H, W) under one to four kinds of damage, laid over each other."""
    if rng.random() < SILVERED_SHARE:
        l = lay(l, silvering(l, rng))
    count = int(rng.choice([1, 2, 3, 4], p=[0.4, 0.3, 0.2, 0.1]))
    share = np.array(list(KINDS.values())) / sum(KINDS.values())
    for kind in rng.choice(np.array(list(KINDS)), count, replace=False, p=share):
        l = lay(l, kind(l.shape, rng))
    return l


def mark_damage(damaged: FloatArray, clean: FloatArray) -> FloatArray:
    """Return how far each pixel (H, W) counts as damaged, 0…1, by how far it changed."""
    low, high = VISIBLE
    share = (np.abs(damaged - clean) - low) / (high - low)
    return np.asarray(np.clip(share, 0, 1), dtype="float32")


def lay(l: FloatArray, layer: Layer) -> FloatArray:
    """Return lightness (H, W) under a layer of damage."""
    return np.asarray(l + layer.opacity * (layer.tone - l), dtype="float32")


def scan(l: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Add grain or noise, and the blocks of a JPEG file, each about half of the time.

    Args:
        l: (H, W), float32 in 0…100.
        rng: makes the draws.
    """
    if rng.random() < 0.5:
        noise = rng.standard_normal(l.shape, dtype="float32")
        if rng.random() < 0.5:  # grain: clumps
            sigma = rng.uniform(0.5, 1.2)
            noise = blur(noise, sigma)
            noise /= noise.std() + 1e-6
        l = np.asarray(l + noise * np.float32(rng.uniform(0.3, 4.0)), dtype="float32")
    l = np.asarray(np.clip(l, 0, 100), dtype="float32")
    if rng.random() < 0.5:
        quality = int(rng.integers(25, 96))
        levels = np.rint(l * 2.55).astype("uint8")
        _, packed = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        unpacked = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), dtype="float32")
        l = np.asarray(unpacked / 2.55, dtype="float32")
    return l


def _fade(l: FloatArray, rng: np.random.Generator) -> FloatArray:
    black, white = rng.uniform(0, 25), rng.uniform(75, 100)
    curve = 2 ** rng.uniform(-0.75, 0.75)
    return np.asarray(black + (white - black) * (l / 100) ** curve, dtype="float32")
