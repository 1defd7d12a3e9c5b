"""Broken, huge, slow and aborted requests among good ones."""

from __future__ import annotations

import collections
import socket
import threading
import time
from pathlib import Path

import numpy as np
from asking import PREDICT, body, make_photos, run_wrk, show
from PIL import Image
from process import show_memory
from serving_parts import encode, post, running_server
from skimage import data


def rough(models: Path, seconds: float, folder: Path) -> None:
    """Load with bad requests mixed in."""
    with running_server(models) as server:
        run_wrk(server.url, 10, folder)
        show_memory(server.process.pid, "before")
        is_over, seen = threading.Event(), collections.Counter()
        mixer = threading.Thread(target=treat_badly, args=(server.url, is_over, seen))
        mixer.start()
        figures = run_wrk(server.url, seconds, folder)
        is_over.set()
        mixer.join()
        show("good requests among bad ones", figures)
        print(
            "  bad ones:", ", ".join(f"{n} {s}: {c}" for (n, s), c in sorted(seen.items(), key=str))
        )
        show_memory(server.process.pid, "at the end")
        run_wrk(server.url, 10, folder)
        time.sleep(5)
        show_memory(server.process.pid, "after 10 s of good requests")
        print(
            f"  exit status after SIGTERM: {server.stop()}; log: {server.log.read_text()[-300:]!r}"
        )


def treat_badly(url: str, is_over: threading.Event, seen: collections.Counter) -> None:
    """Send broken, huge, slow and aborted requests until `is_over` is set."""
    host, port = url.removeprefix("http://").split(":")
    good = make_photos()[0]
    pixels = encode(np.zeros((8000, 8000), np.uint8), "PNG")
    large = encode(np.asarray(Image.fromarray(data.astronaut()).resize((4000, 3000))))
    whole = body(good)
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(whole)}\r\n\r\n".encode()
    kept: list[socket.socket] = []
    turn = 0
    while not is_over.is_set():
        turn += 1
        for name, content in (
            ("half a photo", body(good[: len(good) // 2])),
            ("no photo", body(b"hello" * turn)),
            ("no JSON", whole[:-9]),
            ("64 megapixels", body(pixels)),
        ):
            seen[name, post(url + PREDICT, content)[0]] += 1
        if turn % 5 == 1:
            seen["12 megapixels", post(url + PREDICT, body(large))[0]] += 1
            try:
                seen["80 MB", post(url + PREDICT, b" " * 80_000_000)[0]] += 1
            except OSError:  # the server hung up while it was still being sent
                seen["80 MB", "hung up"] += 1
        with socket.create_connection((host, int(port))) as aborted:
            aborted.sendall(head + whole)  # and gone, before the answer
            seen["aborted", ""] += 1
        slow = socket.create_connection((host, int(port)))
        slow.sendall(head + whole[:100])  # and never more
        kept.append(slow)
        seen["slow", ""] += 1
        time.sleep(0.2)
    for slow in kept:
        slow.close()
