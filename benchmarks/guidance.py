"""What palettes and reference photos change, measured on color photos.

    python benchmarks/guidance.py palette PHOTOS [--limit N] [--model RUN] [--palettes NAME …]
    python benchmarks/guidance.py reference PHOTOS [--limit N] [--model RUN] [--widths W …]

palette: the earth mover's distance, in ab units, from the colors of all outputs to each named
palette, before and after; and how far ab moves in the sky, where the network is certain and where
it is not. Sky is what lies in the upper third and is blue without a palette.

reference: the mean ab error of each half of a photo, with the other half as its reference, and
with a half of another photo, at several widths of the affinity's features.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.color import ab_bins, encode_ab
from deepkoal.errors import DeepkoalError
from deepkoal.evaluation.metrics import center_square, is_near_grey
from deepkoal.guidance import (
    REFERENCE_KERNEL,
    Kernel,
    Palette,
    Reference,
    list_palettes,
    match_reference,
    measure_ab,
)
from deepkoal.image_io import list_photos, read_photo
from deepkoal.inference.colorizer import Colorizer, Prediction

FloatArray = NDArray[np.float32]

SIDE = 256


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("palette", "reference"))
    parser.add_argument("photos", type=Path, help="a folder of color photos")
    parser.add_argument("--limit", type=int, default=60, help="how many, evenly (%(default)s)")
    parser.add_argument("--model", help="a run or .keras file instead of koala-lite")
    parser.add_argument("--backend", default="keras", help="of koala-lite (%(default)s)")
    parser.add_argument("--palettes", nargs="+", metavar="NAME", help="some of them (all)")
    parser.add_argument("--vibrance", type=float, default=1.0, help="under a palette (%(default)s)")
    parser.add_argument("--prior", type=Path, help="an .npy file, where the preset has no prior")
    parser.add_argument(
        "--widths", type=float, nargs="+", default=[0.2, 0.3, 0.4], help="(%(default)s)"
    )
    arguments = parser.parse_args()
    colorizer = (
        Colorizer.from_file(arguments.model)
        if arguments.model
        else Colorizer.from_preset(backend=arguments.backend)
    )
    photos = read_colored(arguments.photos, arguments.limit)
    if arguments.what == "palette":
        prior = np.load(arguments.prior) if arguments.prior else colorizer.decoding.prior
        if prior is None:
            parser.error("the preset has no prior; give one with --prior")
        colorizer.decoding = dataclasses.replace(colorizer.decoding, prior=prior.astype(np.float32))
        predictions = [colorizer.predict(center_square(photo, SIDE)) for photo in photos]
        names = arguments.palettes or [palette.name for palette in list_palettes()]
        compare_palettes(predictions, [Palette.named(name) for name in names], arguments.vibrance)
    else:
        compare_references(colorizer, photos, arguments.widths)


def read_colored(folder: Path, limit: int) -> list[NDArray[np.uint8]]:
    paths = list_photos(folder)
    count = min(limit, len(paths))
    photos = [read_photo(paths[i * len(paths) // count]).rgb for i in range(count)]
    return [photo for photo in photos if not is_near_grey(photo)]


def compare_palettes(
    predictions: list[Prediction], palettes: list[Palette], vibrance: float
) -> None:
    before = [photo.decode_ab().reshape(-1, 2) for photo in predictions]
    entropy = np.concatenate([measure_entropy(photo.outputs["logits"]) for photo in predictions])
    third, two_thirds = np.quantile(entropy, [1 / 3, 2 / 3])
    ab = np.concatenate(before)
    upper = np.concatenate([np.arange(len(x)) < len(x) // 3 for x in before])
    sky = upper & (ab[:, 1] < -8) & (np.abs(ab[:, 0]) < 20)
    groups = {"sky": sky, "certain": entropy < third, "doubtful": entropy > two_thirds}
    shares = ", ".join(f"{name} {100 * group.mean():.0f} %" for name, group in groups.items())
    print(f"{len(predictions)} photos; {shares} of the places")
    print(f"{'':16s} distance to palette   ab moves by, mean of             sky")
    print(f"{'palette':16s} before   after       sky  certain  doubtful  left blue")
    rows = []
    for palette in palettes:
        after = np.concatenate(
            [
                photo.decode_ab(palette=palette, vibrance=vibrance).reshape(-1, 2)
                for photo in predictions
            ]
        )
        moved = np.linalg.norm(after - ab, axis=-1)
        distances = [move_earth(x, palette.probabilities) for x in (ab, after)]
        left = 100 * np.mean(after[sky, 1] < 0)
        rows.append([*distances, *(moved[group].mean() for group in groups.values()), left])
        print_row(palette.name, rows[-1])
    print_row("mean", np.mean(rows, axis=0))


def print_row(name: str, row: list[float] | FloatArray) -> None:
    before, after, *moved, left = row
    middle = " ".join(f"{x:9.1f}" for x in moved)
    print(f"{name:16s} {before:6.2f}  {after:6.2f} {middle} {left:8.0f} %", flush=True)


def measure_entropy(logits: FloatArray) -> FloatArray:
    logits = logits.reshape(-1, logits.shape[-1])
    mass = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares = mass / mass.sum(axis=-1, keepdims=True)
    return -np.sum(shares * np.log(np.maximum(shares, 1e-12)), axis=-1)


def move_earth(ab: FloatArray, probabilities: FloatArray) -> float:
    """Return the earth mover's distance from some colors to a distribution, in ab units."""
    parts = [encode_ab(part).sum(axis=0) for part in np.array_split(ab, 1 + len(ab) // 4096)]
    histogram = np.sum(parts, axis=0) / len(ab)
    signatures = [
        np.column_stack([mass, ab_bins()]).astype(np.float32) for mass in (histogram, probabilities)
    ]
    return cv2.EMD(*signatures, cv2.DIST_L2)[0]


def compare_references(
    colorizer: Colorizer, photos: list[NDArray[np.uint8]], widths: list[float]
) -> None:
    halves = see_halves(colorizer, photos)
    pairs = [(i, first) for i in range(len(halves)) for first in (0, 1)]
    seen = [halves[i][first] for i, first in pairs]
    own = [halves[i][1 - first] for i, first in pairs]
    foreign = [halves[(i + 1) % len(halves)][first] for i, first in pairs]
    alone = np.array([mean_error(photo.decode_ab(), ab) for photo, ab in seen])
    print(f"{len(seen)} halves of {len(halves)} photos; mean ab error {alone.mean():.2f} alone")
    print("width   other half   better   another photo   better")
    for width in widths:
        kernel = dataclasses.replace(REFERENCE_KERNEL, features=(width,))
        row = f"{width:5.2f}"
        for references in (own, foreign):
            errors = np.array(
                [
                    pull(photo, ab, *reference, kernel)
                    for (photo, ab), reference in zip(seen, references, strict=True)
                ]
            )
            change = 100 * (errors.mean() / alone.mean() - 1)
            row += (
                f"  {errors.mean():6.2f} {change:+4.0f} %  {100 * np.mean(errors < alone):3.0f} %  "
            )
        print(row, flush=True)


def see_halves(
    colorizer: Colorizer, photos: list[NDArray[np.uint8]]
) -> list[list[tuple[Prediction, FloatArray]]]:
    """Return both halves of each photo; photos of which a half is grey are left out."""
    found = []
    for photo in photos:
        with contextlib.suppress(DeepkoalError):
            found.append([see(colorizer, half) for half in cut_in_halves(photo)])
    return found


def cut_in_halves(photo: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Scale a photo to a short side of `SIDE` and cut it across its long side."""
    scale = SIDE / min(photo.shape[:2])
    size = round(photo.shape[1] * scale), round(photo.shape[0] * scale)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = photo if scale == 1 else cv2.resize(photo, size, interpolation=how)
    axis = int(scaled.shape[1] >= scaled.shape[0])
    return [np.ascontiguousarray(half) for half in np.array_split(scaled, 2, axis=axis)]


def see(colorizer: Colorizer, rgb: NDArray[np.uint8]) -> tuple[Prediction, FloatArray]:
    """Return a photo as the network saw it, and its true ab at the same places."""
    prediction = colorizer.predict(rgb)
    return prediction, measure_ab(rgb, *prediction.outputs["features"].shape[:2])


def pull(
    photo: Prediction,
    truth: FloatArray,
    reference: Prediction,
    reference_ab: FloatArray,
    kernel: Kernel,
) -> float:
    """Return the ab error of a photo that takes a reference's colors."""
    ab = photo.decode_ab().reshape(-1, 2)
    colors = Reference(reference.points, reference_ab.reshape(-1, 2))
    mean, trust = match_reference(photo.points, colors, kernel)
    return mean_error(ab + trust * (mean - ab), truth)


def mean_error(ab: FloatArray, truth: FloatArray) -> float:
    return float(np.linalg.norm(ab.reshape(-1, 2) - truth.reshape(-1, 2), axis=-1).mean())


if __name__ == "__main__":
    main()
