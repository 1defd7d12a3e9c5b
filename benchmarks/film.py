"""Memory, open files and disk of a film's coloring, by eighths: a long one's, or of large frames.

python benchmarks/film.py [--frames N] [--size WIDTHxHEIGHT] [--detail SIDE] [--deflicker]

Two hours in a quarter of one, with colors from brightness alone instead of a network:

python benchmarks/film.py --frames 180000 --size 32x24 --plain

Frames are made by code: a camera moves over photos that come with scikit-image, with a cut every so
often and one long shot in between; a tone goes with them. All is as in `deepkoal video`, on LiteRT,
in this process, and after it a `--preview` of 100 frames.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
from skimage import data

import deepkoal as dk
from deepkoal.arrays import ByteArray
from deepkoal.video import open_film, preview_film

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from video_parts import open_plain

SHOT = 200
"""Frames of a shot, but for the long one."""
LONG = (2, 5)
"""Shots, from and up to, between which there is no cut."""
EIGHTHS = 8
RATE, SOUND_RATE = 25, 8000


def make_frames(count: int, width: int, height: int) -> Iterator[ByteArray]:
    """Yield grey frames (height, width, 3)."""
    photos = [getattr(data, name)() for name in ("coffee", "astronaut", "chelsea", "rocket")]
    large = (width + width // 4, height + height // 4)
    greys = [cv2.resize(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), large) for photo in photos]
    for index in range(count):
        shot = index // SHOT
        grey = greys[(LONG[0] if LONG[0] <= shot < LONG[1] else shot) % len(greys)]
        turn = 2 * np.pi * index / (2 * SHOT)
        x = round((0.5 + 0.5 * np.sin(turn)) * (large[0] - width))
        y = round((0.5 + 0.5 * np.cos(turn)) * (large[1] - height))
        frame = grey[y : y + height, x : x + width]
        yield np.repeat(frame[..., None], 3, axis=2)


def write_film(path: Path, frames: Iterator[ByteArray], width: int, height: int) -> None:
    """Write frames as H.264, one after another, and a tone as AAC."""
    wave = np.sin(np.arange(SOUND_RATE // RATE) * 2 * np.pi * 440 / SOUND_RATE)[None]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(RATE), options={"preset": "ultrafast"}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        sound = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for index, frame in enumerate(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
            tone = av.AudioFrame.from_ndarray(wave.astype(np.float32), "fltp", "mono")
            tone.sample_rate, tone.pts = SOUND_RATE, index * wave.size
            container.mux(sound.encode(tone))
        container.mux(stream.encode())
        container.mux(sound.encode())


class Meter(threading.Thread):
    """Looks at this process while it works, ten times a second.

    Attributes:
        now: what it is at, and in which eighth.
        memory: MB at most of each of these.
        files: open files at most of each.
        disk: MB at most in the folder of the new film, of each.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.process = folder, psutil.Process()
        self.now = ("", 0)
        self.memory: dict[tuple[str, int], float] = {}
        self.files: dict[tuple[str, int], float] = {}
        self.disk: dict[tuple[str, int], float] = {}
        self.done = threading.Event()

    def note(self, what: str, done: int, count: int) -> None:
        """Take note of how far it is, as `colorize_video` tells it."""
        self.now = what, max(0, done - 1) * EIGHTHS // max(count, done, 1)

    def run(self) -> None:
        """Look until the end."""
        while not self.done.wait(0.1):
            self._keep(self.memory, self.process.memory_info().rss / 2**20)
            self._keep(self.files, self.process.num_fds())
            with contextlib.suppress(FileNotFoundError):  # a chunk that has just been joined
                sizes = [path.stat().st_size for path in self.folder.rglob("*")]
                self._keep(self.disk, sum(sizes) / 2**20)

    def _keep(self, kept: dict[tuple[str, int], float], value: float) -> None:
        kept[self.now] = max(kept.get(self.now, 0.0), value)

    def list_most(self, kept: dict[tuple[str, int], float], what: str) -> str:
        """Return the figures of a part of the work, by eighths."""
        return ", ".join(f"{kept[key]:.0f}" for key in sorted(kept) if key[0] == what)


def main() -> None:
    """Color a film and print what each eighth took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=3200)
    parser.add_argument("--size", default="160x120")
    parser.add_argument("--detail", default="auto")
    parser.add_argument("--deflicker", action="store_true")
    parser.add_argument("--plain", action="store_true")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    if arguments.plain:
        colorizer = open_plain()
    else:
        detail = arguments.detail if arguments.detail == "auto" else int(arguments.detail)
        colorizer = dk.Colorizer.from_preset("koala-lite", backend="litert").with_detail(detail)
    with tempfile.TemporaryDirectory() as name:
        old, folder = Path(name) / "old.mp4", Path(name) / "new"
        folder.mkdir()
        write_film(old, make_frames(arguments.frames, width, height), width, height)
        meter = Meter(folder)
        before = meter.process.memory_info().rss / 2**20
        print(f"the film: {old.stat().st_size / 2**20:.0f} MB; before: {before:.0f} MB of memory")
        meter.start()
        began, used = time.perf_counter(), time.process_time()
        report = dk.colorize_video(
            old,
            folder / "new.mp4",
            colorizer,
            progress=meter.note,
            deflicker=arguments.deflicker,
        )
        wall, used = time.perf_counter() - began, time.process_time() - used
        meter.now = ("preview", 0)
        preview_film(open_film(old), colorizer, seconds=arguments.frames / RATE / 100)
        meter.done.set()
        meter.join()
    print(
        f"{report.frames} frames of {width}×{height}, {report.shots} shots: {wall:.0f} s, "
        f"{report.frames / wall:.1f} frames a second, "
        f"{1000 * used / report.frames:.1f} ms of processor time a frame"
    )
    print("at most in each eighth | MB of memory | open files | MB on disk")
    for what in ("finding shots", "coloring", "joining", "preview"):
        print(
            f"{what} | {meter.list_most(meter.memory, what)} | "
            f"{meter.list_most(meter.files, what)} | {meter.list_most(meter.disk, what)}"
        )


if __name__ == "__main__":
    main()
