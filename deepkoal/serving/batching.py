"""A queue of requests, and the workers that run them in small batches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from deepkoal.serving.errors import ServingError
from deepkoal.serving.limits import Limits
from deepkoal.serving.loading import ServedVersion
from deepkoal.serving.metrics import Metrics
from deepkoal.serving.signature import Arrays, Signature


@dataclass(frozen=True, eq=False)
class Job:
    """A request in the queue.

    Attributes:
        served: the model, kept loaded until the job has run.
        signature: one of its signatures.
        inputs: as `Signature.check_inputs` wants them.
        outputs: names.
        deadline: in the event loop's time.
        answer: its result is the outputs by name, or the error. An error that is raised would
            hold the frames that it went through, and so the request's photos, in a cycle.
    """

    served: ServedVersion
    signature: Signature
    inputs: Arrays
    outputs: tuple[str, ...]
    deadline: float
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
            and all(
                array.shape[1:] == other.inputs[name].shape[1:]
                for name, array in self.inputs.items()
            )
        )


class Batcher:
    """A bounded queue and its workers.

    A worker takes the oldest request and whatever else waits that can be run with it, up to
    `Limits.batch_rows`; it never waits for a batch to fill, so that a lone request is run at once.
    Where a batch fails, each of its requests is run alone: none suffers from another's photo.

    Args:
        limits: queue length, workers, size of batches.
        metrics: the queue's length and the batches' sizes are recorded there.
    """

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._waiting: deque[Job] = deque()
        self.running = 0
        self.runs = 0
        self._wake = asyncio.Event()
        self._pool = ThreadPoolExecutor(limits.workers, "run")
        self._workers = [asyncio.create_task(self._work()) for _ in range(limits.workers)]

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    async def run(
        self,
        served: ServedVersion,
        signature: Signature,
        inputs: Arrays,
        outputs: tuple[str, ...],
        deadline: float,
    ) -> Arrays:
        """Run a request and return its outputs; if cancelled, it is taken out of the queue.

        Raises:
            ServingError: RESOURCE_EXHAUSTED where the queue is full, DEADLINE_EXCEEDED, or the
                model's.
        """
        if self.waiting + self.running >= self._limits.requests:
            raise ServingError(
                "RESOURCE_EXHAUSTED",
                f"{self._limits.requests} requests wait, as many as may; try again later",
            )
        job = Job(
            served,
            signature,
            inputs,
            outputs,
            deadline,
            asyncio.get_running_loop().create_future(),
        )
        self._waiting.append(job)
        self._metrics.waiting.set(self.waiting)
        self._wake.set()
        try:
            async with asyncio.timeout_at(deadline):
                outcome = await job.answer
        except TimeoutError as error:
            raise ServingError("DEADLINE_EXCEEDED", "the request's time is over") from error
        finally:
            if job in self._waiting:
                self._waiting.remove(job)
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
        await asyncio.to_thread(self._pool.shutdown)

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            # In a method of its own: a worker that waits holds no photos.
            await self._run_batch(self._take_batch())

    async def _run_batch(self, batch: Sequence[Job]) -> None:
        self._metrics.waiting.set(self.waiting)
        self.running += len(batch)
        for job in batch:
            job.served.users += 1
        try:
            await self._answer(batch)
        finally:
            self.running -= len(batch)
            self.runs += 1
            for job in batch:
                job.served.users -= 1

    def _take_batch(self) -> list[Job]:
        batch = [self._waiting.popleft()]
        rows = batch[0].rows
        for job in tuple(self._waiting):
            if rows + job.rows <= self._limits.batch_rows and job.fits_batch_of(batch[0]):
                self._waiting.remove(job)
                batch.append(job)
                rows += job.rows
        return batch

    async def _answer(self, batch: Sequence[Job]) -> None:
        loop = asyncio.get_running_loop()
        batch = [job for job in batch if not job.answer.done()]
        if not batch:
            return
        seconds = max(job.deadline for job in batch) - loop.time()
        try:
            answers = await loop.run_in_executor(self._pool, run_jobs, batch, seconds)
        except Exception as error:
            if len(batch) > 1:
                for job in batch:
                    await self._answer([job])
            elif not batch[0].answer.done():
                batch[0].answer.set_result(_without_frames(error))
            return
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
        return ServingError(error.code, str(error), error.http_status)
    return error
