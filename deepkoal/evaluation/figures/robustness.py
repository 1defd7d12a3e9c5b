"""How much worse the colors of a damaged photo are than those of a clean one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from deepkoal.arrays import ByteArray, FloatArray
from deepkoal.evaluation.metrics import ab_error, rgb_to_ab
from deepkoal.evaluation.photos import Bench, EvaluatedPhoto
from deepkoal.evaluation.scorecard import Figure, Line
from deepkoal.rendering.composition import compose_rgb

PHOTOS = 100
LEVELS = 2.55
"""Levels of 255 to a unit of L."""


@dataclass(frozen=True)
class Robustness(Figure):
    """The ab error on damaged lightness over that on clean lightness, at vibrance 1.

    Attributes:
        mean: of `ratios`.
        ratios: for each damage, mean ab error over pixels and photos, over `clean`.
        clean: mean distance to the truth in the ab plane without any damage.
        photos: how many were measured.
    """

    mean: float
    ratios: Mapping[str, float]
    clean: float
    photos: int

    def lines(self) -> Sequence[Line]:
        """Return the mean ratio and that of each damage."""
        return [
            Line("ab error, clean", f"{self.clean:.2f}", self.photos),
            Line("ab error over clean, mean of damages", f"{self.mean:.3f}", self.photos),
            *(
                Line(f"  {name}", f"{ratio:.3f}", self.photos)
                for name, ratio in self.ratios.items()
            ),
        ]


def measure_robustness(bench: Bench) -> Robustness:
    """Return the robustness over at most 100 photos, spread over the set."""
    photos = bench.photos.spread(PHOTOS)
    clean = bench.workers.map(lambda photo: measure_error(photo.colored, photo), photos, "clean")
    ratios = {}
    for name, damage in DAMAGES.items():
        damaged = bench.workers.map(functools.partial(_damage, damage=damage), photos, name)
        colored = bench.color_anew(damaged, name)
        errors = [measure_error(rgb, photo) for rgb, photo in zip(colored, photos, strict=True)]
        ratios[name] = float(np.mean(errors) / np.mean(clean))
    mean = float(np.mean(list(ratios.values())))
    return Robustness(mean, ratios, float(np.mean(clean)), len(photos))


def add_noise(l: FloatArray, seed: int, *, sigma: float) -> FloatArray:
    """Add Gaussian noise.

    Args:
        l: float32 (H, W) in 0…100.
        seed: of the noise.
        sigma: in levels of 255.
    """
    noise = np.random.default_rng(seed).standard_normal(l.shape, np.float32)
    return np.clip(l + noise * np.float32(sigma / LEVELS), 0, 100)


def blur(l: FloatArray, _: int, *, sigma: float) -> FloatArray:
    """Blur with a Gaussian of so many pixels."""
    return np.asarray(cv2.GaussianBlur(l, (0, 0), sigma), np.float32)


def compress(l: FloatArray, _: int, *, quality: int) -> FloatArray:
    """Save as a grey JPEG file of such quality, 1…100, and read it again."""
    levels = np.rint(l * LEVELS).astype(np.uint8)
    _, file = cv2.imencode(".jpg", levels, (cv2.IMWRITE_JPEG_QUALITY, quality))
    decoded = cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)
    return np.asarray(decoded, np.float32) / np.float32(LEVELS)


def shrink(l: FloatArray, _: int, *, factor: int) -> FloatArray:
    """Average squares of so many pixels a side, and enlarge them again bilinearly."""
    height, width = l.shape
    small = cv2.resize(l, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32)


def fade(l: FloatArray, _: int) -> FloatArray:
    """Squeeze 0…100 to 20…80."""
    return 20 + l * np.float32(0.6)


DAMAGES: Mapping[str, Callable[[FloatArray, int], FloatArray]] = {
    "noise 10": functools.partial(add_noise, sigma=10),
    "noise 25": functools.partial(add_noise, sigma=25),
    "blur 1": functools.partial(blur, sigma=1),
    "blur 2": functools.partial(blur, sigma=2),
    "JPEG 40": functools.partial(compress, quality=40),
    "JPEG 20": functools.partial(compress, quality=20),
    "half size": functools.partial(shrink, factor=2),
    "quarter size": functools.partial(shrink, factor=4),
    "faded": fade,
}
"""What is done to lightness, float32 (H, W) in 0…100, under a seed: the protocol's nine."""


def _damage(photo: EvaluatedPhoto, damage: Callable[[FloatArray, int], FloatArray]) -> ByteArray:
    """Return the damaged photo, grey."""
    l = damage(photo.lightness, photo.index)
    return compose_rgb(l, np.zeros((*l.shape, 2), np.float32))


def measure_error(rgb: ByteArray, photo: EvaluatedPhoto) -> float:
    """Return the mean distance of colors to the truth in the ab plane, in ab units."""
    return float(ab_error(rgb_to_ab(rgb), rgb_to_ab(photo.truth)).mean())
