"""A store of bounded size, from which the least recently used goes first."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import Generic, TypeVar

from deepkoal.errors import DeepkoalError

T = TypeVar("T")


class GoneError(DeepkoalError):
    """Something that was opened and is no longer kept."""


class LruStore(Generic[T]):
    """Items under ids that cannot be guessed; past its bounds, the least recently used goes.

    Args:
        kind: the word for an item in messages.
        most: largest number of items.
        most_bytes: largest sum of their sizes; a single larger one is kept alone.
    """

    def __init__(self, kind: str, most: int, most_bytes: int) -> None:
        self.kind = kind
        self.most = most
        self.most_bytes = most_bytes
        self._items: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T, size: int) -> str:
        """Keep an item of `size` bytes; return its id."""
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._items[key] = item, size
            while len(self._items) > 1 and (
                len(self._items) > self.most
                or sum(each for _, each in self._items.values()) > self.most_bytes
            ):
                self._items.popitem(last=False)
        return key

    def get(self, key: str) -> T:
        """Return an item.

        Raises:
            GoneError: it is not kept, or no longer.
        """
        with self._lock:
            if key not in self._items:
                raise GoneError(
                    f"this {self.kind} is no longer at hand, because the studio keeps the last "
                    f"{self.most} only or was started anew; open it again"
                )
            self._items.move_to_end(key)
            return self._items[key][0]
