"""Frames a second of `deepkoal video`, end to end and by parts, at 480p, 720p and 1080p.

python benchmarks/film_speed.py [--frames N] [--sizes WIDTHxHEIGHT …]

Films are made by code as in `film.py`, H.264 with sound, and have a cut every 48 frames. End to end
is the time on the clock from file to file, finding shots and H.264 included, by one process and by
two, whose start is included. Parts are milliseconds of processor time a frame, as those of
`evaluate --video`, and the rest: shots, encoding and joining.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from pathlib import Path

import film

import deepkoal as dk
import deepkoal.video.plan
from deepkoal.video import evaluate_video, open_film

SHOT = 48
PARTS = ("reading", "coherent", "rendering")


def measure(folder: Path, width: int, height: int, frames: int) -> str:
    """Return a row of the table."""
    old = folder / f"old-{height}.mp4"
    film.write_film(old, film.make_frames(frames, width, height), width, height)
    load = functools.partial(dk.Colorizer.from_preset, "koala-lite", backend="litert")
    colorizer = load()
    rates = []
    for processes in (1, 2):
        began, used = time.perf_counter(), time.process_time()
        dk.colorize_video(
            old,
            folder / f"new-{height}-{processes}.mp4",
            colorizer if processes == 1 else load,
            processes=processes,
        )
        rates.append(frames / (time.perf_counter() - began))
        if processes == 1:
            whole = 1000 * (time.process_time() - used) / frames
    seconds = evaluate_video(open_film(old), colorizer, limit=24).seconds
    parts = [1000 * seconds[part] for part in PARTS]
    cells = [f"{rate:.1f}" for rate in rates] + [
        f"{each:.0f}" for each in (*parts, max(0.0, whole - sum(parts)), whole)
    ]
    return f"| {width}×{height} | {' | '.join(cells)} |"


def main() -> None:
    """Measure each size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=4 * SHOT)
    parser.add_argument("--sizes", nargs="+", default=["854x480", "1280x720", "1920x1080"])
    arguments = parser.parse_args()
    film.SHOT, film.LONG = SHOT, (0, 0)
    deepkoal.video.plan.CHUNK = SHOT
    columns = ("frames of", "frames/s", "by two processes", *PARTS, "the rest", "in all")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.sizes:
            print(measure(Path(folder), *map(int, size.split("x")), arguments.frames), flush=True)


if __name__ == "__main__":
    main()
