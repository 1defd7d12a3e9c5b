"""Photos a second of a folder run, of two at a time, and of a Ray cluster of one and two workers.

python benchmarks/bulk.py [--photos N] [--side PIXELS] [--runs NAMES]

Photos are made up and lie on this machine's disk; all is colored on LiteRT. Photos a second are
counted from the first result on, so without starting up. Processor time, which a busy machine
leaves much as it is, is of all processes together: that of a photo is from the first result on,
that in all is with starting up.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from skimage import data

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from ray_cluster import start_cluster


def write_photos(folder: Path, count: int, side: int) -> None:
    """Write crops of scikit-image's photos, grey, as JPEG."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    photos = [
        Image.fromarray(getattr(data, name)()).convert("L") for name in ("astronaut", "coffee")
    ]
    for index in range(count):
        photo = photos[index % len(photos)]
        left, top = generator.integers(0, 100, 2)
        crop = photo.crop((left, top, left + 300, top + 300)).resize((side, side))
        crop.save(folder / f"{index:06}.jpg", quality=90)


class Meter(threading.Thread):
    """Sums the processor time of this process's children, and counts results."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.used: dict[int, float] = {}
        self.memory = 0.0
        self.first: tuple[float, int, float] | None = None
        self.last: tuple[float, int, float] = (0.0, 0, 0.0)
        self.done = threading.Event()

    def run(self) -> None:
        """Look at the processes twice a second."""
        while not self.done.wait(0.5):
            memory = 0.0
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    self.used[process.pid] = times.user + times.system
                    memory += process.memory_info().rss / 2**20
            self.memory = max(self.memory, memory)
            count = sum(1 for _ in self.folder.rglob("*.jpg"))
            now = (time.perf_counter(), count, sum(self.used.values()))
            if count and self.first is None:
                self.first = now
            if count > self.last[1]:
                self.last = now


def run(name: str, photos: Path, scratch: Path) -> None:
    """Color the photos in one way and print what it took."""
    out = scratch / f"out-{name}"
    out.mkdir()
    base = [sys.executable, "-m", "deepkoal.cli", "colorize", "--backend", "litert"]
    sources = [photos / "*[02468].jpg", photos / "*[13579].jpg"] if name == "two" else [photos]
    commands = [[*base, str(source), "-o", str(out)] for source in sources]
    with contextlib.ExitStack() as stack:
        if name.startswith("ray"):
            cluster = stack.enter_context(start_cluster(1, cores=int(name.removeprefix("ray"))))
            commands[0] += ["--cluster", cluster.address]
        started = time.perf_counter()
        meter = Meter(out)
        meter.start()
        running = [
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in commands
        ]
        if any(process.wait() for process in running):
            raise SystemExit(f"{name}: the command failed")
        wall = time.perf_counter() - started
        meter.done.set()
        meter.join()
    assert meter.first is not None, "nothing was colored"
    (begin, before, used), (end, after, used_in_all) = meter.first, meter.last
    print(
        f"| {name} | {after} | {(after - before) / (end - begin):.1f} | "
        f"{1000 * (used_in_all - used) / (after - before):.0f} | {used_in_all:.0f} | {wall:.0f} | "
        f"{meter.memory:.0f} |",
        flush=True,
    )


def main() -> None:
    """Make photos and color them in all ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--runs", nargs="+", default=["one", "two", "ray1", "ray2"])
    arguments = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="bulk-"))
    try:
        write_photos(scratch / "photos", arguments.photos, arguments.side)
        print("| run | photos | photos/s | ms CPU a photo | s CPU in all | s in all | MB at most |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for name in arguments.runs:
            run(name, scratch / "photos", scratch)
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
