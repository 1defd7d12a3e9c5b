"""Keeps what was opened, within bounds."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import Generic, TypeVar

from deepkoal.errors import DeepkoalError

T = TypeVar("T")


class GoneError(DeepkoalError):
    """What was opened once and is kept no longer."""


class LruStore(Generic[T]):
    """Things under ids that cannot be guessed; where there are too many, the longest unused goes.

    Args:
        what: the things are, for messages.
        most: of them.
        most_bytes: that they may take together; a single larger one is kept alone.
    """

    def __init__(self, what: str, most: int, most_bytes: int) -> None:
        self.what = what
        self.most = most
        self.most_bytes = most_bytes
        self._things: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._things)

    def put(self, thing: T, size: int) -> str:
        """Keep a thing of so many bytes; return its id."""
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._things[key] = thing, size
            while len(self._things) > 1 and (
                len(self._things) > self.most
                or sum(each for _, each in self._things.values()) > self.most_bytes
            ):
                self._things.popitem(last=False)
        return key

    def get(self, key: str) -> T:
        """Return a thing.

        Raises:
            GoneError: it is not kept, or no longer.
        """
        with self._lock:
            if key not in self._things:
                raise GoneError(
                    f"this {self.what} is no longer at hand, because the studio keeps the last "
                    f"{self.most} only or was started anew; open it again"
                )
            self._things.move_to_end(key)
            return self._things[key][0]
