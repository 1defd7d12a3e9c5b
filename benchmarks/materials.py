"""How wrong colors are on glass, metal and water, against matte things.

    python benchmarks/materials.py PHOTOS [--limit N] [--detail SIZE]

PHOTOS has one folder for each kind of material, with color photos of it. What is measured is the
mean ab error, in CIE Lab units, at the pixels of NAME.mask.png beside a photo, where that is
brighter than half, else in the middle half of its width and height. It is given for the network,
for the network at the vibrance of highest PSNR, for the grey photo, and for the photo's own mean
color, laid over all of it: what somebody would know who knew no more than the photo's mood. Colors
are made on LiteRT, from the photos' CIE lightness. ± is 1.96 standard errors of the mean.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepkoal.color import rgb_to_lab
from deepkoal.evaluation.metrics import is_near_grey
from deepkoal.image_io import list_photos, read_image
from deepkoal.inference.colorizer import Colorizer

MASK = ".mask.png"
COLUMNS = ("network", "paler", "grey", "own mean", "chroma", "true chroma")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, help="a folder of folders of color photos")
    parser.add_argument("--limit", type=int, default=100, help="of each kind (%(default)s)")
    parser.add_argument("--detail", type=int, help="working size, instead of the preset's")
    arguments = parser.parse_args()
    colorizer = Colorizer.from_preset("koala-lite", backend="litert")
    if arguments.detail:
        colorizer = colorizer.with_detail(arguments.detail)
    print(f"{'kind':12s} {'photos':>6s}" + "".join(f"{name:>13s}" for name in COLUMNS))
    for folder in sorted(path for path in arguments.photos.iterdir() if path.is_dir()):
        paths = [path for path in list_photos(folder) if not path.name.endswith(MASK)]
        count = min(arguments.limit, len(paths))
        chosen = [paths[i * len(paths) // count] for i in range(count)]
        rows = [row for path in chosen if (row := measure(colorizer, path)) is not None]
        means = np.mean(rows, axis=0)
        half = 1.96 * np.std(rows, axis=0) / len(rows) ** 0.5
        shown = "".join(f"{mean:7.1f} ± {x:3.1f}" for mean, x in zip(means, half, strict=True))
        print(f"{folder.name:12s} {len(rows):6d}{shown}", flush=True)


def measure(colorizer: Colorizer, path: Path) -> NDArray[np.float64] | None:
    """Return the figures of a photo, in the order of `COLUMNS`; None where it is nearly grey."""
    rgb = read_image(path)
    if is_near_grey(rgb):
        return None
    true = find_ab(rgb)
    inside = find_thing(path, *rgb.shape[:2])
    prediction = colorizer.predict(rgb)
    paler = colorizer.decoding.psnr_optimal_vibrance
    guesses = [find_ab(prediction.render(vibrance=vibrance)) for vibrance in (1.0, paler)]
    grey = np.zeros_like(true)
    errors = [
        np.linalg.norm(guess - true, axis=-1)[inside].mean()
        for guess in (*guesses, grey, grey + true.mean((0, 1)))
    ]
    chromas = [np.linalg.norm(ab, axis=-1)[inside].mean() for ab in (guesses[0], true)]
    return np.array([*errors, *chromas])


def find_ab(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(rgb_to_lab(rgb / 255)[..., 1:])


def find_thing(path: Path, height: int, width: int) -> NDArray[np.bool_]:
    """Return where in a photo its thing is, (H, W)."""
    mask = path.with_name(path.stem + MASK)
    if mask.exists():
        return np.asarray(read_image(mask)[..., 0] > 127)
    inside = np.zeros((height, width), bool)
    inside[height // 4 : -(height // 4) or None, width // 4 : -(width // 4) or None] = True
    return inside


if __name__ == "__main__":
    main()
