"""Keras, LiteRT and ONNX Runtime: cold start to first photo, latency at 256×256, file sizes.

    python benchmarks/backends.py [--preset NAME] [--repeats N]

Every file is exported anew from the preset's weights. Cold start is the whole command
`deepkoal colorize PHOTO -o OUT`, from its start to its end, for a photo of 512×512: the best of N
runs, and the seconds of processor time of that run, which a loaded machine leaves as they are.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from deepkoal.cli.commands.export import read_photos
from deepkoal.export import PRECISIONS, export_litert, export_onnx
from deepkoal.image_io import write_image
from deepkoal.inference.colorizer import Colorizer
from deepkoal.models.weights import find_shipped


def best_times(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Return wall-clock and processor seconds of the quickest of several calls."""
    found = []
    for _ in range(repeats):
        spent, start = _spend(), time.perf_counter()
        work()
        found.append((time.perf_counter() - start, _spend() - spent))
    return min(found)


def _spend() -> float:
    """Return the processor seconds of this process and of those it has waited for."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def export_all(preset: str, folder: Path) -> dict[str, list[str]]:
    """Export the preset; return the command's options for each way to run it."""
    colorizer = Colorizer.from_preset(preset)
    ways = {"Keras": ["--preset", preset, "--backend", "keras"]}
    for precision in PRECISIONS:
        path = folder / f"{precision}.tflite"
        photos = read_photos(None) if precision == "int8" else iter(())
        export_litert(colorizer, path, precision=precision, photos=photos)
        ways[f"LiteRT {precision}"] = ["--model", str(path)]
    ways["ONNX Runtime"] = ["--model", str(export_onnx(colorizer, folder / "float32.onnx"))]
    return ways


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="koala-lite")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ways = export_all(arguments.preset, folder)
        write_image(folder / "old.png", data.astronaut())
        small = cv2.resize(data.astronaut(), (256, 256), interpolation=cv2.INTER_AREA)
        l_norm = np.random.default_rng(0).uniform(-1, 1, (1, 256, 256, 1)).astype("float32")
        print(f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}")
        print("| backend | file | cold start (processor) | network, 256×256 | photo of 256×256 |")
        print("|---|---|---|---|---|")
        for way, options in ways.items():
            program = [sys.executable, "-m", "deepkoal.cli", "colorize", str(folder / "old.png")]
            argv = [*program, *options, "-o", str(folder / "new.jpg")]
            start, spent = best_times(
                lambda argv=argv: subprocess.run(argv, check=True, capture_output=True),
                arguments.repeats,
            )
            if way == "Keras":
                file = find_shipped(arguments.preset)
                colorizer = Colorizer.from_preset(arguments.preset)
            else:
                file, colorizer = Path(options[1]), Colorizer.from_file(options[1])
            size = file.stat().st_size
            runs = (
                lambda colorizer=colorizer: colorizer.backend.predict(l_norm),
                lambda colorizer=colorizer: colorizer.colorize(small),
            )
            for run in runs:
                run()
            network, photo = (best_times(run, 4 * arguments.repeats)[0] for run in runs)
            print(
                f"| {way} | {size / 1e6:.1f} MB | {start:.2f} s ({spent:.2f} s) | "
                f"{network * 1000:.1f} ms | {photo * 1000:.1f} ms |",
                flush=True,
            )


if __name__ == "__main__":
    main()
