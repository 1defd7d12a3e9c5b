"""HTTP connections: how many there may be, and how long one may keep the server waiting.

uvicorn bounds neither the time a header takes to arrive nor the number of connections from one
address, and past its limit refuses all requests, those for health included.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

KEEP_ALIVE_SECONDS = 60
RETRY_SECONDS = 1
_SPARE = 64
"""Connections past the limit that are still answered: with 503, or about health."""


class Gate:
    """The open connections of a server, and which further ones are let in.

    Where there are as many as may be, the one that has been idle for longest gives way: it has
    sent no request, or not all of a header. Only where all are at work is a new one refused, with
    503, or 429 where it is the client that has too many.

    Args:
        most: connections at a time.
        most_of_client: likewise from one address.
        idle_seconds: how long a header may take to arrive.
        exempt: paths that are answered nevertheless.
        count: called with the reason whenever a connection is refused or cut off.
    """

    def __init__(
        self,
        most: int,
        most_of_client: int,
        idle_seconds: float,
        exempt: Collection[str] = (),
        count: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self.most, self.most_of_client = most, most_of_client
        self.idle_seconds, self.exempt, self.count = idle_seconds, exempt, count
        self.open: dict[Connection, None] = {}  # in order of their coming
        self._of_client: Counter[str] = Counter()

    def enter(self, connection: Connection) -> tuple[int, str] | None:
        """Take a connection in; return the status and reason that it is refused with, if it is."""
        client = connection.client_address
        refusal = None
        if self._of_client[client] >= self.most_of_client and not self._evict(client):
            refusal = (429, "too many connections from this address")
        elif len(self.open) >= self.most and not self._evict(None):
            refusal = (503, "too many connections")
        self.open[connection] = None
        self._of_client[client] += 1
        return refusal

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        if connection in self.open:
            del self.open[connection]
            client = connection.client_address
            self._of_client[client] -= 1
            if not self._of_client[client]:
                del self._of_client[client]

    def _evict(self, client: str | None) -> bool:
        """Close the connection that is idle for longest, of a client or of all, if one is."""
        idle = [
            connection
            for connection in self.open
            if connection.is_idle and client in (None, connection.client_address)
        ]
        if not idle:
            return False
        oldest = min(idle, key=lambda connection: connection.idle_since)
        self.count("idle, gave way")
        self.leave(oldest)
        oldest.transport.abort()
        return True


class Connection(H11Protocol):
    """A connection that a gate let in.

    Args:
        gate: of the server.
        settings: uvicorn's.
    """

    def __init__(self, gate: Gate, **settings: Any) -> None:
        super().__init__(**settings)
        self._gate = gate
        self._timer: asyncio.TimerHandle | None = None
        self.client_address = ""
        self.idle_since = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether no request is being read, run or answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self.client_address = self.client[0] if self.client else ""
        self.idle_since = self.loop.time()
        refusal = self._gate.enter(self)
        if refusal is not None:
            self._gate.count(refusal[1])
            if len(self._gate.open) > self._gate.most + _SPARE:
                transport.abort()
                return
            self.app = _refuse_others(self.app, *refusal, exempt=self._gate.exempt)
        self._watch_header()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._gate.leave(self)
        self._stop_watching()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and self.is_idle:
            self._watch_header()
        else:
            self._stop_watching()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.idle_since = self.loop.time()
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Close; a client that does not fetch its answer is cut off."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(KEEP_ALIVE_SECONDS, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form of all errors."""
        status = getattr(sys.exception(), "error_status_hint", 400)
        self._answer(status, f"Malformed request: {msg}")

    def _watch_header(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._gate.idle_seconds, self._give_up)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        self._gate.count("header too slow")
        if self.conn.trailing_data[0]:
            self._answer(408, f"no whole header came in {self._gate.idle_seconds:g} s")
        else:
            self.transport.close()

    def _answer(self, status: int, message: str) -> None:
        """Answer before there is a request, and close."""
        body, headers = _write_error(status, message)
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            reason = HTTPStatus(status).phrase.encode()
            response = h11.Response(status_code=status, headers=headers, reason=reason)
            for event in (response, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _write_error(status: int, message: str) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Return the body and headers of an error, after which the connection is closed."""
    body = json.dumps({"error": message}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if status in (429, 503):
        headers.append((b"retry-after", str(RETRY_SECONDS).encode()))
    return body, headers


def _refuse_others(app: Any, status: int, reason: str, exempt: Collection[str]) -> Any:
    """Return an application that answers exempt paths, and refuses all others."""
    body, headers = _write_error(status, f"{reason}; try again later")

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] in exempt:
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer
