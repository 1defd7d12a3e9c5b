"""Queues of jobs, each with workers of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from deepkoal.serving.batching.jobs import Job
from deepkoal.serving.batching.pace import LARGE_PIXELS

_LOW_PRIORITY = 10  # nice's; 19 is the lowest


@dataclass(eq=False)
class Lane:
    """A queue with workers of its own."""

    pool: ThreadPoolExecutor
    waiting: deque[Job] = field(default_factory=deque)
    running: list[Job] = field(default_factory=list)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def take_batch(self, most_rows: int) -> list[Job]:
        """Return the oldest job that waits, and those that can be run with it.

        Args:
            most_rows: of them together.
        """
        batch = [self.waiting.popleft()]
        rows, pixels = batch[0].rows, batch[0].pixels
        for job in tuple(self.waiting):
            is_within = rows + job.rows <= most_rows and pixels + job.pixels <= LARGE_PIXELS
            if is_within and job.fits_batch_of(batch[0]):
                self.waiting.remove(job)
                batch.append(job)
                rows, pixels = rows + job.rows, pixels + job.pixels
        return batch


def lower_priority() -> None:
    """Let all others go first; threads that this one starts inherit it."""
    if sys.platform == "linux":  # elsewhere a priority is the whole process's
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)
