"""Seconds and peak memory of coloring: a small photo, a 12- and a 100-megapixel one, many.

    python benchmarks/colorize.py [--model RUN] [--backend litert] [--huge]

The photos are scikit-image's, enlarged; the bare line is OpenCV decoding and encoding alone.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import cv2
import numpy as np
from skimage import data

from deepkoal.image_io import decode_photo, encode_photo
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.composition import lightness, render
from deepkoal.rendering.upsampling import fit_chroma


def best_time(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the seconds of the quickest of several calls, after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_memory() -> str:
    """Return the process's peak so far."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB"


def report(name: str, seconds: float, note: str = "") -> None:
    """Print a row."""
    print(f"{name:44s} {seconds * 1000:9.1f} ms   {note}", flush=True)


def enlarge(height: int, width: int) -> np.ndarray:
    """Return a grey photo of that size, with the detail and grain of a real one."""
    photo = cv2.resize(data.astronaut(), (width, height), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, 3, (height, width, 1)).astype("float32")
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None] + noise
    return np.repeat(np.clip(grey, 0, 255).astype("uint8"), 3, axis=2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a run or .keras file instead of koala-lite")
    parser.add_argument("--backend", default="keras", help="that runs koala-lite")
    parser.add_argument("--huge", action="store_true", help="also color 100 megapixels")
    arguments = parser.parse_args()
    start = time.perf_counter()
    if arguments.model:
        colorizer = Colorizer.from_file(arguments.model)
    else:
        colorizer = Colorizer.from_preset(backend=arguments.backend)
    report("loading the network", time.perf_counter() - start, peak_memory())

    small = cv2.resize(data.astronaut(), (256, 256), interpolation=cv2.INTER_AREA)
    report("256 x 256, photo to photo", best_time(lambda: colorizer.colorize(small)), peak_memory())

    photo = enlarge(3000, 4000)
    encoded = encode_photo(photo, "JPEG")
    buffer = np.frombuffer(encoded, np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
    bare = best_time(lambda: cv2.imencode(".jpg", cv2.imdecode(buffer, 1), quality))
    report("12 MP, bare OpenCV decode and encode", bare)
    measure_stages(colorizer, encoded, photo)

    def end_to_end() -> bytes:
        read = decode_photo(encoded)
        return encode_photo(colorizer.colorize(read.rgb), "JPEG", like=read)

    whole = best_time(end_to_end)
    report("12 MP, JPEG to JPEG", whole, f"{whole / bare:.2f} x bare, {peak_memory()}")

    rng = np.random.default_rng(0)
    sources = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    many = [
        cv2.resize(sources[i % 4], tuple(int(side) for side in rng.integers(200, 900, 2)))
        for i in range(100)
    ]
    seconds = best_time(lambda: colorizer.colorize_batch(many), repeats=2)
    report("100 mixed photos in a batch", seconds, f"{100 / seconds:.1f} a second")
    seconds = best_time(lambda: [colorizer.colorize(one) for one in many], repeats=2)
    report("100 mixed photos one by one", seconds, f"{100 / seconds:.1f} a second")

    if arguments.huge:
        huge = enlarge(10000, 10000)
        before = peak_memory()
        report("100 MP, photo to photo", best_time(lambda: colorizer.colorize(huge), 1))
        print(f"{'':44s} {before} before, {peak_memory()} after, photo and result included")


def measure_stages(
    colorizer: Colorizer,
    encoded: bytes,
    photo: np.ndarray,
) -> None:
    """Print where the time of a 12-megapixel photo goes."""
    prediction = colorizer.predict(photo)
    colored = prediction.render()
    field = fit_chroma(prediction.l, prediction.decode_ab())
    opened = best_time(lambda: colorizer.predict(photo))
    light = best_time(lambda: lightness(photo))
    report("  decode", best_time(lambda: decode_photo(encoded)))
    report("  lightness", light)
    report("  network with its resizing", opened - light)
    report("  decoding", best_time(prediction.decode_ab))
    report("  fit", best_time(lambda: fit_chroma(prediction.l, prediction.decode_ab())))
    report("  render", best_time(lambda: render(prediction.l, field)))
    report("  encode", best_time(lambda: encode_photo(colored, "JPEG")))


if __name__ == "__main__":
    main()
