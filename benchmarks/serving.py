"""`deepkoal serve` under load: throughput, latency, memory, and what it does when treated badly.

    python benchmarks/serving.py [load] [rough] [swap] [kill] [fuzz] [--seconds 60] [--photos 10000]

Needs wrk. All of it on loopback. Photos are scikit-image's, 256 × 256, sent over REST by 16
connections; `fuzz` sends broken files to a tiny network, whose decoder is the same.
"""

from __future__ import annotations

import argparse
import base64
import collections
import concurrent.futures
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from serving_parts import encode, export_tiny, post, running_server

PREDICT = "/v1/models/koala-lite:predict"
CONNECTIONS = 16
ENGINE_NAMES = ("batches of 32", "batches of 8 in two threads")
SCRIPT = """
local bodies = {}
for i = 1, 4 do
  local file = io.open("%s/" .. i .. ".json")
  bodies[i] = file:read("*a")
  file:close()
end
local i = 0
request = function()
  i = i + 1
  return wrk.format("POST", "/v1/models/koala-lite:predict", {}, bodies[i %% 4 + 1])
end
"""
ENGINE = """
import sys, time, concurrent.futures as cf
import tensorflow as tf
folder, seconds, *files = sys.argv[1:]
photos = [open(file, "rb").read() for file in files]
colorize = tf.saved_model.load(folder).signatures["serving_default"]
def run(rows):
    colorize(photo_bytes=tf.constant((photos * rows)[:rows]))
    return rows
def measure(workers, rows):
    run(rows)
    start, busy, done = time.perf_counter(), time.process_time(), 0
    with cf.ThreadPoolExecutor(workers) as pool:
        waiting = {pool.submit(run, rows) for _ in range(workers)}
        while time.perf_counter() - start < float(seconds) / 2:
            over, waiting = cf.wait(waiting, return_when="FIRST_COMPLETED")
            done += sum(one.result() for one in over)
            waiting |= {pool.submit(run, rows) for _ in over}
        done += sum(one.result() for one in cf.as_completed(waiting))
    return done / (time.perf_counter() - start), 1000 * (time.process_time() - busy) / done
print(*measure(1, 32), *measure(2, 8))
"""


def make_photos() -> list[bytes]:
    """Return four photos as JPEG files."""
    names = ("astronaut", "chelsea", "coffee", "rocket")
    small = [Image.fromarray(getattr(data, name)()).resize((256, 256)) for name in names]
    return [encode(np.asarray(photo)) for photo in small]


def body(photo: bytes) -> bytes:
    """Return a request for a photo."""
    return json.dumps({"instances": [{"b64": base64.b64encode(photo).decode()}]}).encode()


def run_wrk(url: str, seconds: float, folder: Path) -> dict[str, float]:
    """Return requests a second, p50 and p99 in ms, requests, and failed ones."""
    for number, photo in enumerate(make_photos(), 1):
        (folder / f"{number}.json").write_bytes(body(photo))
    (folder / "post.lua").write_text(SCRIPT % folder)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--timeout", "60s"]
    command += ["--latency", "-s", str(folder / "post.lua"), url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    milliseconds = {"us": 0.001, "ms": 1, "s": 1000}
    figures = {}
    for share in ("50", "99"):
        found = re.search(rf"^ +{share}% +([\d.]+)(us|ms|s)\s*$", said, re.MULTILINE)
        assert found, said
        value, unit = found.groups()
        figures[f"p{share}"] = float(value) * milliseconds[unit]
    figures["rate"] = float(re.search(r"Requests/sec: +([\d.]+)", said)[1])
    figures["count"] = int(re.search(r"(\d+) requests in", said)[1])
    errors = re.findall(
        r"Non-2xx or 3xx responses: (\d+)|(?:connect|read|write|timeout) (\d+)", said
    )
    figures["failed"] = sum(int(number) for pair in errors for number in pair if number)
    return figures


def measure_engine(models: Path, seconds: float, folder: Path) -> tuple[float, ...]:
    """Return photos a second of the SavedModel alone, and ms of processor time for a photo.

    Both for each of `ENGINE_NAMES`.
    """
    paths = []
    for number, photo in enumerate(make_photos()):
        paths.append(folder / f"{number}.jpg")
        paths[-1].write_bytes(photo)
    command = [sys.executable, "-c", ENGINE, str(models / "koala-lite" / "1"), str(seconds)]
    done = subprocess.run([*command, *map(str, paths)], check=True, capture_output=True, text=True)
    return tuple(float(rate) for rate in done.stdout.split())


def read_memory(pid: int, field: str = "VmRSS") -> float:
    """Return a process's memory in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024


def show_memory(pid: int, when: str) -> None:
    """Print a process's memory."""
    print(f"  memory {when}: {read_memory(pid):.0f} MiB, peak {read_memory(pid, 'VmHWM'):.0f} MiB")


def show(name: str, figures: dict[str, float]) -> None:
    """Print what wrk measured."""
    print(
        f"{name}: {figures['rate']:.1f} photos/s, p50 {figures['p50']:.0f} ms, "
        f"p99 {figures['p99']:.0f} ms, {figures['count']} answered, {figures['failed']} failed",
        flush=True,
    )


def load(models: Path, seconds: float, folder: Path) -> None:
    """Compare the server with the bare engine, in turns, because other work comes and goes.

    Where the cores are not free, processor time for a photo says more than photos a second.
    """
    served, engines = [], []
    with running_server(models) as server:
        run_wrk(server.url, 5, folder)  # to warm up
        for _ in range(3):
            engines.append(measure_engine(models, seconds / 3, folder))
            busy = read_busy(server.process.pid)
            figures = run_wrk(server.url, seconds / 3, folder)
            busy = read_busy(server.process.pid) - busy
            show("load", figures)
            served.append((figures["rate"], 1000 * busy / figures["count"]))
        show_memory(server.process.pid, "after load")
    rate, busy = np.mean(served, axis=0)
    print(f"server: {rate:.1f} photos/s, {busy:.0f} ms of processor time a photo")
    measured = np.mean(engines, axis=0).reshape(2, 2)
    for name, (engine_rate, engine_busy) in zip(ENGINE_NAMES, measured, strict=True):
        print(
            f"bare engine, {name}: {engine_rate:.1f} photos/s, {engine_busy:.0f} ms; the server "
            f"reaches {rate / engine_rate:.0%}, by processor time {engine_busy / busy:.0%}"
        )


def read_busy(pid: int) -> float:
    """Return a process's processor time in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def treat_badly(url: str, is_over: threading.Event, seen: collections.Counter) -> None:
    """Send broken, huge, slow and aborted requests until told to stop."""
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


def swap(models: Path, seconds: float, folder: Path) -> None:
    """Load while new versions come."""
    copy = Path(shutil.copytree(models, folder / "swapped"))
    with running_server(copy) as server, concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(run_wrk, server.url, seconds, folder)
        for version in ("2", "3", "4"):
            time.sleep(seconds / 5)
            target = copy / "koala-lite" / version
            target.mkdir()
            for path in sorted((copy / "koala-lite" / "1").rglob("*"), reverse=True):
                if path.is_file():  # slowly, so that half of it is seen
                    place = target / path.relative_to(copy / "koala-lite" / "1")
                    place.parent.mkdir(exist_ok=True, parents=True)
                    shutil.copy(path, place)
                    time.sleep(1.5)
        show("load while versions 2, 3 and 4 come", running.result())
        with urllib.request.urlopen(server.url + "/v1/models/koala-lite") as answer:
            states = json.load(answer)["model_version_status"]
        print("  " + ", ".join(f"{state['version']} {state['state']}" for state in states))
        show_memory(server.process.pid, "after three swaps")


def kill(models: Path, seconds: float, folder: Path) -> None:
    """Kill the server under load and start it again on its ports."""
    ports = {}
    for turn in range(3):
        start = time.perf_counter()
        with (
            running_server(models, **ports) as server,
            concurrent.futures.ThreadPoolExecutor() as pool,
        ):
            print(
                f"start {turn + 1}: listening after {time.perf_counter() - start:.1f} s", end="; "
            )
            ports = {
                "rest_port": int(server.url.rpartition(":")[2]),
                "port": int(server.target.rpartition(":")[2]),
            }
            print("one photo:", post(server.url + PREDICT, body(make_photos()[0]))[0], end="; ")
            running = pool.submit(run_wrk, server.url, 5, folder)
            time.sleep(3)
            print("killed:", server.stop(signal.SIGKILL), flush=True)
            running.result()


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


def main() -> None:
    """Measure and print."""
    steps = {"load": load, "rough": rough, "swap": swap, "kill": kill}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("steps", nargs="*", help="load, rough, swap, kill, fuzz (all)")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--photos", type=int, default=10_000)
    arguments = parser.parse_args()
    chosen = arguments.steps or [*steps, "fuzz"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if set(chosen) - {"fuzz"}:
            from deepkoal.colorizer import Colorizer
            from deepkoal.export import export_saved_model

            export_saved_model(Colorizer.from_preset(), folder / "models" / "koala-lite" / "1")
        for step in chosen:
            if step == "fuzz":
                fuzz(arguments.photos, folder)
            else:
                steps[step](folder / "models", arguments.seconds, folder)


if __name__ == "__main__":
    main()
