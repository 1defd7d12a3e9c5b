"""A server: its models, both interfaces, memory returned to the system, and an orderly end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from deepkoal.memory import return_freed_memory
from deepkoal.serving.batching import Batcher
from deepkoal.serving.grpc_api import build_grpc_server
from deepkoal.serving.http_server import name_url, open_port, serve_http, stop_signals
from deepkoal.serving.limits import Limits
from deepkoal.serving.rest_api import build_app
from deepkoal.serving.service import Service

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
) -> None:
    """Serve all models of a folder until SIGTERM or SIGINT, then finish the requests that run.

    Args:
        folder: of `NAME/VERSION` folders; of each model the newest version is served, and newer
            ones as they come.
        host: to bind to.
        rest_port: 0 for any free one.
        grpc_port: likewise.
        limits: of the server.
        log: called with a line for each event; one has the addresses.

    Raises:
        DeepkoalError: a port cannot be had, or no model could be loaded.
    """
    listener = open_port(host, rest_port, "--rest-port")

    async def run() -> None:
        with stop_signals() as stop:
            service = Service(folder, limits, log)
            try:
                await service.start()
                await _answer(service, listener, host, grpc_port, stop, log)
            finally:
                await service.close()

    try:
        asyncio.run(run())
    finally:
        listener.close()


async def _answer(
    service: Service,
    listener: socket.socket,
    host: str,
    grpc_port: int,
    stop: asyncio.Event,
    log: Callable[[str], None],
) -> None:
    """Answer requests until `stop` is set, then those that have begun."""
    seconds = service.limits.drain_seconds
    rpc, port = build_grpc_server(service, host, grpc_port)
    background = [
        asyncio.create_task(service.repository.watch()),
        asyncio.create_task(return_memory(service.batcher)),
    ]

    async def drain() -> None:
        await stop.wait()
        service.draining = True
        log("stopping: requests that have begun are answered")
        await rpc.stop(seconds)

    def announce() -> None:
        log(f"listening on {name_url(listener)} for REST, on port {port} for gRPC")

    try:
        app = build_app(service)
        await rpc.start()
        await asyncio.gather(serve_http(app, listener, stop, seconds, announce), drain())
    finally:
        for task in background:
            task.cancel()
        await rpc.stop(None)


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
