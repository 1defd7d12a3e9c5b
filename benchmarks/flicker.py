"""What `--deflicker` leaves of a flicker of exposure that is laid over films without one.

python benchmarks/flicker.py [FILM …]

Of each film the first frames are taken; two made by code come first: a camera's pan, and a light
thing that comes in over a dark ground. Every frame gets another exposure, and in a second row
another contrast too. Told is the deviation of the frames' mean lightness from the true film's,
slow changes taken out, in L; and the root mean square difference of all lightness from it.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from deepkoal.arrays import FloatArray
from deepkoal.rendering.composition import lightness
from deepkoal.video import Frame, open_film
from deepkoal.video.temporal.waiting import even_exposure, prepare_frames

STOPS, GAMMA = 0.17, 0.1
"""Deviations of the exposures, in stops, and of the contrasts' logarithm."""
SLOW = 17
"""Frames over which an average is taken for slow."""


def make_pan(count: int) -> list[FloatArray]:
    """Return a camera's pan over a photo, in L."""
    wide = lightness(cv2.resize(data.coffee(), (480 + 6 * count, 372), None))
    return [wide[:272, 6 * index : 6 * index + 480] for index in range(count)]


def make_entrance(count: int) -> list[FloatArray]:
    """Return a dark ground over which a light thing moves, a third of the picture large, in L."""
    ground = cv2.resize(lightness(data.coffee()), (480, 272)) * 0.5
    thing = np.clip(cv2.resize(lightness(data.astronaut()), (260, 260)) + 20, 0, 100)
    frames = []
    for index in range(count):
        frame, x = ground.copy(), 480 - 20 * index
        left, right = max(0, x), min(480, x + 260)
        if right > left:
            frame[6:266, left:right] = thing[:, left - x : right - x]
        frames.append(frame)
    return frames


def expose(l: FloatArray, stops: float, gamma: float) -> FloatArray:
    """Return lightness as of another exposure and contrast."""
    light = np.clip(((l + 16) / 116) ** 3, 0, 1) ** np.exp(gamma) * 2.0**stops
    return np.clip(116 * np.cbrt(np.clip(light, 0, 1)) - 16, 0, 100).astype(np.float32)


def even(all_l: list[FloatArray]) -> list[FloatArray]:
    """Return lightness as `--deflicker` evens it, at the size that frames are compared at."""
    deep = [
        Frame(np.repeat(_to_samples(l)[..., None], 3, axis=2), index)
        for index, l in enumerate(all_l)
    ]
    waiting = prepare_frames(deep, lambda frame, l: False)
    return [frame.read_lightness() for frame in even_exposure(waiting)]


def _to_samples(l: FloatArray) -> np.ndarray:
    y = np.where(l > 8, ((l + 16) / 116) ** 3, l * (3 / 29) ** 3)
    srgb = np.where(y > 0.0031308, 1.055 * y ** (1 / 2.4) - 0.055, 12.92 * y)
    return np.rint(65535 * np.clip(srgb, 0, 1)).astype(np.uint16)


def measure(frames: list[FloatArray], truth: list[FloatArray]) -> str:
    """Return both figures as cells of a table."""
    differences = [a - b for a, b in zip(frames, truth, strict=True)]
    off = np.array([np.mean(each) for each in differences])
    padded = np.pad(off, SLOW // 2, mode="edge")
    slow = np.convolve(padded, np.full(SLOW, 1 / SLOW), mode="valid")
    rms = np.sqrt(np.mean([np.mean(each**2) for each in differences]))
    return f"{np.std(off - slow):.2f}, {rms:.2f}"


def main() -> None:
    """Measure each film and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("films", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=24)
    arguments = parser.parse_args()
    films = {"a pan": make_pan(60), "a light thing comes in": make_entrance(60)}
    for path in arguments.films:
        frames = itertools.islice(open_film(path).read(), arguments.frames)
        films[path.stem] = [lightness(frame.rgb) for frame in frames]
    print("| film | flicker of | flickering | evened | without flicker, evened |")
    print("|---|---|---|---|---|")
    for name, truth in films.items():
        still = measure(even(truth), truth)
        for kind, gamma in (("exposure", 0.0), ("and of contrast", GAMMA)):
            rng = np.random.default_rng(0)
            changes = [(rng.normal(0, STOPS), rng.normal(0, gamma)) for _ in truth]
            old = [expose(l, *change) for l, change in zip(truth, changes, strict=True)]
            left = measure(even(old), truth)
            print(f"| {name} | {kind} | {measure(old, truth)} | {left} | {still} |", flush=True)


if __name__ == "__main__":
    main()
