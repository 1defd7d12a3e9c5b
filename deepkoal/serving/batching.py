"""Two queues of requests, small and large, and the workers that run them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from deepkoal.serving.errors import ServingError
from deepkoal.serving.limits import Limits
from deepkoal.serving.metrics import Metrics
from deepkoal.serving.pace import LARGE_PIXELS, Pace
from deepkoal.serving.served_version import ServedVersion
from deepkoal.serving.signature import Arrays, Signature

_LOW_PRIORITY = 10  # nice's; 19 is the lowest


@dataclass(frozen=True, eq=False)
class Job:
    """A request in the queue.

    Attributes:
        served: the model, kept loaded until the job has run.
        signature: one of its signatures.
        inputs: as `Signature.check_inputs` wants them.
        outputs: names.
        deadline: in the event loop's time.
        pixels: of its photos, decoded.
        answer: its result is the outputs by name, or the error. An error that is raised would
            hold the frames that it went through, and so the request's photos, in a cycle.
    """

    served: ServedVersion
    signature: Signature
    inputs: Arrays
    outputs: tuple[str, ...]
    deadline: float
    pixels: int
    answer: asyncio.Future[Arrays | Exception]

    @property
    def rows(self) -> int:
        """The size of its batch."""
        return len(next(iter(self.inputs.values()))) if self.signature.is_batchable else 1

    def fits_batch_of(self, other: Job) -> bool:
        """Return whether both can be run as one batch."""
        return (
            self.signature.is_batchable
            and self.served is other.served
            and self.signature is other.signature
            and self.outputs == other.outputs
            and self.inputs.keys() == other.inputs.keys()
            and all(
                array.shape[1:] == other.inputs[name].shape[1:]
                for name, array in self.inputs.items()
            )
        )


@dataclass(eq=False)
class Lane:
    """A queue with workers of its own."""

    pool: ThreadPoolExecutor
    waiting: deque[Job] = field(default_factory=deque)
    running: list[Job] = field(default_factory=list)
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Batcher:
    """Bounded queues and their workers.

    A worker takes the oldest request and whatever else waits that can be run with it, up to
    `Limits.batch_rows`; it never waits for a batch to fill, so that a lone request is run at once.
    Where a batch fails, each of its requests is run alone: none suffers from another's photo.

    A request of more than `LARGE_PIXELS` goes to a lane of its own, whose one worker runs them
    alone and, on Linux, at a low priority: memory is bounded by the largest photo whatever comes,
    and small photos flow beside. One whose turn would come too late is refused at once, and takes
    no time from those that can be answered.

    Args:
        limits: queue length, workers, size of batches.
        metrics: the queue's length and the batches' sizes are recorded there.
    """

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self.runs = 0
        self.pace = Pace()
        self._small = Lane(ThreadPoolExecutor(limits.workers, "run"))
        self._large = Lane(ThreadPoolExecutor(1, "large", initializer=_lower_priority))
        lanes = [self._small] * limits.workers + [self._large]
        self._workers = [asyncio.create_task(self._work(lane)) for lane in lanes]

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._small.waiting) + len(self._large.waiting)

    @property
    def running(self) -> int:
        """How many requests run."""
        return len(self._small.running) + len(self._large.running)

    async def run(
        self,
        served: ServedVersion,
        signature: Signature,
        inputs: Arrays,
        outputs: tuple[str, ...],
        deadline: float,
        pixels: int = 0,
    ) -> Arrays:
        """Run a request and return its outputs; if cancelled, it is taken out of the queue.

        Args:
            served: the model.
            signature: one of its signatures.
            inputs: as `Signature.check_inputs` wants them.
            outputs: names.
            deadline: in the event loop's time.
            pixels: of its photos, see `count_pixels`.

        Raises:
            ServingError: RESOURCE_EXHAUSTED where the queue is full or its turn would come too
                late, DEADLINE_EXCEEDED, or the model's.
        """
        lane = self._choose_lane(pixels, deadline)
        job = Job(
            served,
            signature,
            inputs,
            outputs,
            deadline,
            pixels,
            asyncio.get_running_loop().create_future(),
        )
        lane.waiting.append(job)
        self._metrics.waiting.set(self.waiting)
        lane.wake.set()
        try:
            async with asyncio.timeout_at(deadline):
                outcome = await job.answer
        except TimeoutError as error:
            raise ServingError("DEADLINE_EXCEEDED", "the request's time is over") from error
        finally:
            if job in lane.waiting:
                lane.waiting.remove(job)
        if isinstance(outcome, Exception):
            try:
                raise outcome
            finally:
                del outcome, job  # as this frame becomes a part of the error
        return outcome

    async def close(self) -> None:
        """Stop the workers; what waits is not run."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        for lane in (self._small, self._large):
            await asyncio.to_thread(lane.pool.shutdown)

    def _choose_lane(self, pixels: int, deadline: float) -> Lane:
        """Return where a request is to wait.

        Raises:
            ServingError: RESOURCE_EXHAUSTED.
        """
        most = self._limits.requests
        lane = self._large if pixels > LARGE_PIXELS else self._small
        ahead = [*lane.running, *lane.waiting]
        # Half of all places at most: large ones, which wait long, are not to keep small ones out.
        is_full = lane is self._large and len(ahead) >= max(1, most // 2)
        if is_full or self.waiting + self.running >= most:
            raise ServingError(
                "RESOURCE_EXHAUSTED", f"{most} requests wait, as many as may; try again later"
            )
        if lane is self._large:
            seconds = deadline - asyncio.get_running_loop().time()
            self.pace.check(pixels, (job.pixels for job in ahead), seconds)
        return lane

    async def _work(self, lane: Lane) -> None:
        while True:
            while not lane.waiting:
                lane.wake.clear()
                await lane.wake.wait()
            # In a method of its own: a worker that waits holds no photos.
            await self._run_batch(lane, self._take_batch(lane))

    async def _run_batch(self, lane: Lane, batch: Sequence[Job]) -> None:
        self._metrics.waiting.set(self.waiting)
        lane.running.extend(batch)
        for job in batch:
            job.served.users += 1
        try:
            await self._answer(lane, batch)
        finally:
            self.runs += 1
            for job in batch:
                lane.running.remove(job)
                job.served.users -= 1

    def _take_batch(self, lane: Lane) -> list[Job]:
        batch = [lane.waiting.popleft()]
        rows, pixels = batch[0].rows, batch[0].pixels
        for job in tuple(lane.waiting):
            is_within = (
                rows + job.rows <= self._limits.batch_rows and pixels + job.pixels <= LARGE_PIXELS
            )
            if is_within and job.fits_batch_of(batch[0]):
                lane.waiting.remove(job)
                batch.append(job)
                rows, pixels = rows + job.rows, pixels + job.pixels
        return batch

    async def _answer(self, lane: Lane, batch: Sequence[Job]) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        batch = [job for job in batch if not job.answer.done() and job.deadline > start]
        if not batch:
            return
        seconds = max(job.deadline for job in batch) - start
        try:
            answers = await loop.run_in_executor(lane.pool, run_jobs, batch, seconds)
        except Exception as error:
            if len(batch) > 1:
                for job in batch:
                    await self._answer(lane, [job])
                return
            is_late = isinstance(error, ServingError) and error.code == "DEADLINE_EXCEEDED"
            if lane is self._large and is_late:
                self.pace.observe(batch[0].pixels, loop.time() - start)
            if not batch[0].answer.done():
                batch[0].answer.set_result(_without_frames(error))
            return
        if lane is self._large:
            self.pace.observe(batch[0].pixels, loop.time() - start)
        self._metrics.batch_rows.observe(sum(job.rows for job in batch))
        for job, outputs in zip(batch, answers, strict=True):
            if not job.answer.done():
                job.answer.set_result(outputs)


def run_jobs(batch: Sequence[Job], seconds: float) -> list[Arrays]:
    """Run jobs as one batch, and return the outputs of each.

    Raises:
        ServingError: the model's, or the outputs do not have the rows of the inputs.
    """
    first = batch[0]
    if len(batch) == 1:
        return [first.served.run(first.signature, first.inputs, first.outputs, seconds)]
    inputs = {name: np.concatenate([job.inputs[name] for job in batch]) for name in first.inputs}
    outputs = first.served.run(first.signature, inputs, first.outputs, seconds)
    ends = np.cumsum([job.rows for job in batch])
    if any(len(array) != ends[-1] for array in outputs.values()):
        raise ServingError("INTERNAL", "the outputs do not have the rows of the inputs")
    parts = {name: np.split(array, ends[:-1]) for name, array in outputs.items()}
    return [{name: parts[name][number] for name in parts} for number in range(len(batch))]


def _without_frames(error: Exception) -> Exception:
    """Return an error that holds none of the frames it went through; of a bug, they are kept."""
    if isinstance(error, ServingError):
        return ServingError(
            error.code, str(error), error.http_status, retry_seconds=error.retry_seconds
        )
    return error


def _lower_priority() -> None:
    """Let all others go first; threads that this one starts inherit it."""
    if sys.platform == "linux":  # elsewhere a priority is the whole process's
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)
