"""What variations, uncertainty and suggested hints are worth, measured on color photos.

    python benchmarks/variations.py variations PHOTOS [--limit N] [--model RUN] [--count N]
    python benchmarks/variations.py uncertainty PHOTOS [--limit N] [--model RUN] [--hints N]

variations: PSNR of the best of them over the automatic one's, and of the best of as many that
differ in vibrance alone; their mean distance in ab from each other; and whether those that are
listed first as most likely are nearer to the truth (Spearman).

uncertainty: Spearman's correlation of true ab error and each kind of doubt, per photo over the
places of the network's outputs, mean over photos; and PSNR with true colors given where each asks
for them, and at random places.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from deepkoal.color import rgb_to_lab
from deepkoal.evaluation.metrics import center_square, is_near_grey, psnr
from deepkoal.guidance import expected_error, measure_ab, suggest_hints, uncertainty
from deepkoal.guidance.uncertainty import SHARPER
from deepkoal.hints import Hint
from deepkoal.image_io import list_photos, read_photo
from deepkoal.inference.colorizer import Colorizer, Prediction
from deepkoal.rendering.composition import render
from deepkoal.rendering.upsampling import fit_chroma

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]

PATCH = 6  # side in pixels of what a true color is the mean of


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("variations", "uncertainty"))
    parser.add_argument("photos", type=Path, help="a folder of color photos")
    parser.add_argument("--limit", type=int, default=80, help="how many, evenly (%(default)s)")
    parser.add_argument("--model", help="a run or .keras file instead of koala-lite")
    parser.add_argument("--vibrance", type=float, default=1.0, help="(%(default)s)")
    parser.add_argument("--count", type=int, default=8, help="of variations (%(default)s)")
    parser.add_argument("--hints", type=int, default=5, help="given to each (%(default)s)")
    arguments = parser.parse_args()
    colorizer = Colorizer.from_file(arguments.model) if arguments.model else Colorizer.from_preset()
    paths = list_photos(arguments.photos)
    count = min(arguments.limit, len(paths))
    photos = [center_square(read_photo(paths[i * len(paths) // count]).rgb) for i in range(count)]
    seen = [(photo, colorizer.predict(photo)) for photo in photos if not is_near_grey(photo)]
    if arguments.what == "variations":
        compare_variations(seen, arguments.vibrance, arguments.count)
    else:
        compare_uncertainties(seen, arguments.vibrance, arguments.hints)


def compare_variations(
    seen: list[tuple[ByteArray, Prediction]], vibrance: float, count: int
) -> None:
    rows, seconds, wins = [], [], np.zeros(count, int)
    for index, (truth, prediction) in enumerate(seen):
        _ = prediction.points  # computed once a photo, and not timed
        start = time.perf_counter()
        variations = prediction.list_variations(count, seed=index)
        chromas = [
            prediction.decode_ab(variation=variation, vibrance=vibrance)
            for variation in (None, *variations)
        ]
        seconds.append(time.perf_counter() - start)
        scores = [score(prediction, ab, truth) for ab in chromas]
        factors = [1.0, *np.geomspace(0.5, 2, count - 1)]
        scaled = [
            score(prediction, prediction.decode_ab(vibrance=vibrance * x), truth) for x in factors
        ]
        pairs = itertools.combinations(chromas, 2)
        apart = np.mean([np.linalg.norm(one - other, axis=-1).mean() for one, other in pairs])
        order = spearmanr(scores[1:], -np.arange(count - 1)).statistic if count > 2 else np.nan
        rows.append((scores[0], max(scores), max(scaled), apart, order))
        wins[np.argmax(scores)] += 1
    automatic, best, scaled_best, apart, order = np.mean(rows, axis=0)
    print(f"{len(seen)} photos at vibrance {vibrance:g}, {count} variations each")
    print(f"automatic            {automatic:6.2f} dB")
    print(f"best variation       {best:6.2f} dB  {best - automatic:+.2f}")
    print(f"best vibrance        {scaled_best:6.2f} dB  {scaled_best - automatic:+.2f}")
    print(f"distance in ab       {apart:6.2f}")
    print(f"likely is near       {order:6.2f}")
    print(f"best is at place     {' '.join(map(str, wins))}")
    print(f"time of drawing      {1000 * np.median(seconds):6.1f} ms")


def score(prediction: Prediction, ab: FloatArray, truth: ByteArray) -> float:
    return psnr(render(prediction.l, fit_chroma(prediction.l, ab)), truth)


def compare_uncertainties(
    seen: list[tuple[ByteArray, Prediction]], vibrance: float, count: int
) -> None:
    rows = []
    for index, (truth, prediction) in enumerate(seen):
        decoding, logits = prediction.decoding, prediction.outputs["logits"]
        ab = prediction.decode_ab(vibrance=vibrance)
        error = np.linalg.norm(ab - measure_ab(truth, *ab.shape[:2]), axis=-1)
        truth_ab = rgb_to_lab(truth.astype(np.float32) / 255)[..., 1:]
        doubts = {
            "entropy": uncertainty(logits),
            "entropy, annealed": uncertainty(logits, decoding.temperature),
            "expected error": expected_error(logits, ab),
            "expected error, sharper": expected_error(logits, ab, SHARPER),
            "everywhere the same": np.ones_like(error),
        }
        asked = {
            name: to_pixels(
                suggest_hints(doubt, prediction.points, decoding.kernel, count), error.shape, truth
            )
            for name, doubt in doubts.items()
        }
        generator = np.random.default_rng(index)
        asked["random places"] = generator.integers(0, truth.shape[0], (count, 2)) + 0.5
        row = {}
        for name, points in asked.items():
            correlation = (
                spearmanr(doubts[name].ravel(), error.ravel()).statistic
                if (name in doubts and np.ptp(doubts[name]) > 0)
                else np.nan
            )
            hints = [true_hint(truth_ab, *place) for place in points]
            hinted = prediction.render(vibrance=decoding.psnr_optimal_vibrance, hints=hints)
            row[name] = correlation, psnr(hinted, truth)
        row["no hint"] = (
            np.nan,
            psnr(prediction.render(vibrance=decoding.psnr_optimal_vibrance), truth),
        )
        rows.append(row)
    print(f"{len(seen)} photos; correlation with the ab error at vibrance {vibrance:g}; PSNR with")
    print(f"{count} hints at vibrance {seen[0][1].decoding.psnr_optimal_vibrance:g}")
    for name in rows[0]:
        correlation, mean_psnr = np.mean([row[name] for row in rows], axis=0)
        print(f"{name:26s} {correlation:6.3f}   {mean_psnr:6.2f} dB")


def to_pixels(
    points: NDArray[np.intp], grid: tuple[int, ...], photo: ByteArray
) -> NDArray[np.float64]:
    """Return the centers, x and y, of places given by row and column."""
    return ((points + 0.5) / grid * photo.shape[:2])[:, ::-1]


def true_hint(truth_ab: FloatArray, x: float, y: float) -> Hint:
    """Return the mean of the true colors around a place."""
    height, width = truth_ab.shape[:2]
    left = int(np.clip(x - PATCH / 2, 0, width - PATCH))
    top = int(np.clip(y - PATCH / 2, 0, height - PATCH))
    a, b = truth_ab[top : top + PATCH, left : left + PATCH].mean(axis=(0, 1)).tolist()
    return Hint(x, y, (a, b))


if __name__ == "__main__":
    main()
