"""Requests as jobs: which can be run together, and what becomes of each that is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepkoal.serving.errors import ServingError
from deepkoal.serving.tensors.signature import Arrays, Signature
from deepkoal.serving.versions.served_version import ServedVersion


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


def without_frames(error: Exception) -> Exception:
    """Return an error that holds none of the frames it went through; of a bug, they are kept."""
    if isinstance(error, ServingError):
        return ServingError(
            error.code, str(error), error.http_status, retry_seconds=error.retry_seconds
        )
    return error
