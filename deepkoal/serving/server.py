"""All of a server: its models, both interfaces, and an orderly end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from deepkoal.serving.grpc_api import start_rpc
from deepkoal.serving.http_server import name_url, open_port, serve_http, stop_signals
from deepkoal.serving.limits import Limits
from deepkoal.serving.rest_api import build_app
from deepkoal.serving.service import Service
from deepkoal.serving.upkeep import return_memory


def serve(
    folder: Path,
    *,
    host: str,
    rest_port: int,
    grpc_port: int,
    limits: Limits,
    tell: Callable[[str], None],
) -> None:
    """Serve all models of a folder until SIGTERM or SIGINT, then end what has begun.

    Args:
        folder: of `NAME/VERSION` folders; of each model the newest version is served, and newer
            ones as they come.
        host: to bind to.
        rest_port: 0 for any free one.
        grpc_port: likewise.
        limits: of the server.
        tell: is given a line for each thing that happens; one says where it listens.

    Raises:
        DeepkoalError: a port cannot be had, or no model could be loaded.
    """
    listener = open_port(host, rest_port, "--rest-port")

    async def run() -> None:
        with stop_signals() as stop:
            service = Service(folder, limits, tell)
            try:
                await service.start()
                await _answer(service, listener, host, grpc_port, stop, tell)
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
    tell: Callable[[str], None],
) -> None:
    """Answer requests until told to stop, then those that have begun."""
    seconds = service.limits.drain_seconds
    rpc, port = start_rpc(service, host, grpc_port)
    upkeep = [
        asyncio.create_task(service.repository.watch()),
        asyncio.create_task(return_memory(service.scheduler)),
    ]

    async def drain() -> None:
        await stop.wait()
        service.draining = True
        tell("stopping: requests that have begun are answered")
        await rpc.stop(seconds)

    def announce() -> None:
        tell(f"listening on {name_url(listener)} for REST, on port {port} for gRPC")

    try:
        app = build_app(service)
        await rpc.start()
        await asyncio.gather(serve_http(app, listener, stop, seconds, announce), drain())
    finally:
        for task in upkeep:
            task.cancel()
        await rpc.stop(None)
