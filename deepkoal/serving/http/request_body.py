"""Request bodies of limited size and time, and clients that leave before the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from deepkoal.serving.errors import ServingError
from deepkoal.serving.limits import Limits, Reservation, error_too_large

T = TypeVar("T")

_LEFT = "the client left"

# Up to so many times the limit is received and thrown away, for a client that is cut off while it
# still sends sees a broken connection and not the reason.
_DISCARD_FACTOR = 4


async def read_body(
    request: Request, limits: Limits, reservation: Reservation, deadline: float
) -> bytes:
    """Receive a request's body and return it.

    Args:
        request: its body must not have been read.
        limits: its size and time are checked against these.
        reservation: grows by the bytes that are received.
        deadline: in the event loop's time.

    Raises:
        ServingError: it is too large (HTTP's 413), too slow as a whole or between two parts
            (408), the server holds too much, or the client left.
    """
    length = request.headers.get("content-length", "0")
    declared = int(length) if length.isdecimal() else 0
    # A client that sends Expect waits for a yes, and need not be drained.
    factor = 1 if "expect" in request.headers else _DISCARD_FACTOR
    if declared > factor * limits.request_bytes:
        raise error_too_large(limits)
    chunks = []
    size = 0
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(deadline) as timer:
            timer.reschedule(min(deadline, loop.time() + limits.idle_seconds))
            async for chunk in request.stream():
                timer.reschedule(min(deadline, loop.time() + limits.idle_seconds))
                size += len(chunk)
                if size <= limits.request_bytes:
                    reservation.add(len(chunk))
                    chunks.append(chunk)
                elif size > _DISCARD_FACTOR * limits.request_bytes:
                    break
    except TimeoutError as error:
        raise ServingError(
            "DEADLINE_EXCEEDED",
            f"the request took longer than {limits.seconds:g} s to arrive, or paused for more than "
            f"{limits.idle_seconds:g} s",
            408,
        ) from error
    except ClientDisconnect as error:
        raise ServingError("CANCELLED", _LEFT) from error
    if size > limits.request_bytes:
        raise error_too_large(limits)
    return b"".join(chunks)


async def run_while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await `work` and return its result; cancel it when the client disconnects.

    Args:
        request: its body must have been read.
        work: the coroutine.

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
