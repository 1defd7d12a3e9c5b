"""Memory of a film's coloring by eighths of its length: a long one's, or one of large frames.

python benchmarks/film.py [--frames N] [--size WIDTHxHEIGHT] [--detail SIDE] [--deflicker]

Frames are made by code: a camera moves over photos that come with scikit-image, with a cut every so
often and one long shot in between. All is as in `deepkoal video`, on LiteRT, in this process.
"""

from __future__ import annotations

import argparse
import tempfile
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

SHOT = 200
"""Frames of a shot, but for the long one."""
LONG = (2, 5)
"""Shots, from and up to, between which there is no cut."""


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
    """Write frames as H.264, one after another."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25), options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())


def main() -> None:
    """Color a film and print the memory of each eighth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=3200)
    parser.add_argument("--size", default="160x120")
    parser.add_argument("--detail", default="auto")
    parser.add_argument("--deflicker", action="store_true")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    detail = arguments.detail if arguments.detail == "auto" else int(arguments.detail)
    colorizer = dk.Colorizer.from_preset("koala-lite", backend="litert").with_detail(detail)
    process = psutil.Process()
    most = [0.0] * 8

    def note(what: str, done: int, count: int) -> None:
        if what == "coloring" and done:
            eighth = (done - 1) * 8 // count
            most[eighth] = max(most[eighth], process.memory_info().rss / 2**20)

    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder) / "old.mp4"
        frames = make_frames(arguments.frames, width, height)
        write_film(old, frames, width, height)
        before = process.memory_info().rss / 2**20
        began, used = time.perf_counter(), time.process_time()
        settings = {"deflicker": True} if arguments.deflicker else {}
        report = dk.colorize_video(
            old, Path(folder) / "new.mp4", colorizer, progress=note, **settings
        )
        wall, used = time.perf_counter() - began, time.process_time() - used
    print(
        f"{report.frames} frames of {width}×{height}, {report.shots} shots: {wall:.0f} s, ", end=""
    )
    print(f"{1000 * used / report.frames:.0f} ms of processor time a frame")
    print(
        f"MB before: {before:.0f}; at most in each eighth: " + ", ".join(f"{x:.0f}" for x in most)
    )


if __name__ == "__main__":
    main()
