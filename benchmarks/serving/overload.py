"""Large photos and idle connections beside small photos; without wrk."""

from __future__ import annotations

import collections
import contextlib
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from asking import PREDICT, body, make_photos
from PIL import Image
from process import read_busy, show_memory
from serving_parts import encode, get, post, running_server
from skimage import data

SMALL, LARGE, IDLE = 4, 8, 1000


def overload(models: Path, seconds: float, folder: Path) -> None:
    """Send small photos alone, beside large ones, and beside idle connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * IDLE)), hard))
    noise = np.random.default_rng(0).integers(-6, 7, (4000, 6000))
    grey = np.asarray(Image.fromarray(data.camera()).resize((6000, 4000)), np.int16)
    photo = encode(np.clip(grey + noise, 0, 255).astype(np.uint8))
    bomb = encode(np.zeros((7000, 7000), np.uint8), "PNG")
    with running_server(models) as server:
        url, pid = server.url, server.process.pid
        report(ask, "warm-up", url, pid, seconds / 4)
        alone = report(ask, "256² alone", url, pid, seconds)
        busy = read_busy(pid)
        print(f"  one photo of 6000×4000: {post(url + PREDICT, body(photo))[0]}", end=", ")
        print(f"{read_busy(pid) - busy:.2f} s of processor time")
        for name, large in (("6000×4000 JPEG", photo), ("7000×7000 flat PNG", bomb)):
            with sending(url, body(large)) as statuses:
                beside = report(ask, f"256² beside {LARGE} senders of {name}", url, pid, seconds)
            print(f"  large: {dict(statuses)}; p99 {beside / alone:.1f} times that alone")
        with idling(url):
            beside = report(ask, f"256² beside {IDLE} half-sent headers", url, pid, seconds)
            print(
                f"  health: {get(url + '/healthz')[0]}; p99 {beside / alone:.1f} times that alone"
            )
        page = get(url + "/monitoring/prometheus/metrics")[1]
        print(*(f"  {line}" for line in page.splitlines() if "refused_connections_t" in line))
        print(f"  exit status after SIGTERM: {server.stop()}")


def report(
    run: Callable[..., list[tuple[int, float]]], name: str, url: str, pid: int, seconds: float
) -> float:
    """Run, print, and return p99 in seconds."""
    busy = read_busy(pid)
    answers = run(url, seconds)
    times = [took for status, took in answers if status == 200] or [float("nan")]
    statuses = dict(collections.Counter(status for status, _ in answers))
    p50, p99 = np.percentile(times, [50, 99])
    print(
        f"{name}: {len(answers) / seconds:.1f} photos/s, p50 {1000 * p50:.0f} ms, p99 "
        f"{1000 * p99:.0f} ms, {statuses}, {read_busy(pid) - busy:.1f} s of processor time",
        flush=True,
    )
    show_memory(pid, "then")
    return float(p99)


def ask(url: str, seconds: float) -> list[tuple[int, float]]:
    """Send small photos over a few connections; return status and time of each."""
    bodies, answers, end = [body(photo) for photo in make_photos()], [], time.monotonic() + seconds

    def send(number: int) -> None:
        while time.monotonic() < end:
            start = time.monotonic()
            status, _ = post(url + PREDICT, bodies[number % len(bodies)])
            answers.append((status, time.monotonic() - start))

    threads = [threading.Thread(target=send, args=[number]) for number in range(SMALL)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@contextlib.contextmanager
def sending(url: str, content: bytes) -> Iterator[collections.Counter[int]]:
    """Send a request again and again from several threads, until the end of the block."""
    is_over, statuses = threading.Event(), collections.Counter()

    def send() -> None:
        while not is_over.is_set():
            status, _ = post(url + PREDICT, content)
            statuses[status] += 1
            if status != 200:
                is_over.wait(1)  # as Retry-After says

    threads = [threading.Thread(target=send) for _ in range(LARGE)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def idling(url: str) -> Iterator[None]:
    """Hold connections that sent half a header."""
    host, port = url.removeprefix("http://").split(":")
    kept = []
    for _ in range(IDLE):
        connection = socket.create_connection((host, int(port)))
        with contextlib.suppress(OSError):
            connection.sendall(b"GET / HTTP/1.1\r\nHost:")
        kept.append(connection)
    try:
        yield
    finally:
        for connection in kept:
            connection.close()
