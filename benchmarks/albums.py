"""What photos of an album take of one another: of the same things, and where nothing is alike.

    python benchmarks/albums.py PHOTOS [PHOTOS …] [--limit N] [--backend litert]

Each photo, at 256 pixels along its short side, is cut twice, to 70 % of both sides from opposite
corners, so that the cuts share a part. The first cut is given eight true colors at random places,
or all its colors as a reference. Printed is what that gains in PSNR, in dB: for the second cut, and
for the second cuts of two other photos, far away among those of all folders, shuffled. Of the part
that both cuts show, how far its colors are from one cut to the other, in ab units on average, each
cut by itself and in the album: the first as it was given its colors.
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
Given = tuple[Album, np.ndarray]
"""An album that learned a cut, and that cut as it was given its colors, uint8 (H, W, 3)."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, nargs="+", help="folders of color photos")
    parser.add_argument("--limit", type=int, default=30, help="of each folder (%(default)s)")
    parser.add_argument("--backend", default="litert", help="keras, litert, onnx (%(default)s)")
    arguments = parser.parse_args()
    colorizer = Colorizer.from_preset(backend=arguments.backend)
    photos = draw_photos(arguments.photos, arguments.limit)
    pairs = [cut_twice(photo) for photo in photos]
    cuts = [see(colorizer, second) for _, second in pairs]
    gains: dict[str, list[float]] = {}
    apart: dict[str, list[tuple[float, float]]] = {}
    for index, (first, _) in enumerate(pairs):
        for name, (album, shown) in make_albums(colorizer, first, index).items():
            plain = cuts[index][1].render()
            carried = cuts[index][1].render(album.carry(cuts[index][1], name="other")[0])
            size = photos[index].shape[:2]
            distances = tuple(measure_shared(shown, each, size) for each in (plain, carried))
            apart.setdefault(name, []).append(distances)
            for place, kind in (
                (0, "like"),
                (len(cuts) // 2, "unlike"),
                (len(cuts) // 3, "unlike"),
            ):
                gain = measure(album, cuts[(index + place) % len(cuts)])
                gains.setdefault(f"{name}, {kind}", []).append(gain)
    print(f"{len(cuts)} photos, {np.mean([plain for _, _, plain in cuts]):.2f} dB without an album")
    for name, pair in apart.items():
        before, after = np.mean(pair, axis=0)
        print(f"{name}: what both show is {before:.1f} apart, in the album {after:.1f}")
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


def make_albums(colorizer: Colorizer, cut: np.ndarray, seed: int) -> dict[str, Given]:
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
    return {
        f"{HINTS} hints": (some, colorizer.colorize(cut, hints=hints)),
        "a reference": (all_, cut),
    }


def measure(album: Album, cut: Cut) -> float:
    rgb, prediction, plain = cut
    options, _ = album.carry(prediction, name="other")
    return psnr(prediction.render(options), rgb) - plain


def measure_shared(first: np.ndarray, second: np.ndarray, size: tuple[int, int]) -> float:
    """Return how far the colors of what two cuts of a photo both show are apart, in ab units.

    Args:
        first: uint8 (H, W, 3), of the photo's upper left corner.
        second: likewise, of its lower right one.
        size: height and width of the photo.
    """
    rows, columns = (2 * part - side for part, side in zip(first.shape[:2], size, strict=True))
    parts = first[-rows:, -columns:], second[:rows, :columns]
    one, other = (rgb_to_lab(part.astype(np.float32) / 255)[..., 1:] for part in parts)
    return float(np.linalg.norm(one - other, axis=-1).mean())


if __name__ == "__main__":
    main()
