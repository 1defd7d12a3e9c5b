"""Work on many items by several threads: in order, begun only so far ahead, in bounded memory."""

from __future__ import annotations

import collections
import contextlib
import itertools
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def work_ahead(
    work: Callable[[S], T],
    items: Iterable[S],
    *,
    workers: int,
    ahead: int,
    stop: threading.Event,
) -> Generator[T]:
    """Yield `work(item)` for each item, in order, while threads work on the next ones.

    Args:
        work: is called in a thread; what it raises is raised where its result would come.
        items: to work on.
        workers: threads.
        ahead: items that are begun or done, at most, beside the one that is waited for.
        stop: is set when the iterator ends before the items do, so that `work` can give up early.
            The threads have ended when the iterator has.
    """
    pool = ThreadPoolExecutor(workers)
    remaining = iter(items)
    begun: collections.deque[Future[T]] = collections.deque()
    try:
        while True:
            for item in itertools.islice(remaining, ahead + 1 - len(begun)):
                begun.append(pool.submit(work, item))
            if not begun:
                return
            yield begun.popleft().result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


class PixelBudget:
    """Bounds how many pixels threads work on together; a larger photo is worked on alone.

    Args:
        pixels: in all.
    """

    def __init__(self, pixels: int) -> None:
        self._free = self._all = pixels
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def reserve(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for so many pixels, and take it for the block."""
        taken = min(pixels, self._all)
        with self._changed:
            self._changed.wait_for(lambda: taken <= self._free)
            self._free -= taken
        try:
            yield
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()
