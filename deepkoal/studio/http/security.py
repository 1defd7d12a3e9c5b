"""Refusal of other web pages' requests, and the headers that confine the studio's own page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deepkoal.serving.errors import printable

OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


class SecurityMiddleware:
    """Passes requests of the studio's own page to an ASGI app, and refuses all others.

    The server listens on this machine alone, but other web pages run on this machine too. One of
    a foreign site is recognized by its `Origin`; one whose name was made to point here (DNS
    rebinding) by `Host`. The headers of answers forbid the page all that is not served here.

    Args:
        app: the app that answers.
        most_bytes: largest body of a request.
    """

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self.app = app
        self.most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_confined(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if scope["type"] == "http":
            refusal = self._refuse(scope["method"], Headers(scope=scope))
            app = self.app if refusal is None else refusal
            await app(scope, receive, send_confined)
        elif scope["type"] == "lifespan":
            await self.app(scope, receive, send)

    def _refuse(self, method: str, headers: Headers) -> JSONResponse | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if _name_of(host) not in OWN_NAMES:
            return answer_error(403, f"the studio is not known as {host!r}; use its own address")
        if origin is not None and origin != f"http://{host}":
            return answer_error(403, f"the studio takes nothing from {origin}; use its own page")
        if method in ("GET", "HEAD"):
            return None
        length = headers.get("content-length", "")
        if not length.isdecimal():
            return answer_error(411, "expected a request with its length (Content-Length)")
        if int(length) > self.most_bytes:
            return answer_error(
                413,
                f"the file has {int(length) / 1e6:.3g} MB, the studio takes "
                f"{self.most_bytes / 1e6:.3g}; save it smaller",
            )
        return None


def _name_of(host: str) -> str | None:
    """Return the name in a `Host` header; None where there is none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:  # as of a lone bracket
        return None


def answer_error(status: int, message: Any, **more: str) -> JSONResponse:
    """Return an error as the page expects it: one line of any characters, `{"error": …}`."""
    return JSONResponse({"error": printable(" ".join(str(message).split())), **more}, status)
