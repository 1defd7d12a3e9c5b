"""What REST and gRPC have in common for a client: the interface, attempts, certificates."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from deepkoal.errors import DeepkoalError
from deepkoal.serving.errors import Code, ServingError

T = TypeVar("T")
Array = np.ndarray[Any, Any]

RETRYABLE: frozenset[Code] = frozenset({"RESOURCE_EXHAUSTED", "UNAVAILABLE"})
"""What may be over in a moment: too much to do, starting, stopping, gone for now."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds


def retry(attempt: Callable[[float], T], attempts: int, seconds: float) -> T:
    """Call until it succeeds, with pauses that double and vary by chance; return its result.

    Chance spreads out clients that were all turned away at the same moment.

    Args:
        attempt: called with the seconds left, after which it raises.
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


@dataclass(frozen=True)
class ServedModel:
    """Which model, where, and how to get there, see `Client`.

    Attributes:
        address: for REST a URL, for gRPC `host:port`.
        model: its name.
        version: None for the newest.
        tls: whether to encrypt.
        verify: True, or a PEM file of certificates to trust instead of the system's; False checks
            none.
        headers: sent with each request; over gRPC as metadata.
    """

    address: str
    model: str
    version: int | None = None
    tls: bool = False
    verify: bool | str | Path = True
    headers: Mapping[str, str] = field(default_factory=dict)


class Transport(Protocol):
    """A way to a model."""

    def predict(self, signature: str, inputs: Mapping[str, Array], seconds: float) -> list[bytes]:
        """Send one request and return the strings of the signature's only output, in order.

        Args:
            signature: its name.
            inputs: by name; strings of dtype `object`, with bytes in them.
            seconds: from now until the whole answer is there.

        Raises:
            ServingError: there is no such answer.
        """

    def close(self) -> None:
        """Close the connections."""


def read_certificates(path: str | Path) -> bytes:
    """Return a PEM file of certificates.

    Raises:
        DeepkoalError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DeepkoalError(
            f"{path}: cannot be read ({error.strerror}); expected certificates as PEM"
        ) from error
