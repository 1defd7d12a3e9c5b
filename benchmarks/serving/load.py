"""Good requests only: throughput and latency, against the bare backend's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from asking import make_photos, run_wrk, show
from process import read_busy, show_memory
from serving_parts import running_server

BARE_NAMES = ("batches of 32", "batches of 8 in two threads")
BARE = """
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


def load(models: Path, seconds: float, folder: Path) -> None:
    """Load at a stretch, and the bare backend for half as long before and after.

    Where the cores are not free, compare processor time for a photo, not photos a second.
    """
    with running_server(models) as server:
        run_wrk(server.url, 5, folder)  # to warm up
        before = measure_bare(models, seconds / 2, folder)
        busy = read_busy(server.process.pid)
        figures = run_wrk(server.url, seconds, folder)
        busy = 1000 * (read_busy(server.process.pid) - busy) / figures["count"]
        after = measure_bare(models, seconds / 2, folder)
        show("load", figures)
        show_memory(server.process.pid, "after load")
    rate = figures["rate"]
    print(f"server: {rate:.1f} photos/s, {busy:.0f} ms of processor time a photo")
    measured = np.mean([before, after], axis=0).reshape(2, 2)
    for name, (bare_rate, bare_busy) in zip(BARE_NAMES, measured, strict=True):
        print(
            f"bare backend, {name}: {bare_rate:.1f} photos/s, {bare_busy:.0f} ms; the server "
            f"reaches {rate / bare_rate:.0%}, by processor time {bare_busy / busy:.0%}"
        )


def measure_bare(models: Path, seconds: float, folder: Path) -> tuple[float, ...]:
    """Return photos a second of the SavedModel alone, and ms of processor time for a photo.

    Both for each of `BARE_NAMES`.
    """
    paths = []
    for number, photo in enumerate(make_photos()):
        paths.append(folder / f"{number}.jpg")
        paths[-1].write_bytes(photo)
    command = [sys.executable, "-c", BARE, str(models / "koala-lite" / "1"), str(seconds)]
    done = subprocess.run([*command, *map(str, paths)], check=True, capture_output=True, text=True)
    return tuple(float(rate) for rate in done.stdout.split())
