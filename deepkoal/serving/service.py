"""The calls that REST and gRPC share: predict, status, metadata, metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from deepkoal.errors import DeepkoalError
from deepkoal.serving.batching.batcher import Batcher
from deepkoal.serving.batching.photo_sizes import count_pixels
from deepkoal.serving.errors import CODES, ServingError
from deepkoal.serving.limits import Limits, MemoryBudget
from deepkoal.serving.metrics import Metrics, Request
from deepkoal.serving.tensors.messages import (
    STATE_NUMBERS,
    GetModelMetadataResponse,
    GetModelStatusResponse,
    SignatureDefMap,
)
from deepkoal.serving.tensors.signature import Arrays, Signature
from deepkoal.serving.versions.opening import AUTO, FILES
from deepkoal.serving.versions.repository import Repository
from deepkoal.serving.versions.served_version import ServedVersion

SIGNATURE_FIELD = "signature_def"
"""The only field of metadata."""


class Service:
    """The models of a folder, and the queue before them.

    Must be created in a running event loop.

    Args:
        folder: of `NAME/VERSION` folders.
        limits: of the server.
        log: called with a line for each event.
        backend: that runs the models, see `versions.opening.BACKENDS`.
    """

    def __init__(
        self, folder: Path, limits: Limits, log: Callable[[str], None], backend: str = AUTO
    ) -> None:
        self.limits = limits
        self.budget = MemoryBudget(limits)
        self.metrics = Metrics()
        self.repository = Repository(folder, log, backend)
        self.state = "starting"
        self.active = 0
        self.log = log
        self._folder, self._backend = folder, backend
        self.batcher = Batcher(limits, self.metrics)

    async def start(self) -> None:
        """Load all models; from then on requests are welcome.

        Raises:
            DeepkoalError: there is none.
        """
        await self.repository.refresh(settled=False)
        if not self.repository.versions:
            raise DeepkoalError(
                f"{self._folder}: no model could be loaded; expected a folder that holds "
                f"NAME/VERSION/{FILES[self._backend]}, as deepkoal export writes it"
            )
        self.state = "running"

    @property
    def is_ready(self) -> bool:
        """Whether requests are welcome."""
        return bool(self.repository.versions) and self.state == "running"

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Count a request among those to be answered before the server ends.

        Raises:
            ServingError: UNAVAILABLE, while the server starts or stops.
        """
        if self.state != "running":
            raise ServingError("UNAVAILABLE", f"the server is {self.state}; try again later")
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1

    async def drain(self) -> None:
        """Take no more requests, and wait until those that have begun are answered.

        At most `Limits.drain_seconds`.
        """
        self.state = "stopping"
        with suppress(TimeoutError):
            async with asyncio.timeout(self.limits.drain_seconds):
                while self.active:
                    await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Stop the workers and unload all models."""
        await self.batcher.close()
        await self.repository.close()

    @contextmanager
    def use(
        self, request: Request, name: str, version: int | None, label: str
    ) -> Iterator[ServedVersion]:
        """Yield a model for a request, and label the request with it, see `Repository.use`."""
        with self.repository.use(name, version, label) as served:
            request.model = name
            yield served

    async def predict(
        self,
        request: Request,
        served: ServedVersion,
        signature: Signature,
        inputs: Arrays,
        output_filter: tuple[str, ...],
        deadline: float,
    ) -> Arrays:
        """Run a request, see `Batcher.run`."""
        request.signature = signature.name
        outputs = signature.choose_outputs(output_filter)
        pixels = await asyncio.to_thread(count_pixels, inputs)
        return await self.batcher.run(served, signature, inputs, outputs, deadline, pixels)

    def render_metrics(self) -> bytes:
        """Return metrics in Prometheus's text form."""
        self.metrics.held.set(self.budget.held)
        self.metrics.version.clear()
        for name, version in self.repository.versions.items():
            self.metrics.version.labels(name).set(version)
        return self.metrics.render()

    def get_status(self, name: str, version: int | None, label: str) -> Any:
        """Return a model's `GetModelStatusResponse`.

        Raises:
            ServingError: NOT_FOUND, INVALID_ARGUMENT for a label.
        """
        if label:
            with self.repository.use(name, version, label):
                pass
        response = GetModelStatusResponse()
        for number, found in self.repository.list_states(name, version).items():
            entry = response.model_version_status.add()
            entry.version = number
            entry.state = STATE_NUMBERS[found.state]
            entry.status.error_code = CODES.index(found.code)
            entry.status.error_message = found.message
        return response

    def get_metadata(self, name: str, version: int | None, label: str) -> tuple[Any, Any]:
        """Return a model's `GetModelMetadataResponse`, and the `SignatureDefMap` packed in it.

        Raises:
            ServingError: NOT_FOUND, INVALID_ARGUMENT for a label.
        """
        with self.repository.use(name, version, label) as served:
            signatures = SignatureDefMap(signature_def=served.definitions)
            response = GetModelMetadataResponse()
            response.model_spec.name = served.name
            response.model_spec.version.value = served.version
            response.metadata[SIGNATURE_FIELD].Pack(signatures)
            return response, signatures
