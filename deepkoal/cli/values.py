"""Arguments' types: what is no such value is wrong usage, said in words."""

from __future__ import annotations

import argparse
from collections.abc import Callable


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


def read_weights(text: str) -> dict[str, float]:
    """Read `name=number` pairs with commas between them."""
    try:
        pairs = [pair.split("=") for pair in text.split(",")]
        return {name.strip(): float(weight) for name, weight in pairs}
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"expected NAME=WEIGHT,NAME=WEIGHT, such as mse=1,colorfulness=0.1, got {text!r}"
        ) from error
