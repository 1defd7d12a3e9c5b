"""Broken photos, thousands of them, to a tiny network, whose decoder is the same."""

from __future__ import annotations

import collections
import concurrent.futures
import io
import time
import zlib
from pathlib import Path

import numpy as np
from asking import PREDICT, body
from PIL import Image
from process import show_memory
from serving_parts import encode, export_tiny, post, running_server
from skimage import data


def fuzz(count: int, folder: Path) -> None:
    """Send broken photos; each has to be answered with 200 or 400."""
    export_tiny(folder / "tiny" / "koala-lite" / "1")
    rgb = data.chelsea()[::4, ::4]
    deep = io.BytesIO()
    Image.fromarray(rgb[..., 0].astype(np.uint16) * 257).save(deep, "PNG")
    progressive, cmyk = io.BytesIO(), io.BytesIO()
    Image.fromarray(rgb).save(progressive, "JPEG", progressive=True)
    Image.fromarray(rgb).convert("CMYK").save(cmyk, "JPEG")
    alpha = np.dstack([rgb, rgb[..., :1]])
    seeds = [encode(rgb), encode(rgb, "PNG"), encode(alpha, "PNG"), encode(rgb[..., 0])]
    seeds += [deep.getvalue(), progressive.getvalue(), cmyk.getvalue()]
    seeds += [encode(rgb, "GIF"), encode(rgb, "BMP"), encode(rgb, "WEBP")]
    with running_server(folder / "tiny") as server:

        def send(number: int) -> tuple[int, float]:
            start = time.perf_counter()
            status, _ = post(server.url + PREDICT, body(mutate(seeds, number)))
            return status, time.perf_counter() - start

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(send, range(count)))
        statuses = collections.Counter(status for status, _ in answers)
        print(
            f"fuzz: {count} broken photos, {dict(statuses)}, "
            f"slowest {max(seconds for _, seconds in answers):.2f} s"
        )
        show_memory(server.process.pid, "after them")
        print(
            f"  a good one: {post(server.url + PREDICT, body(seeds[0]))[0]}; exit {server.stop()}"
        )


def mutate(seeds: list[bytes], number: int) -> bytes:
    """Return a broken photo."""
    rng = np.random.default_rng(number)
    photo = bytearray(seeds[number % len(seeds)])
    kind = rng.integers(5)
    if kind == 0:
        photo = photo[: rng.integers(len(photo))]
    elif kind == 1:  # damage anywhere
        for place in rng.integers(len(photo), size=rng.integers(1, 20)):
            photo[place] = rng.integers(256)
    elif kind == 2:  # damage in the header
        for place in rng.integers(min(len(photo), 200), size=rng.integers(1, 6)):
            photo[place] = rng.integers(256)
    elif kind == 3:  # a part of another file
        other = seeds[rng.integers(len(seeds))]
        place = rng.integers(len(photo))
        photo[place : place + rng.integers(500)] = other[: rng.integers(len(other))]
    elif photo[:4] == b"\x89PNG":  # a header that lies, with a right checksum
        photo[16 + rng.integers(13)] = rng.integers(256)
        photo[29:33] = zlib.crc32(photo[12:29]).to_bytes(4, "big")
    else:
        photo = photo[:4] + rng.bytes(rng.integers(2000))
    return bytes(photo)
