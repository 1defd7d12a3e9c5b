"""Two lanes of requests, small and large, and what is admitted to them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from deepkoal.serving.batching.jobs import Job, run_jobs, without_frames
from deepkoal.serving.batching.lanes import Lane, lower_priority
from deepkoal.serving.batching.pace import LARGE_PIXELS, Pace
from deepkoal.serving.errors import ServingError
from deepkoal.serving.limits import Limits
from deepkoal.serving.metrics import Metrics
from deepkoal.serving.tensors.signature import Arrays, Signature
from deepkoal.serving.versions.served_version import ServedVersion


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
        self._large = Lane(ThreadPoolExecutor(1, "large", initializer=lower_priority))
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
            await self._run_batch(lane, lane.take_batch(self._limits.batch_rows))

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
                batch[0].answer.set_result(without_frames(error))
            return
        if lane is self._large:
            self.pace.observe(batch[0].pixels, loop.time() - start)
        self._metrics.batch_rows.observe(sum(job.rows for job in batch))
        for job, outputs in zip(batch, answers, strict=True):
            if not job.answer.done():
                job.answer.set_result(outputs)
