"""Memory that requests have freed, given back now and then."""

from __future__ import annotations

import asyncio

from deepkoal.memory import return_freed_memory
from deepkoal.serving.batching import Batcher

PAUSE_SECONDS = 10.0
"""Between two times: so rare that it costs next to nothing."""


async def return_memory(scheduler: Batcher) -> None:
    """Give memory back again and again, but not where nothing has run since the last time.

    Args:
        scheduler: whose runs free it.
    """
    seen = 0
    while True:
        await asyncio.sleep(PAUSE_SECONDS)
        if scheduler.runs != seen:
            seen = scheduler.runs
            await asyncio.to_thread(return_freed_memory)
