"""Attempts at something that may fail for a moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from deepkoal.serving.status import Code, ServingError

T = TypeVar("T")

RETRYABLE: frozenset[Code] = frozenset({"RESOURCE_EXHAUSTED", "UNAVAILABLE"})
"""What may be over in a moment: too much to do, starting, stopping, gone for now."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds


def retry(attempt: Callable[[float], T], attempts: int, seconds: float) -> T:
    """Call until it succeeds, with pauses that double and vary by chance.

    Chance spreads out clients that were all turned away at the same moment.

    Args:
        attempt: is given the seconds left and returns the result.
        attempts: most calls.
        seconds: for all calls and pauses together.

    Raises:
        ServingError: of the last call; at once, where it is not among `RETRYABLE`.
    """
    deadline = time.monotonic() + seconds
    for number in range(attempts):
        try:
            return attempt(max(deadline - time.monotonic(), 0.001))
        except ServingError as error:
            pause = min(FIRST_PAUSE * 2**number, LONGEST_PAUSE) * random.uniform(0.5, 1)
            is_last = number == attempts - 1 or time.monotonic() + pause >= deadline
            if error.code not in RETRYABLE or is_last:
                raise
            time.sleep(pause)
    raise AssertionError
