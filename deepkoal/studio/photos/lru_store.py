"""A store of bounded size, from which the least recently used goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

from deepkoal.errors import DeepkoalError

T = TypeVar("T")


class GoneError(DeepkoalError):
    """Something that was opened and is no longer kept.

    Attributes:
        kind: the word for it.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class LruStore(Generic[T]):
    """Items under ids; past its bounds, the least recently used goes.

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

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def put(self, key: str, item: T, size: int) -> None:
        """Keep an item of `size` bytes under an id, in place of the one that had it."""
        with self._lock:
            self._items[key] = item, size
            self._items.move_to_end(key)
            while len(self._items) > 1 and (
                len(self._items) > self.most
                or sum(each for _, each in self._items.values()) > self.most_bytes
            ):
                self._items.popitem(last=False)

    def get(self, key: str) -> T:
        """Return an item.

        Raises:
            GoneError: it is not kept, or no longer.
        """
        with self._lock:
            if key not in self._items:
                raise GoneError(
                    f"this {self.kind} is no longer at hand, because the studio keeps the last "
                    f"{self.most} ready or was started anew; open it again",
                    self.kind,
                )
            self._items.move_to_end(key)
            return self._items[key][0]
