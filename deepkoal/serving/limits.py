"""What a server takes on at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deepkoal.errors import DeepkoalError
from deepkoal.serving.status import ServingError

REST_PORT = 8501
GRPC_PORT = 8500
"""Where a server listens, as TensorFlow Serving does."""

MEGABYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """A server's limits. Each has one default, here.

    Attributes:
        request_megabytes: largest request; a 50-megapixel JPEG in base64 is smaller.
        held_megabytes: largest sum of all requests that were received, in part or whole, and are
            not answered yet.
        requests: how many requests may wait or run.
        seconds: from a request's first byte to its answer.
        drain_seconds: how long running requests may take to end after the server was told to stop.
        workers: how many batches run at a time.
        batch_rows: most rows in a batch of several requests. 4 was measured on two cores to be as
            good as 8 or more; the pay is small, for a network that takes photos one by one.
    """

    request_megabytes: int = 64
    held_megabytes: int = 512
    requests: int = 64
    seconds: float = 30.0
    drain_seconds: float = 30.0
    workers: int = 0
    batch_rows: int = 4

    def __post_init__(self) -> None:
        """Take as many workers as there are cores where none are named, and reject nonsense."""
        if not self.workers:
            object.__setattr__(self, "workers", _count_cores())
        for name, value in vars(self).items():
            if not value > 0:
                raise DeepkoalError(f"{name} must be above 0, not {value}")

    @property
    def request_bytes(self) -> int:
        """`request_megabytes` in bytes."""
        return self.request_megabytes * MEGABYTE


class Budget:
    """Counts the bytes of all requests being held.

    Args:
        limits: say how many there may be.
    """

    def __init__(self, limits: Limits) -> None:
        self.held = 0
        self._most = limits.held_megabytes * MEGABYTE

    @contextmanager
    def open(self) -> Iterator[Account]:
        """Yield an account of one request, whose bytes are given back at the end."""
        account = Account(self)
        try:
            yield account
        finally:
            self.held -= account.taken

    def take(self, count: int) -> None:
        """Count further bytes.

        Raises:
            ServingError: RESOURCE_EXHAUSTED; nothing was counted.
        """
        if self.held + count > self._most:
            raise ServingError(
                "RESOURCE_EXHAUSTED",
                f"the server holds {self._most // MEGABYTE} MiB of requests, as many as it may; "
                "try again later",
            )
        self.held += count


class Account:
    """The bytes of one request."""

    def __init__(self, budget: Budget) -> None:
        self.taken = 0
        self._budget = budget

    def take(self, count: int) -> None:
        """Count further bytes of this request, see `Budget.take`."""
        self._budget.take(count)
        self.taken += count


def _count_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
