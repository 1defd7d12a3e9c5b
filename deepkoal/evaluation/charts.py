"""Curves and bars, drawn with Pillow alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

ByteArray = NDArray[np.uint8]
Ink = tuple[int, int, int]

INK: Ink = (40, 40, 40)
PAPER: Ink = (255, 255, 255)
BLUE: Ink = (31, 105, 176)
GREY: Ink = (140, 140, 140)
_GRID: Ink = (225, 225, 225)

_FINER = 2  # drawn so much larger, then shrunk: Pillow's lines have no soft edges of their own
_TEXT = 16
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 20, 16, 36


@dataclass(frozen=True)
class Curve:
    """A line through one value at each of the chart's marks.

    Attributes:
        name: shown beside the chart's other curves.
        values: one for each mark.
        ink: its color.
        dashed: whether it is interrupted, as what was not measured here is.
    """

    name: str
    values: Sequence[float]
    ink: Ink = BLUE
    dashed: bool = False


class _Canvas:
    """A plot area with a vertical axis, in the units of what is plotted."""

    def __init__(self, width: int, height: int, low: float, high: float, digits: int) -> None:
        self.image = Image.new("RGB", (width * _FINER, height * _FINER), PAPER)
        self.draw = ImageDraw.Draw(self.image)
        self.font = ImageFont.load_default(_TEXT * _FINER)
        self.left, self.right = _LEFT * _FINER, (width - _RIGHT) * _FINER
        self.top, self.bottom = _TOP * _FINER, (height - _BOTTOM) * _FINER
        self.low, self.high = low, high
        for tick in _ticks(low, high):
            y = self.y(tick)
            self.draw.line([(self.left, y), (self.right, y)], _GRID, _FINER)
            self.write((self.left - 6 * _FINER, y), f"{tick:.{digits}f}", "rm")

    def x(self, share: float) -> float:
        return self.left + share * (self.right - self.left)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.bottom - share * (self.bottom - self.top)

    def write(self, at: tuple[float, float], text: str, anchor: str, ink: Ink = INK) -> None:
        self.draw.text(at, text, ink, self.font, anchor=anchor)

    def line(self, points: Sequence[tuple[float, float]], ink: Ink, *, dashed: bool) -> None:
        for start, end in itertools.pairwise(points):
            pieces = max(1, round(math.dist(start, end) / (14 * _FINER))) if dashed else 1
            for piece in range(pieces):
                stop = piece + (0.55 if dashed else 1)
                ends = [_between(start, end, share / pieces) for share in (piece, stop)]
                self.draw.line(ends, ink, 2 * _FINER)

    def finish(self) -> ByteArray:
        size = self.image.width // _FINER, self.image.height // _FINER
        return np.array(self.image.resize(size, Image.Resampling.BOX))


def draw_curves(
    hint_points: Sequence[str],
    curves: Sequence[Curve],
    *,
    width: int,
    height: int,
    digits: int = 0,
) -> ByteArray:
    """Draw curves over marks that stand at equal distances.

    Args:
        marks: below the chart, at least two.
        curves: finite values, as many as there are marks.
        width: in pixels.
        height: likewise.
        digits: after the point, of the vertical axis.

    Returns:
        uint8 (height, width, 3) sRGB.
    """
    values = [value for curve in curves for value in curve.values]
    low, high = _round_out(min(values), max(values))
    canvas = _Canvas(width, height, low, high, digits)
    places = [
        canvas.x(0.03 + 0.94 * index / (len(hint_points) - 1)) for index in range(len(hint_points))
    ]
    for place, mark in zip(places, hint_points, strict=True):
        canvas.write((place, canvas.bottom + 8 * _FINER), mark, "mt")
    for row, curve in enumerate(curves):
        points = [(x, canvas.y(value)) for x, value in zip(places, curve.values, strict=True)]
        canvas.line(points, curve.ink, dashed=curve.dashed)
        for x, y in points:
            radius = 3.5 * _FINER
            canvas.draw.ellipse([x - radius, y - radius, x + radius, y + radius], curve.ink)
        at = canvas.left + 12 * _FINER, canvas.top + (6 + 24 * row) * _FINER
        canvas.write(at, curve.name, "lt", curve.ink)
    return canvas.finish()


def draw_bars(
    values: Mapping[str, float], *, baseline: float, width: int, height: int
) -> ByteArray:
    """Draw a bar from a baseline to each value, the value beside it and its name to the left.

    Args:
        values: finite, at least one.
        baseline: what the values are held against.
        width: in pixels.
        height: likewise.

    Returns:
        uint8 (height, width, 3) sRGB.
    """
    image = Image.new("RGB", (width * _FINER, height * _FINER), PAPER)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(_TEXT * _FINER)
    names = 130 * _FINER
    low, high = min(baseline, *values.values()), max(baseline, *values.values())
    unit = (image.width - names - 80 * _FINER) / (high - low if high > low else 1)
    zero = names + (baseline - low) * unit
    step = (image.height - 2 * _TOP * _FINER) / len(values)
    for row, (name, value) in enumerate(values.items()):
        middle = _TOP * _FINER + (row + 0.5) * step
        end = zero + (value - baseline) * unit
        draw.text((names - 10 * _FINER, middle), name, INK, font, anchor="rm")
        box = [min(zero, end), middle - 0.32 * step, max(zero, end), middle + 0.32 * step]
        draw.rectangle(box, BLUE if value >= baseline else GREY)
        draw.text((max(zero, end) + 8 * _FINER, middle), f"{value:.2f}", INK, font, anchor="lm")
    draw.line([(zero, _TOP * _FINER), (zero, image.height - _TOP * _FINER)], INK, _FINER)
    return np.array(image.resize((width, height), Image.Resampling.BOX))


def _between(
    start: tuple[float, float], end: tuple[float, float], share: float
) -> tuple[float, float]:
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _step(low: float, high: float) -> float:
    """Return 1, 2 or 5 times a power of ten: four to ten steps cover the range."""
    span = max(high - low, 1e-6)
    power = 10.0 ** math.floor(math.log10(span / 4))
    return next(factor * power for factor in (5, 2, 1) if span / (factor * power) >= 4)


def _round_out(low: float, high: float) -> tuple[float, float]:
    step = _step(low, high)
    return math.floor(low / step) * step, math.ceil(high / step) * step


def _ticks(low: float, high: float) -> list[float]:
    step = _step(low, high)
    return [
        step * index
        for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    ]
