"""Work on many photos at once, with a bar of progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from tqdm import tqdm

S = TypeVar("S")
T = TypeVar("T")


class Workers:
    """A thread for each core. NumPy and OpenCV release the interpreter's lock.

    Args:
        progress: draw a bar on stderr for each piece of work.
    """

    def __init__(self, *, progress: bool = False) -> None:
        self._progress = progress
        self._pool = ThreadPoolExecutor(os.cpu_count())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def iterate(self, work: Callable[[S], T], items: Sequence[S], doing: str) -> Iterator[T]:
        """Yield the result for each item, in order, as soon as it is there."""
        return self.watch(self._pool.map(work, items), len(items), doing)

    def map(self, work: Callable[[S], T], items: Sequence[S], doing: str) -> list[T]:
        """Return the result for each item, in order."""
        return list(self.iterate(work, items, doing))

    def watch(self, results: Iterable[T], total: int, doing: str) -> Iterator[T]:
        """Yield what comes, with a bar."""
        yield from tqdm(
            results, doing, total, leave=False, unit=" photos", disable=not self._progress
        )
