"""The limits of a server, and the memory that its requests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deepkoal.errors import DeepkoalError
from deepkoal.memory import count_cores
from deepkoal.serving.errors import ServingError

REST_PORT = 8501
GRPC_PORT = 8500
"""Where a server listens, as TensorFlow Serving does."""

MEGABYTE = 2**20
_HELD_REQUESTS = 8
"""How many of the largest requests the server holds at a time, where no number is given."""


@dataclass(frozen=True)
class Limits:
    """A server's limits. Each has one default, here.

    Attributes:
        request_megabytes: largest request; a 50-megapixel JPEG in base64 is smaller.
        request_values: most JSON values or protobuf fields in a request. A photo is two; lightness
            for the signature `ab` is two a pixel in JSON, and one field over gRPC.
        held_megabytes: largest sum of all requests that were received, in part or whole, and are
            not answered yet, with what parsing makes of them; 0 for eight of the largest.
        requests: how many requests may wait or run.
        seconds: from a request's first byte to its answer.
        idle_seconds: how long a request may pause while it arrives, header or body.
        connections: HTTP's, at a time.
        client_connections: likewise, from one address.
        drain_seconds: how long running requests may take to end after the server was stopped.
        workers: how many batches run at a time; 0 for one a core.
        batch_rows: most rows in a batch of several requests. 4 was measured on two cores to be as
            good as 8 or more; the gain is small, for a network that takes photos one by one.
    """

    request_megabytes: int = 64
    request_values: int = 2**20
    held_megabytes: int = 0
    requests: int = 64
    seconds: float = 30.0
    idle_seconds: float = 10.0
    connections: int = 512
    client_connections: int = 256
    drain_seconds: float = 30.0
    workers: int = 0
    batch_rows: int = 4

    def __post_init__(self) -> None:
        """Fill in the limits that follow from others or from the machine, and check all.

        Raises:
            DeepkoalError: a limit is not above 0.
        """
        if not self.workers:
            object.__setattr__(self, "workers", count_cores())
        if not self.held_megabytes:
            object.__setattr__(self, "held_megabytes", _HELD_REQUESTS * self.request_megabytes)
        for name, value in vars(self).items():
            if not value > 0:
                raise DeepkoalError(f"{name} must be above 0, not {value}")

    @property
    def request_bytes(self) -> int:
        """`request_megabytes` in bytes."""
        return self.request_megabytes * MEGABYTE


class MemoryBudget:
    """The memory that requests may take together.

    Attributes:
        held: bytes reserved now.

    Args:
        limits: set how many bytes there are.
    """

    def __init__(self, limits: Limits) -> None:
        self.held = 0
        self.most = limits.held_megabytes * MEGABYTE

    @contextmanager
    def reserve(self) -> Iterator[Reservation]:
        """Yield one request's reservation, empty at first; all of it is released at the end."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self.held -= reservation.size


class Reservation:
    """The memory of one request. Belongs to the event loop's thread.

    Attributes:
        size: bytes.
    """

    def __init__(self, budget: MemoryBudget) -> None:
        self.size = 0
        self._budget = budget

    def add(self, count: int) -> None:
        """Reserve `count` bytes more, or release some where it is negative.

        Raises:
            ServingError: INVALID_ARGUMENT (HTTP's 413) for more than the server has at all,
                RESOURCE_EXHAUSTED for more than it has now. Nothing was reserved.
        """
        budget = self._budget
        if self.size + count > budget.most:
            raise ServingError(
                "INVALID_ARGUMENT",
                f"the request needs {(self.size + count) / MEGABYTE:.0f} MiB to be read, more than "
                f"the {budget.most // MEGABYTE} MiB for all requests; send fewer or smaller photos "
                "at a time",
                413,
            )
        if budget.held + count > budget.most:
            raise ServingError(
                "RESOURCE_EXHAUSTED",
                f"the server holds {budget.most // MEGABYTE} MiB of requests, as many as it may; "
                "try again later",
            )
        budget.held += count
        self.size += count


def error_too_large(limits: Limits) -> ServingError:
    """Return the error of a request with more bytes than `Limits.request_megabytes`."""
    return ServingError(
        "INVALID_ARGUMENT",
        f"the request is larger than {limits.request_megabytes} MiB; send fewer or smaller photos "
        "at a time",
        413,
    )


def error_too_many_values(limits: Limits) -> ServingError:
    """Return the error of a request with more values than `Limits.request_values`."""
    return ServingError(
        "INVALID_ARGUMENT",
        f"the request has more than {limits.request_values} values; send fewer at a time, or send "
        "tensors as bytes over gRPC",
        413,
    )
