"""A photo's rows worked on in bands, on the few threads that a process keeps for it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from deepkoal.memory import count_cores

THREADS = min(8, count_cores())
"""More than these gain nothing: memory is read and written more than computed with."""
BAND_PIXELS = 65536
"""Pixels in a band: few enough for the cache, enough that calls cost little beside their work."""


def work_in_bands(height: int, width: int, threads: int, work: Callable[[int, int], None]) -> None:
    """Call work(top, bottom) for bands of rows that cover a photo, `threads` at a time."""
    rows = max(1, BAND_PIXELS // width)
    bands = [(top, min(top + rows, height)) for top in range(0, height, rows)]
    threads = max(1, min(threads, len(bands)))

    def work_some(first: int) -> None:
        for band in bands[first::threads]:
            work(*band)

    others = [_keep_pool().submit(work_some, first) for first in range(1, threads)]
    work_some(0)
    for each in others:
        each.result()


@functools.cache
def _keep_pool() -> ThreadPoolExecutor:
    """Return this process's threads: of each that ends, OpenCV would keep a kilobyte for ever."""
    return ThreadPoolExecutor(THREADS, "bands")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_pool.cache_clear)  # which has none of the threads
