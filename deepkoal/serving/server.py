"""A server: its models, both interfaces, memory returned to the system, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

from deepkoal.memory import return_freed_memory
from deepkoal.serving.batching.batcher import Batcher
from deepkoal.serving.grpc_api import build_grpc_server
from deepkoal.serving.http.http_server import (
    build_gate,
    name_url,
    open_port,
    serve_http,
    stop_signals,
)
from deepkoal.serving.http.rest_api import MONITORING_PATHS, build_app, build_monitoring_app
from deepkoal.serving.limits import Limits
from deepkoal.serving.service import Service
from deepkoal.serving.versions.opening import AUTO

MEMORY_PAUSE_SECONDS = 10.0
"""Between two returns of freed memory: so rare that it costs next to nothing."""


def serve(
    folder: Path,
    *,
    host: str,
    rest_port: int,
    grpc_port: int,
    limits: Limits,
    log: Callable[[str], None],
    monitoring_port: int | None = None,
    prepare: Callable[[], None] | None = None,
    backend: str = AUTO,
) -> None:
    """Serve all models of a folder until SIGTERM or SIGINT, then finish the requests that run.

    It answers from the start to the end: while models load and while it stops, requests get
    UNAVAILABLE, as does the question whether it is ready, and the one whether it lives gets a yes.

    Args:
        folder: of `NAME/VERSION` folders; of each model the newest version is served, and newer
            ones as they come.
        host: to bind to.
        rest_port: 0 for any free one.
        grpc_port: likewise.
        limits: of the server.
        log: called with a line for each event; one has the addresses.
        monitoring_port: of a listener for health and metrics alone; None for none.
        prepare: called before the folder is read, on another thread.
        backend: that runs the models, see `versions.opening.BACKENDS`.

    Raises:
        DeepkoalError: a port cannot be had, or no model could be loaded.
    """
    with contextlib.ExitStack() as listeners:
        listener = listeners.enter_context(open_port(host, rest_port, "--rest-port"))
        monitoring = None
        if monitoring_port is not None:
            monitoring = open_port(host, monitoring_port, "--monitoring-port")
            listeners.enter_context(monitoring)

        async def run() -> None:
            with stop_signals() as stop:
                service = Service(folder, limits, log, backend)
                rpc, port = build_grpc_server(service, host, grpc_port)
                places = f"{name_url(listener)} for REST, on port {port} for gRPC"
                if monitoring is not None:
                    places += f", on {name_url(monitoring)} for health and metrics"
                closing = asyncio.Event()
                answering = asyncio.create_task(
                    _answer_http(service, listener, monitoring, closing)
                )
                try:
                    await rpc.start()
                    log(f"loading models; health is answered meanwhile, on {places}")
                    await _load_and_wait(service, prepare, stop, f"listening on {places}")
                    await service.drain()
                finally:
                    closing.set()
                    await asyncio.gather(answering, rpc.stop(limits.drain_seconds))
                    await service.close()

        asyncio.run(run())


async def _answer_http(
    service: Service,
    listener: socket.socket,
    monitoring: socket.socket | None,
    closing: asyncio.Event,
) -> None:
    """Answer over HTTP until `closing` is set."""
    seconds, metrics = service.limits.drain_seconds, service.metrics

    def count(reason: str) -> None:
        metrics.refused.labels(reason).inc()

    gate = build_gate(service.limits, exempt=MONITORING_PATHS, count=count)
    metrics.connections.set_function(lambda: len(gate.open))
    serving = [serve_http(build_app(service), listener, closing, seconds, lambda: None, gate)]
    if monitoring is not None:
        app = build_monitoring_app(service)
        serving.append(serve_http(app, monitoring, closing, seconds, lambda: None))
    await asyncio.gather(*serving)


async def _load_and_wait(
    service: Service, prepare: Callable[[], None] | None, stop: asyncio.Event, ready: str
) -> None:
    """Load the models, log that they are ready, keep them up to date, and return on `stop`."""

    async def work() -> None:
        if prepare is not None:
            await asyncio.to_thread(prepare)
        await service.start()
        service.log(ready)
        await asyncio.gather(service.repository.watch(), return_memory(service.batcher))

    working = asyncio.create_task(work())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working  # which raises
        service.log("stopping: requests that have begun are answered")
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def return_memory(batcher: Batcher) -> None:
    """Return freed memory to the system again and again, where something has run meanwhile.

    Args:
        batcher: whose runs free memory.
    """
    runs = 0
    while True:
        await asyncio.sleep(MEMORY_PAUSE_SECONDS)
        if batcher.runs != runs:
            runs = batcher.runs
            await asyncio.to_thread(return_freed_memory)
