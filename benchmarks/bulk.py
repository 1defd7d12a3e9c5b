"""Photos a second of a folder run, of two at a time, and of a Ray cluster, from disk or S3.

python benchmarks/bulk.py [--photos N] [--side PIXELS] [--runs NAMES]

Runs are `one` process, `two`, `rayN`, a cluster of N workers, and `storeN`, the same from and to an
S3 server on this machine (rclone's). Ten thousand small photos through it:

python benchmarks/bulk.py --photos 10000 --side 128 --runs store2

Photos are made up and lie on this machine's disk; all is colored on LiteRT. Photos a second are
counted from the first result on, so without starting up. Processor time, which a busy machine
leaves much as it is, is of all processes together: that of a photo is from the first result on,
that in all is with starting up. Memory is that of all processes but the server, in sum.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from skimage import data
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from ray_cluster import serve_s3, start_cluster

FOLDER = 100
"""Photos of a folder: the server lists a folder anew for each request."""
EIGHTHS = 8
"""Parts of a run by whose memory one sees whether it grows."""


def write_photos(root: Path, count: int, side: int) -> None:
    """Write crops of scikit-image's photos, grey, as JPEG, into folders of `FOLDER`."""
    photos = [
        Image.fromarray(getattr(data, name)()).convert("L") for name in ("astronaut", "coffee")
    ]

    def write_folder(first: int) -> None:
        folder = root / f"{first // FOLDER:04}"
        folder.mkdir(parents=True)
        generator = np.random.default_rng(first)
        for index in range(first, min(count, first + FOLDER)):
            left, top = (int(each) for each in generator.integers(0, 100, 2))
            box = (left, top, left + 300, top + 300)
            crop = photos[index % len(photos)].resize((side, side), box=box)
            crop.save(folder / f"{index:06}.jpg", quality=90)

    with ThreadPoolExecutor() as pool:  # Pillow lets go of Python's lock
        folders = range(0, count, FOLDER)
        list(tqdm(pool.map(write_folder, folders), "writing", len(folders), unit=" folders"))


def count_photos(folder: Path) -> int:
    """Return how many photos lie below a folder, whole ones."""
    return sum(
        name.endswith(".jpg") and not name.startswith(".")
        for _, _, names in os.walk(folder)
        for name in names
    )


class Meter(threading.Thread):
    """Sums the processor time and memory of this process's children, and counts results."""

    def __init__(self, name: str, folder: Path, expected: int) -> None:
        super().__init__(daemon=True)
        self.folder, self.expected = folder, expected
        self.bar = tqdm(desc=name, total=expected, unit=" photos", mininterval=2)
        self.used: dict[int, float] = {}
        self.memory = [0.0] * EIGHTHS
        self.first: tuple[float, int, float] | None = None
        self.last: tuple[float, int, float] = (0.0, 0, 0.0)
        self.done = threading.Event()

    def run(self) -> None:
        """Look at the processes twice a second, and once more in the end."""
        while not self.done.wait(0.5):
            self._look()
        self._look()
        self.bar.close()

    def _look(self) -> None:
        memory = 0.0
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.name().startswith("rclone"):
                    continue
                times = process.cpu_times()
                self.used[process.pid] = times.user + times.system
                memory += process.memory_info().rss / 2**20
        count = count_photos(self.folder)
        self.bar.update(count - self.bar.n)
        part = min(EIGHTHS - 1, count * EIGHTHS // self.expected)
        self.memory[part] = max(self.memory[part], memory)
        now = (time.perf_counter(), count, sum(self.used.values()))
        if count and self.first is None:
            self.first = now
        if count > self.last[1]:
            self.last = now


def run(name: str, photos: Path, scratch: Path) -> str:
    """Color the photos in one way and print what it took; return its memory as a line."""
    expected = count_photos(photos)
    out = scratch / f"out-{name}"
    out.mkdir()
    base = [sys.executable, "-m", "deepkoal.cli", "colorize", "--backend", "litert"]
    sources = (
        [photos / "*" / f"*[{digits}].jpg" for digits in ("02468", "13579")]
        if name == "two"
        else [photos]
    )
    commands = [[*base, str(source), "-o", str(out)] for source in sources]
    with contextlib.ExitStack() as stack:
        if name.startswith("store"):  # the folder above the photos' is the server's root
            query = stack.enter_context(serve_s3(scratch.parent))
            places = [
                f"s3://key:secret@{scratch.name}/{folder.name}?{query}" for folder in (photos, out)
            ]
            commands = [[*base, places[0], "-o", places[1]]]
        if name.startswith(("ray", "store")):
            cores = int(name.removeprefix("ray").removeprefix("store"))
            cluster = stack.enter_context(start_cluster(1, cores=cores))
            commands[0] += ["--cluster", cluster.address]
        started = time.perf_counter()
        meter = Meter(name, out, expected)
        meter.start()
        printed = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in commands]
        running = [
            subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)
            for command, file in zip(commands, printed, strict=True)
        ]
        if any(process.wait() for process in running):
            raise SystemExit(f"{name}: the command failed")
        wall = time.perf_counter() - started
        if (found := count_photos(out)) != expected:
            raise SystemExit(f"{name}: expected {expected} results, found {found}")
        meter.done.set()
        meter.join()
        told = [line for file in printed if not file.seek(0) for line in file]
    assert meter.first is not None, "nothing was colored"
    (begin, before, used), (end, after, used_in_all) = meter.first, meter.last
    print(
        f"| {name} | {after} | {(after - before) / (end - begin):.1f} | "
        f"{1000 * (used_in_all - used) / (after - before):.0f} | {used_in_all:.0f} | {wall:.0f} | "
        f"{max(meter.memory):.0f} |",
        flush=True,
    )
    results = set(told)
    return (
        f"{name}: lost {expected - len(results)}, told twice {len(told) - len(results)}; MB at "
        f"most in each eighth: {', '.join(f'{x:.0f}' for x in meter.memory)}"
    )


def main() -> None:
    """Make photos and color them in all ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--runs", nargs="+", default=["one", "two", "ray1", "ray2"])
    arguments = parser.parse_args()
    # What rclone takes no uploads without.
    os.environ["AWS_REQUEST_CHECKSUM_CALCULATION"] = "when_required"
    scratch = Path(tempfile.mkdtemp(prefix="bulk-")) / "bucket"
    scratch.mkdir()
    try:
        write_photos(scratch / "photos", arguments.photos, arguments.side)
        print("| run | photos | photos/s | ms CPU a photo | s CPU in all | s in all | MB at most |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        lines = [run(name, scratch / "photos", scratch) for name in arguments.runs]
        print("\n" + "\n".join(lines))
    finally:
        shutil.rmtree(scratch.parent)


if __name__ == "__main__":
    main()
