"""A part of a film's way done by a thread of its own, while the next works on earlier frames.

The parts are generators, one behind another: reading and the network, what it says of each frame,
averaging and writing. OpenCV, NumPy, FFmpeg and the backends release the interpreter as they work.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class _End:
    """Comes behind the last item: with what was raised, if anything was."""

    error: BaseException | None = None


def run_ahead(items: Iterator[Item], count: int) -> Generator[Item]:
    """Yield items that a thread takes out of an iterator, up to `count` more than were asked for.

    What the iterator raises is raised here, behind the items before it. Closed early, this waits
    until the iterator has given the item that it is at, and is closed.

    Args:
        items: the iterator, which is used by that thread alone.
        count: of items that wait at most, at least 1.
    """
    waiting: queue.Queue[Any] = queue.Queue(count)
    stop = threading.Event()

    def work() -> None:
        end = _End()
        try:
            for item in items:
                waiting.put(item)
                if stop.is_set():
                    break
            close: Callable[[], None] = getattr(items, "close", lambda: None)
            close()
        except BaseException as error:  # it is raised where the items are asked for
            end = _End(error)
        waiting.put(end)

    thread = threading.Thread(target=work, name="frames", daemon=True)
    thread.start()
    found: Any = None
    try:
        while not isinstance(found := waiting.get(), _End):
            yield found
        if found.error is not None:
            raise found.error
    finally:
        stop.set()
        while not isinstance(found, _End):
            found = waiting.get()
        thread.join()
