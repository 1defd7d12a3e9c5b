"""A web application on a port, until a signal stops the process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import uvicorn

from deepkoal.errors import DeepkoalError
from deepkoal.serving.http.connections import KEEP_ALIVE_SECONDS, Connection, Gate
from deepkoal.serving.limits import Limits


def open_port(host: str, port: int, option: str) -> socket.socket:
    """Return a socket bound to a port.

    Args:
        host: a name or address; only those of this machine's network cards can be bound to.
        port: 0 for any free one.
        option: that the user chooses the port by.

    Raises:
        DeepkoalError: it is taken, or there is no such host here.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise DeepkoalError(
            f"{host}:{port}: cannot listen there ({error.strerror}); choose another port with "
            f"{option}, or 0 for any free one"
        ) from error
    return listener


def name_url(listener: socket.socket) -> str:
    """Return the URL that a socket answers at."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Yield an event that SIGTERM or SIGINT sets; a second signal ends the process."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def leave() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)

    def set_stop() -> None:
        leave()
        stop.set()

    for number in numbers:
        loop.add_signal_handler(number, set_stop)
    try:
        yield stop
    finally:
        leave()


def build_gate(limits: Limits, **settings: Any) -> Gate:
    """Return the gate of a server with these limits; further settings are `Gate`'s."""
    return Gate(limits.connections, limits.client_connections, limits.idle_seconds, **settings)


async def serve_http(
    app: Any,
    listener: socket.socket,
    stop: asyncio.Event,
    drain_seconds: float,
    ready: Callable[[], None],
    gate: Gate | None = None,
) -> None:
    """Answer requests until `stop` is set, then those that have begun.

    Args:
        app: an ASGI application.
        listener: from `open_port`; closed at the end.
        stop: set by the caller.
        drain_seconds: how long requests that have begun may take.
        ready: called as soon as connections are accepted.
        gate: its connections; by `Limits` where None.
    """
    gate = build_gate(Limits()) if gate is None else gate
    config = uvicorn.Config(
        app,
        access_log=False,
        lifespan="off",
        http=partial(Connection, gate),  # type: ignore[arg-type]
        ws="none",
        # uvicorn's own would close what other libraries log to, stderr with absl's handler.
        log_config=None,
        log_level="error",
        server_header=False,
        timeout_graceful_shutdown=max(1, round(drain_seconds)),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    server = _Server(config)
    listener.listen(config.backlog)
    ready()
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
    finally:
        stopping.cancel()
        listener.close()


class _Server(uvicorn.Server):
    """Leaves signals alone: uvicorn would end the process by them once more at the end."""

    def capture_signals(self) -> contextlib.nullcontext[None]:  # type: ignore[override]
        return contextlib.nullcontext()
