"""What photos of an album take of one another: of the same things, and where nothing is alike.

    python benchmarks/albums.py PHOTOS [PHOTOS …] [--limit N] [--backend litert]

Each photo, at 256 pixels along its short side, is cut twice, to 70 % of both sides from opposite
corners, so that the cuts share a part. The first cut is given eight true colors at random places,
or all its colors as a reference. Printed is what that gains in PSNR, in dB: for the second cut, and
for the second cuts of two other photos, far away among those of all folders, shuffled.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import cv2
import numpy as np

from deepkoal import Album, Colorizer, Hint
from deepkoal.color import rgb_to_lab
from deepkoal.evaluation.metrics import is_near_grey, psnr
from deepkoal.guidance import ColorOptions
from deepkoal.image_io import list_photos, read_image
from deepkoal.inference.prediction import Prediction

SIDE = 256
SHARE = 0.7
HINTS = 8
Cut = tuple[np.ndarray, Prediction, float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, nargs="+", help="folders of color photos")
    parser.add_argument("--limit", type=int, default=30, help="of each folder (%(default)s)")
    parser.add_argument("--backend", default="litert", help="keras, litert, onnx (%(default)s)")
    arguments = parser.parse_args()
    colorizer = Colorizer.from_preset(backend=arguments.backend)
    pairs = [cut_twice(photo) for photo in draw_photos(arguments.photos, arguments.limit)]
    cuts = [see(colorizer, second) for _, second in pairs]
    gains: dict[str, list[float]] = {}
    for index, (first, _) in enumerate(pairs):
        for name, album in make_albums(colorizer, first, index).items():
            for place, kind in (
                (0, "like"),
                (len(cuts) // 2, "unlike"),
                (len(cuts) // 3, "unlike"),
            ):
                gain = measure(album, cuts[(index + place) % len(cuts)])
                gains.setdefault(f"{name}, {kind}", []).append(gain)
    print(f"{len(cuts)} photos, {np.mean([plain for _, _, plain in cuts]):.2f} dB without an album")
    for name, values in gains.items():
        print(f"{name}: {np.mean(values):+.2f} dB ({min(values):+.2f}…{max(values):+.2f})")


def draw_photos(folders: list[Path], limit: int) -> list[np.ndarray]:
    """Return photos of all folders, alternating, in an order that is shuffled once."""
    listed = [list_photos(folder) for folder in folders]
    for paths in listed:
        random.Random(5).shuffle(paths)
    photos = []
    for each in zip(*(paths[:limit] for paths in listed), strict=False):
        for path in each:
            photo = read_image(path)
            scale = min(1, SIDE / min(photo.shape[:2]))
            photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            photos += [] if is_near_grey(photo) else [photo]
    return photos


def cut_twice(photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    height, width = (int(SHARE * side) for side in photo.shape[:2])
    first, second = photo[:height, :width], photo[-height:, -width:]
    return np.ascontiguousarray(first), np.ascontiguousarray(second)


def see(colorizer: Colorizer, cut: np.ndarray) -> Cut:
    prediction = colorizer.predict(cut)
    return cut, prediction, psnr(prediction.render(), cut)


def make_albums(colorizer: Colorizer, cut: np.ndarray, seed: int) -> dict[str, Album]:
    """Return an album that knows some colors of a cut, and one that knows all."""
    rng, lab = np.random.default_rng(seed), rgb_to_lab(cut.astype(np.float32) / 255)
    hints = []
    for _ in range(HINTS):
        x, y = (int(rng.integers(3, side - 3)) for side in cut.shape[1::-1])
        ab = lab[y - 3 : y + 3, x - 3 : x + 3, 1:].mean((0, 1))
        hints.append(Hint(x, y, (float(ab[0]), float(ab[1]))))
    some, all_ = Album(colorizer), Album(colorizer)
    some.learn(cut, ColorOptions(hints=hints), "cut")
    all_.learn_reference(cut, "cut")
    return {f"{HINTS} hints": some, "a reference": all_}


def measure(album: Album, cut: Cut) -> float:
    rgb, prediction, plain = cut
    options, _ = album.carry(prediction, name="other")
    return psnr(prediction.render(options), rgb) - plain


if __name__ == "__main__":
    main()
