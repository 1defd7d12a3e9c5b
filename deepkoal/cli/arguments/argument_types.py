"""Arguments' types: what is no such value is wrong usage, said in words."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from deepkoal.guidance.decoding import VIBRANCE_RANGE


def whole_number(low: int, high: int | None = None) -> Callable[[str], int]:
    """Return a reader of whole numbers from `low` to `high`, both included."""
    wanted = f"of at least {low}" if high is None else f"in {low}…{high}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < low or (high is not None and number > high):
            raise argparse.ArgumentTypeError(f"expected a whole number {wanted}, got {text!r}")
        return number

    return read


def vibrance(text: str) -> float:
    """Read a vibrance."""
    low, high = VIBRANCE_RANGE
    number = _read_number(text)
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"expected a number in {low:g}…{high:g}, got {text!r}")
    return number


def positive_number(text: str) -> float:
    """Read a number above 0."""
    number = _read_number(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number


def _read_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def read_weights(text: str) -> dict[str, float]:
    """Read `name=number` pairs with commas between them."""
    try:
        pairs = [pair.split("=") for pair in text.split(",")]
        weights = {name.strip(): float(weight) for name, weight in pairs}
        if len(weights) < len(pairs):
            raise ValueError("a name is given twice")
        return weights
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            "expected NAME=WEIGHT,NAME=WEIGHT, each name once, such as mse=1,colorfulness=0.1, "
            f"got {text!r}"
        ) from error
