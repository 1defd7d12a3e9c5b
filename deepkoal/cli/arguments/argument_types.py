"""Arguments' types: readers that refuse what is no such value, in words."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from deepkoal.errors import check_range

MOST_PORT = 2**16 - 1


def whole_number(low: int, high: float = math.inf) -> Callable[[str], int]:
    """Return a reader of whole numbers from `low` to `high`, both included."""

    def read(text: str) -> int:
        number = _parse(int, text)
        check_range(number, "", low, high, whole=True, given=text, error=argparse.ArgumentTypeError)
        return int(number)

    return read


def add_number(
    parser: argparse._ActionsContainer,
    option: str,
    unit: str,
    explanation: str,
    *,
    low: int = 1,
    high: float = math.inf,
    default: int | None = None,
) -> None:
    """Add an option that takes a whole number.

    Args:
        parser: or a group of one.
        option: its name, such as `--workers`.
        unit: what stands for the number in the help.
        explanation: its help.
        low: least value.
        high: greatest value.
        default: where the option is not given.
    """
    parser.add_argument(
        option, type=whole_number(low, high), default=default, metavar=unit, help=explanation
    )


def vibrance(text: str) -> float:
    """Return a vibrance."""
    from deepkoal.guidance.decoding import VIBRANCE_RANGE  # here, so that --help is quick

    number = _parse(float, text)
    check_range(number, "", *VIBRANCE_RANGE, given=text, error=argparse.ArgumentTypeError)
    return number


def warmth(text: str) -> float:
    """Return a warmth, −1…1."""
    number = _parse(float, text)
    check_range(number, "", -1, 1, given=text, error=argparse.ArgumentTypeError)
    return number


def share(text: str) -> float:
    """Return a number in 0…1."""
    number = _parse(float, text)
    check_range(number, "", 0, 1, given=text, error=argparse.ArgumentTypeError)
    return number


def detail(text: str) -> int | str:
    """Return a working size: `auto`, or a side in pixels."""
    from deepkoal.inference.prediction.working_size import DETAIL_RANGE

    return text if text == "auto" else whole_number(*DETAIL_RANGE)(text)


def variation_count(text: str) -> int:
    """Return how many variations of a photo are asked for."""
    from deepkoal.guidance.variation_latents import MOST_VARIATIONS

    return whole_number(1, MOST_VARIATIONS)(text)


def positive_number(text: str) -> float:
    """Return a number above 0."""
    number = _parse(float, text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number


def _parse(kind: Callable[[str], float], text: str) -> float:
    try:
        return kind(text)
    except ValueError:
        return math.nan


def named_numbers(form: str, example: str) -> Callable[[str], dict[str, float]]:
    """Return a reader of `name=number` pairs with commas between them.

    Args:
        form: what a pair is called, such as `NAME=WEIGHT`.
        example: of what is expected.
    """

    def read(text: str) -> dict[str, float]:
        try:
            pairs = [pair.split("=") for pair in text.split(",")]
            numbers = {name.strip(): float(number) for name, number in pairs}
            if len(numbers) < len(pairs):
                raise ValueError("a name is given twice")
            return numbers
        except ValueError as error:
            raise argparse.ArgumentTypeError(
                f"expected {form},{form}, each name once, such as {example}, got {text!r}"
            ) from error

    return read
