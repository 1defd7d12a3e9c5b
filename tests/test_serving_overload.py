"""More than a server can take: large photos, idle and slow connections, too many of them."""

import asyncio
import contextlib
import json
import threading

import numpy as np
import pytest
from serving_parts import encode

from deepkoal.serving.batching.batcher import Batcher
from deepkoal.serving.batching.pace import LARGE_PIXELS, Pace
from deepkoal.serving.batching.photo_sizes import count_pixels
from deepkoal.serving.errors import ServingError
from deepkoal.serving.http.connections import Gate
from deepkoal.serving.http.http_server import open_port, serve_http
from deepkoal.serving.limits import Limits
from deepkoal.serving.metrics import Metrics
from deepkoal.serving.tensors.signature import Signature, Slot

SIGNATURE = Signature("s", {"x": Slot("x", np.dtype(np.float32), (None,))}, {})
LARGE = LARGE_PIXELS + 1


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)


# --- large photos ------------------------------------------------------------------------------


class Slow:
    """A model whose runs last until they are let go."""

    def __init__(self):
        self.users = 0
        self.running, self.most_large = [], 0
        self.opened = threading.Semaphore(0)
        self.lock = threading.Lock()

    def run(self, signature, inputs, outputs, seconds):
        kind = inputs["x"][0]
        with self.lock:
            self.running.append(kind)
            self.most_large = max(self.most_large, self.running.count(1))
        if kind == 1:
            assert self.opened.acquire(timeout=60)
        with self.lock:
            self.running.remove(kind)
        return {"y": inputs["x"]}


@contextlib.asynccontextmanager
async def batching(**limits):
    batcher = Batcher(Limits(**limits), Metrics())
    try:
        yield batcher
    finally:
        await batcher.close()


def ask(batcher, model, pixels, seconds=60.0):
    deadline = asyncio.get_running_loop().time() + seconds
    inputs = {"x": np.float32([pixels > LARGE_PIXELS])}
    run = batcher.run(model, SIGNATURE, inputs, ("y",), deadline, pixels)
    return asyncio.create_task(run)


def test_large_photos_run_one_at_a_time_and_small_ones_beside_them():
    async def check():
        async with batching(workers=2) as batcher:
            model = Slow()
            large = [ask(batcher, model, LARGE) for _ in range(4)]
            await until(lambda: model.running == [1])
            for _ in range(5):
                await ask(batcher, model, 65536)
            assert not any(task.done() for task in large)
            model.opened.release()
            await until(lambda: sum(task.done() for task in large) == 1)
            assert large[0].done(), "answered as it was done, the oldest first"
            model.opened.release(3)
            await asyncio.gather(*large)
            assert model.most_large == 1

    asyncio.run(check())


def test_what_has_expired_is_not_run_and_what_comes_too_late_is_refused_at_once():
    async def check():
        async with batching(workers=1, requests=8) as batcher:
            model = Slow()
            first = ask(batcher, model, LARGE)
            await until(lambda: model.running == [1])
            expired = ask(batcher, model, LARGE, 5.0)
            await asyncio.sleep(0)
            with pytest.raises(ServingError) as caught:
                await ask(batcher, model, 400_000_000, 20.0)
            assert caught.value.code == "RESOURCE_EXHAUSTED"
            assert 60 <= caught.value.retry_seconds <= 64, "0.2 s a megapixel, at first"
            others = [ask(batcher, model, LARGE) for _ in range(2)]
            with pytest.raises(ServingError, match="8 requests wait"):
                await asyncio.gather(ask(batcher, model, LARGE))
            await ask(batcher, model, 1), "half of the places are for small ones"
            expired.cancel()
            model.opened.release(3)
            await asyncio.gather(first, *others)
            assert model.opened.acquire(blocking=False) is False, "three were run, not four"

    asyncio.run(check())


def test_the_pace_is_learned():
    pace = Pace()
    for _ in range(30):
        pace.observe(10_000_000, 1.0)
    pace.check(10_000_000, [10_000_000] * 8, 9.5)
    with pytest.raises(ServingError) as caught:
        pace.check(10_000_000, [10_000_000] * 9, 5.0)
    assert caught.value.retry_seconds in (5, 6)
    pace.check(10**12, [], 1.0)


def test_pixels_are_counted_in_the_header():
    photos = [encode(np.zeros((30, 50, 3), np.uint8), kind) for kind in ("JPEG", "PNG", "WEBP")]
    broken = [photos[1][:40], photos[1][:20], photos[0][:20], b"", b"no photo"]
    strings = np.empty(8, object)
    strings[:] = photos + broken
    numbers = np.zeros((2, 32, 64, 1), np.float32)
    assert count_pixels({"a": strings}) == 3 * 1500
    assert count_pixels({"a": strings[:3], "l": numbers}) == 4500 + 4096


# --- connections -------------------------------------------------------------------------------


async def answer(scope, receive, send):
    while (await receive())["more_body"]:
        pass
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


class Server:
    """A server with a gate, and requests to it byte by byte."""

    def __init__(self, listener, reasons):
        self.port, self.reasons = listener.getsockname()[1], reasons

    async def open(self, sent=b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        await writer.drain()
        return reader, writer

    async def get(self, path="/", sent=None):
        """Return status, headers and body."""
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        reader, writer = await self.open(request if sent is None else sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1]), head.decode().lower(), body


@contextlib.asynccontextmanager
async def serving(most=8, most_of_client=8, idle_seconds=30.0, app=answer):
    listener, stop, reasons = open_port("127.0.0.1", 0, "--port"), asyncio.Event(), []
    gate = Gate(most, most_of_client, idle_seconds, exempt=("/healthz",), count=reasons.append)
    ready = asyncio.Event()
    task = asyncio.create_task(serve_http(app, listener, stop, 1.0, ready.set, gate))
    await ready.wait()
    try:
        yield Server(listener, reasons)
    finally:
        stop.set()
        await task


def test_idle_connections_give_way():
    async def check():
        async with serving() as server:
            half = b"GET / HTTP/1.1\r\nHost:"
            kept = [await server.open(half if number % 2 else b"") for number in range(40)]
            await until(lambda: len(server.reasons) == 32)
            assert (await server.get())[0] == 200
            assert set(server.reasons) == {"idle, gave way"}
            assert await kept[0][0].read() == b""
            for _, writer in kept:
                writer.close()

    asyncio.run(check())


def test_where_all_are_at_work_others_are_refused_but_health_is_answered():
    begun = []

    async def wait(scope, receive, send):
        if scope["path"] != "/healthz":
            begun.append(scope)
            await begun[0].wait()
        await answer(scope, receive, send)

    async def check(status, **limits):
        begun[:] = [asyncio.Event()]
        async with serving(app=wait, **limits) as server:
            busy = [asyncio.create_task(server.get()) for _ in range(3)]
            await until(lambda: len(begun) == 4)
            found, head, body = await server.get()
            assert found == status
            assert "retry-after: 1" in head
            assert "too many connections" in json.loads(body)["error"]
            assert (await server.get("/healthz"))[0] == 200
            assert len(server.reasons) == 2
            begun[0].set()
            assert [found for found, *_ in await asyncio.gather(*busy)] == [200] * 3

    asyncio.run(check(503, most=3))
    asyncio.run(check(429, most_of_client=3))


def test_slow_and_broken_headers_are_answered_in_json():
    async def check():
        async with serving(idle_seconds=0.1) as server:
            for sent, status in (
                (b"GET / HTTP/1.1\r\nHost:", 408),
                (b"hello\r\n\r\n", 400),
                (b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000, 431),
            ):
                found, head, body = await server.get(sent=sent)
                assert found == status
                assert "connection: close" in head
                assert json.loads(body).keys() == {"error"}
            reader, writer = await server.open()
            assert await reader.read() == b"", "closed without a word, for nothing was asked"
            writer.close()
            assert server.reasons == ["header too slow"] * 2
            # One that is kept alive is not idle in this sense.
            reader, writer = await server.open(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"ok")
            await asyncio.sleep(0.3)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            writer.close()

    asyncio.run(check())
