"""Whether a hint fills its thing and leaves the rest alone, measured on photos with masks.

    python benchmarks/hints.py PHOTOS MASKS [--limit N] [--backend litert] [--sheet OUT.jpg]

MASKS holds NAME.png for PHOTOS/NAME.*: a number for each pixel's kind of thing, 0 for none. Of each
photo, at 256 pixels along its short side, the largest thing is given one hint at its innermost
pixel, in one of six strong colors in turn. Printed are the means over the photos of

fill: the share of the thing within 10 ab units of the hint's color, as it can be shown there;
stay: the mean change of ab outside the thing, 5 pixels off its edge and more;
far: the 95th percentile of that change;
own: the color difference (CIEDE2000) at the hint's pixel from the color that it can show.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from deepkoal import Colorizer, Hint
from deepkoal.evaluation.metrics import ciede2000, rgb_to_ab
from deepkoal.image_io import list_photos, read_image, write_image
from deepkoal.rendering.composition import compose_rgb

SIDE = 256
RIM = 5
LEAST = 0.03
"""Share of the photo that a thing takes, at least."""
COLORS = ((5, -45), (50, 30), (-40, 35), (0, 60), (40, -35), (-25, -20))
"""CIE ab, strong ones: no guess is near them by chance."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, help="a folder of photos")
    parser.add_argument("masks", type=Path, help="a folder of their masks")
    parser.add_argument("--limit", type=int, default=25, help="how many, evenly (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="index of the first (%(default)s)")
    parser.add_argument("--backend", default="litert", help="keras, litert, onnx (%(default)s)")
    parser.add_argument("--sheet", type=Path, help="write photos before and after side by side")
    arguments = parser.parse_args()
    colorizer = Colorizer.from_preset(backend=arguments.backend)
    masked = [path for path in list_photos(arguments.photos) if find_mask(path, arguments.masks)]
    paths = masked[arguments.first :: max(1, len(masked) // arguments.limit)][: arguments.limit]
    rows, pictures = [], []
    for path in paths:
        photo, thing = read_thing(path, arguments.masks)
        if thing.mean() < LEAST:
            continue
        row, pair = measure(colorizer, photo, thing, COLORS[len(rows) % len(COLORS)])
        rows.append(row)
        pictures.append(pair)
        print(f"{path.name}: " + "  ".join(f"{value:.2f}" for value in row), flush=True)
    names = ("fill", "stay", "far", "own", "seconds of processor time")
    for name, value in zip(names, np.mean(rows, axis=0), strict=True):
        print(f"{name}: {value:.2f} of {len(rows)} photos")
    if arguments.sheet:
        write_image(arguments.sheet, np.vstack(pictures))


def find_mask(photo: Path, masks: Path) -> bool:
    return (masks / f"{photo.stem}.png").is_file()


def read_thing(path: Path, masks: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return a photo, uint8 (H, W, 3), and where its largest thing is, bool (H, W)."""
    photo = read_image(path)
    scale = SIDE / min(photo.shape[:2])
    size = round(photo.shape[1] * scale), round(photo.shape[0] * scale)
    photo = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    kinds = cv2.imread(str(masks / f"{path.stem}.png"), cv2.IMREAD_UNCHANGED)
    kinds = cv2.resize(kinds, size, interpolation=cv2.INTER_NEAREST)
    largest = np.zeros(kinds.shape, bool)
    for kind in np.unique(kinds[kinds > 0]):
        _, labels, stats, _ = cv2.connectedComponentsWithStats((kinds == kind).astype(np.uint8))
        if len(stats) > 1:
            label = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
            if stats[label, cv2.CC_STAT_AREA] > largest.sum():
                largest = labels == label
    return photo, largest


def measure(
    colorizer: Colorizer, photo: np.ndarray, thing: np.ndarray, color: tuple[float, float]
) -> tuple[tuple[float, ...], np.ndarray]:
    prediction = colorizer.predict(photo)
    inside = cv2.distanceTransform(np.pad(thing, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(inside.argmax(), inside.shape)
    before = prediction.render()
    start = time.process_time()
    after = prediction.render(hints=[Hint(float(x), float(y), color)])
    seconds = time.process_time() - start
    target = np.broadcast_to(np.float32(color), (*thing.shape, 2))
    shown = compose_rgb(prediction.l, np.ascontiguousarray(target))
    fill = np.linalg.norm(rgb_to_ab(after) - rgb_to_ab(shown), axis=-1)[thing] < 10
    rim = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RIM + 1, 2 * RIM + 1))
    outside = cv2.dilate(thing.astype(np.uint8), rim) == 0
    change = np.linalg.norm(rgb_to_ab(after) - rgb_to_ab(before), axis=-1)[outside]
    here = slice(y, y + 1), slice(x, x + 1)
    own = float(np.mean(ciede2000(after[here], shown[here])))
    row = (fill.mean(), change.mean(), np.percentile(change, 95), own, seconds)
    marked = cv2.circle(after.copy(), (int(x), int(y)), 4, (255, 255, 255), 2)
    pair = np.hstack([before, marked])
    return row, cv2.resize(pair, (4 * SIDE, 2 * SIDE), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
