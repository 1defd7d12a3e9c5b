"""Request bodies of limited size and time, and clients that leave before the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from deepkoal.serving.limits import Account, Limits
from deepkoal.serving.status import ServingError

T = TypeVar("T")

_LEFT = "the client left"


async def read_body(request: Request, limits: Limits, account: Account, deadline: float) -> bytes:
    """Receive a request's body.

    Args:
        request: whose body nobody has read.
        limits: to its size.
        account: its bytes are taken from.
        deadline: in the event loop's time.

    Raises:
        ServingError: it is too large (HTTP's 413), too slow (408), the server holds too much,
            or the client left.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal():
        _check_size(int(declared), limits)
    chunks = []
    try:
        async with asyncio.timeout_at(deadline):
            async for chunk in request.stream():
                account.take(len(chunk))
                _check_size(account.taken, limits)
                chunks.append(chunk)
    except TimeoutError as error:
        raise ServingError(
            "DEADLINE_EXCEEDED", f"the request took longer than {limits.seconds:g} s to arrive", 408
        ) from error
    except ClientDisconnect as error:
        raise ServingError("CANCELLED", _LEFT) from error
    return b"".join(chunks)


async def until_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what work returns, or cancel it when the client leaves.

    Args:
        request: whose body was read.
        work: to be awaited.

    Raises:
        ServingError: CANCELLED, or what work raises.
    """
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_wait_for_disconnect(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ServingError("CANCELLED", _LEFT)
        return await task
    finally:
        task.cancel()
        gone.cancel()


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.request_bytes:
        raise ServingError(
            "INVALID_ARGUMENT",
            f"the request is larger than {limits.request_megabytes} MiB; send fewer or smaller "
            "photos at a time",
            413,
        )
