"""How long large photos take, by those that were run, and which can still be answered in time."""

from __future__ import annotations

import math
from collections.abc import Iterable

from deepkoal.serving.errors import ServingError

LARGE_PIXELS = 4_000_000
"""Requests with more pixels run alone, one at a time, beside the small ones."""

_FIRST_GUESS = 0.2e-6  # seconds a pixel, before any was run
_LATEST_SHARE = 0.3


class Pace:
    """Seconds that a pixel of a large photo takes: a running mean, the latest weighing most."""

    def __init__(self) -> None:
        self._seconds = _FIRST_GUESS

    def observe(self, pixels: int, seconds: float) -> None:
        """Learn from a request that was run."""
        self._seconds += _LATEST_SHARE * (seconds / pixels - self._seconds)

    def check(self, pixels: int, ahead: Iterable[int], seconds: float) -> None:
        """Make sure that a request can be answered in its time, behind those that came first.

        Args:
            pixels: the request's.
            ahead: pixels of each request that runs or waits. Where there is none, all are let in:
                the pace may be a wrong guess.
            seconds: until the request's deadline.

        Raises:
            ServingError: RESOURCE_EXHAUSTED, with how long to wait before it is sent again.
        """
        waiting = sum(ahead)
        needed = self._seconds * (waiting + pixels)
        if waiting and needed > seconds:
            raise ServingError(
                "RESOURCE_EXHAUSTED",
                f"large photos of {waiting / 1e6:.0f} megapixels wait, and this one's turn would "
                f"come too late; try again later, or send smaller photos",
                retry_seconds=max(1, math.ceil(needed - seconds)),
            )
