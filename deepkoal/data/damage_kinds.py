"""Kinds of damage, each a `Layer` drawn by NumPy's generator."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import ByteArray, FloatArray

Points = NDArray[np.float64]
"""(N, 2): x and y in pixels."""


class Layer(NamedTuple):
    """One kind of damage: opacity (H, W), 0…1, and the lightness it shows, (H, W), 0…100."""

    opacity: FloatArray
    tone: FloatArray


def scratches(shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """Draw scratches and hairs: curves of even width, bright or dark, here and there broken."""
    lines = np.zeros(shape, "uint8")
    straight = rng.random() < 0.4
    for _ in range(_few(rng, 10)):
        points = _curve(shape, rng, 0.0 if straight else rng.uniform(0, 1.5), not straight)
        _draw(lines, points, _thin(rng))
    opacity = _soften(lines, rng) * rng.uniform(0.3, 1)
    if rng.random() < 0.6:
        opacity = opacity * _patches(shape, rng, rng.uniform(0.03, 0.3), rng.uniform(0.4, 0.9))
    return Layer(opacity, _tone(shape, rng))


def dust(shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """Scatter specks and short hairs, more of them here than there."""
    specks = np.zeros(shape, "uint8")
    crowd = _noise(shape, rng, rng.uniform(0.02, 0.1))
    largest = rng.uniform(0.8, 5)
    for _ in range(_few(rng, 120)):
        x, y = rng.uniform(0, shape[1]), rng.uniform(0, shape[0])
        if crowd[int(y), int(x)] < 0.4:
            continue
        if rng.random() < 0.12:
            hair = _curve(shape, rng, 0.5, True)
            hair = (x, y) + (hair - hair[0]) * rng.uniform(0.05, 0.2)
            _draw(specks, hair, 1)
        else:
            radius = 0.5 + largest * rng.random() ** 2
            axes = (int(16 * radius), int(16 * radius * rng.uniform(0.4, 1)))
            center = (int(16 * x), int(16 * y))
            angle = rng.uniform(0, 180)
            cv2.ellipse(specks, center, axes, angle, 0, 360, 255, -1, cv2.LINE_AA, 4)
    return Layer(_soften(specks, rng) * rng.uniform(0.4, 1), _tone(shape, rng))


def folds(shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """Fold once or twice: a cracked bright line, and shade beside it."""
    opacity, shade = np.zeros(shape, "float32"), np.zeros(shape, "float32")
    for _ in range(int(rng.integers(1, 3))):
        points = _curve(shape, rng, rng.uniform(0, 0.6), False)
        crack, side = np.zeros(shape, "uint8"), np.zeros(shape, "uint8")
        _draw_uneven(crack, points, rng, rng.uniform(1, 5))
        _draw(side, points + rng.normal(0, 2, 2), int(rng.integers(3, 16)))
        broken = _patches(shape, rng, rng.uniform(0.05, 0.4), rng.uniform(0.3, 1))
        opacity = np.maximum(opacity, _soften(crack, rng) * broken)
        blurred = blur(side.astype("float32") / 255, rng.uniform(1, 6))
        shade = np.maximum(shade, blurred * rng.uniform(0, 0.4))
    line = rng.uniform(70, 100) if rng.random() < 0.85 else rng.uniform(0, 25)
    shadow = rng.uniform(0, 100)
    both = np.maximum(opacity, shade)
    tone = np.where(opacity >= shade, line, shadow).astype("float32")
    return Layer(both, _grainy(tone, rng))


def tears(shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """Tear: a ragged edge beyond which paper shows, or a ragged line across the print."""
    torn = np.zeros(shape, "uint8")
    points = _curve(shape, rng, rng.uniform(1, 3), True)
    if rng.random() < 0.5:
        side = shape[0] * rng.uniform(0.02, 0.12)
        xs = np.linspace(-2, shape[1] + 2, 48)
        edge = np.cumsum(rng.normal(0, side / 8, 48))
        edge = np.abs(edge - edge.mean()) + side * rng.random()
        rim = np.stack([xs, edge], 1)
        closed = np.vstack([rim, [[shape[1] + 2, -9], [-2, -9]]])
        cv2.fillPoly(torn, [np.rint(closed * 16).astype("int32")], 255, cv2.LINE_AA, 4)
        torn = np.ascontiguousarray(np.rot90(torn, int(rng.integers(4))))
        torn = np.asarray(cv2.resize(torn, shape[::-1]), "uint8")
    else:
        _draw_uneven(torn, points, rng, rng.uniform(2, 9))
    return Layer(_soften(torn, rng), _grainy(_tone(shape, rng), rng))


def losses(shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """Flake the emulsion off: blobs with hard edges, plain paper or bare glass below."""
    field = _noise(shape, rng, rng.uniform(0.05, 0.3)) + 0.15 * _noise(shape, rng, 0.5)
    near = _noise(shape, rng, 0.03)
    bare = (field + 0.5 * near > np.quantile(field + 0.5 * near, rng.uniform(0.96, 0.998))) * 255
    return Layer(_soften(bare.astype("uint8"), rng), _grainy(_tone(shape, rng), rng))


def stains(shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """Spill: a smooth area that is lighter or darker, often with a rim where it dried."""
    field = _noise(shape, rng, rng.uniform(0.01, 0.06)) + 0.08 * _noise(shape, rng, 0.2)
    level = np.quantile(field, rng.uniform(0.6, 0.97))
    width = rng.uniform(0.005, 0.1)
    inside = 1 / (1 + np.exp(np.clip((level - field) / width, -30, 30)))
    opacity = inside * rng.uniform(0.1, 0.5)
    if rng.random() < 0.5:
        rim = np.exp(-(((field - level) / (width + 0.01)) ** 2))
        opacity = np.maximum(opacity, rim * rng.uniform(0.1, 0.5))
    return Layer(opacity.astype("float32"), _tone(shape, rng))


def mould(shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """Grow mould: soft spots in colonies, and threads between them."""
    spots = np.zeros(shape, "uint8")
    for _ in range(int(rng.integers(1, 5))):
        center = rng.uniform(0, 1, 2) * shape[::-1]
        spread = rng.uniform(0.03, 0.2) * shape[0]
        for x, y in rng.normal(center, spread, (int(rng.integers(5, 50)), 2)):
            radius = int(16 * rng.uniform(0.5, 3.5))
            cv2.circle(spots, (int(16 * x), int(16 * y)), radius, 255, -1, cv2.LINE_AA, 4)
        for _ in range(int(rng.integers(0, 5))):
            steps = np.cumsum(rng.normal(0, 2, (30, 2)), 0)
            _draw(spots, center + steps, 1)
    soft = blur(spots.astype("float32") / 255, rng.uniform(0.4, 1.8))
    return Layer(soft * rng.uniform(0.3, 0.9), _tone(shape, rng))


def silvering(l: FloatArray, rng: np.random.Generator) -> Layer:
    """Tarnish: the shadows (of l, (H, W)) shine, more here than there."""
    shadows = np.clip((60 - l) / 60, 0, 1)
    field = np.clip(2 * _noise((l.shape[0], l.shape[1]), rng, rng.uniform(0.01, 0.05)) - 0.6, 0, 1)
    opacity = blur(shadows, 2) * field * rng.uniform(0.2, 0.8)
    return Layer(opacity.astype("float32"), np.full(l.shape, rng.uniform(60, 90), "float32"))


KINDS = {scratches: 4, dust: 4, folds: 2, tears: 1.5, losses: 1, mould: 1, stains: 0.5}
"""How often each kind of damage comes; `silvering`, which follows the shadows, comes apart."""


def blur(l: NDArray[Any], sigma: float) -> FloatArray:
    """Return a picture (H, W) under a Gaussian blur, float32."""
    return np.asarray(cv2.GaussianBlur(np.asarray(l, "float32"), (0, 0), sigma), dtype="float32")


def _few(rng: np.random.Generator, most: int) -> int:
    """Return 1…most, small numbers more often."""
    return int(np.ceil(most * rng.random() ** 2.5 + 1e-3))


def _thin(rng: np.random.Generator) -> int:
    return int(rng.choice([1, 2, 3, 4, 6], p=[0.5, 0.25, 0.13, 0.08, 0.04]))


def _noise(shape: tuple[int, int], rng: np.random.Generator, frequency: float) -> FloatArray:
    """Return smooth noise (H, W), 0…1, of `frequency` bumps per pixel."""
    coarse = [max(2, int(np.ceil(side * frequency)) + 1) for side in shape]
    small = rng.random(coarse, dtype="float32")
    large = cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(large, 0, 1), "float32")


def _patches(
    shape: tuple[int, int], rng: np.random.Generator, frequency: float, share: float
) -> FloatArray:
    """Return opacity (H, W), 0…1, near 1 over about `share` of the area."""
    field = _noise(shape, rng, frequency)
    return np.asarray(np.clip((field - np.quantile(field, 1 - share)) / 0.1, 0, 1), "float32")


def _curve(
    shape: tuple[int, int], rng: np.random.Generator, roughness: float, bent: bool
) -> Points:
    """Return (48, 2) points x, y of a cubic Bézier curve with a random walk's jitter."""
    sides = np.array(shape[::-1])
    ends = rng.uniform(-0.2, 1.2, (2, 2)) * sides
    t = np.linspace(0, 1, 48)[:, None]
    bend = rng.normal(0, 0.25 if bent else 0.01, (2, 2)) * sides
    inner = ends[0] + (ends[1] - ends[0]) * np.array([[1 / 3], [2 / 3]]) + bend
    points = (1 - t) ** 3 * ends[0] + 3 * (1 - t) ** 2 * t * inner[0]
    points = points + 3 * (1 - t) * t**2 * inner[1] + t**3 * ends[1]
    walk = np.cumsum(rng.normal(0, 1, (48, 2)), 0) * roughness
    return np.asarray(points + walk - t * walk[-1], np.float64)


def _draw(canvas: ByteArray, points: Points, thickness: int) -> None:
    fixed = np.rint(points * 16).astype("int32")
    cv2.polylines(canvas, [fixed], False, 255, thickness, cv2.LINE_AA, 4)


def _draw_uneven(canvas: ByteArray, points: Points, rng: np.random.Generator, width: float) -> None:
    """Draw a curve whose width wanders around `width` pixels."""
    wander = np.abs(1 + np.cumsum(rng.normal(0, 0.25, len(points))))
    for start, end, factor in zip(points[:-1], points[1:], wander, strict=False):
        thickness = int(np.clip(width * min(factor, 2), 1, 30))
        _draw(canvas, np.stack([start, end]), thickness)


def _soften(drawn: ByteArray, rng: np.random.Generator) -> FloatArray:
    opacity = np.asarray(drawn / 255, dtype="float32")
    return blur(opacity, rng.uniform(0.3, 1.2)) if rng.random() < 0.4 else opacity


def _tone(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Return one lightness for all of (H, W): bright oftener than dark, seldom between."""
    kind = rng.random()
    if kind < 0.55:
        tone = rng.uniform(75, 100)
    elif kind < 0.85:
        tone = rng.uniform(0, 25)
    else:
        tone = rng.uniform(25, 75)
    return np.full(shape, tone, "float32")


def _grainy(tone: FloatArray, rng: np.random.Generator) -> FloatArray:
    if rng.random() < 0.5:
        return tone
    shape = (tone.shape[0], tone.shape[1])
    grain = rng.uniform(2, 20) * (_noise(shape, rng, 0.5) - 0.5)
    return np.asarray(np.clip(tone + grain, 0, 100), "float32")
