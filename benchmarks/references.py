"""What a photo takes of its own copies, and of a photo that has nothing to do with it.

    python benchmarks/references.py PHOTOS [--limit N] [--backend litert]

Photos are cut to a square of 256 pixels. Printed is the PSNR in dB, mean over the photos and for
the worst tenth, of each colored at vibrance 1: without a reference, and with itself, its mirror
image, its middle (0.7 of its sides), itself at half and at twice the size and turned, and the photo
of the set that is least alike, by mean lightness and color, as reference. Of the middle also
printed is what is taken within it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from deepkoal import Colorizer
from deepkoal.color import rgb_to_lab
from deepkoal.evaluation.metrics import center_square, is_near_grey, psnr
from deepkoal.image_io import list_photos, read_image

SIDE = 256
MIDDLE = (slice(round(0.15 * SIDE), -round(0.15 * SIDE)),) * 2
TURN = 3  # degrees


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, help="a folder of color photos")
    parser.add_argument("--limit", type=int, default=100, help="how many, evenly (%(default)s)")
    parser.add_argument("--backend", default="litert", help="keras, litert, onnx (%(default)s)")
    arguments = parser.parse_args()
    colorizer = Colorizer.from_preset(backend=arguments.backend)
    paths = list_photos(arguments.photos)
    chosen = paths[:: max(1, len(paths) // arguments.limit)][: arguments.limit]
    photos = [center_square(read_image(path), SIDE) for path in chosen]
    photos = [photo for photo in photos if not is_near_grey(photo)]
    table: dict[str, list[float]] = {}
    for photo, other in zip(photos, find_least_alike(photos), strict=True):
        prediction = colorizer.predict(photo)
        references = {"no reference": None, **make_copies(photo), "unrelated": other}
        for name, reference in references.items():
            colored = prediction.render(reference=reference)
            table.setdefault(name, []).append(psnr(colored, photo))
            if name in ("no reference", "its middle"):
                within = psnr(colored[MIDDLE], photo[MIDDLE])
                table.setdefault(f"{name}, within the middle", []).append(within)
    print(f"{len(photos)} photos; PSNR in dB: mean, the worst tenth")
    for name, values in table.items():
        print(f"{name:31s} {np.mean(values):6.2f}  {np.quantile(values, 0.1):6.2f}")


def make_copies(photo: np.ndarray) -> dict[str, np.ndarray]:
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), TURN, 1)
    half, twice = (SIDE // 2,) * 2, (2 * SIDE,) * 2
    return {
        "itself": photo,
        "mirrored": np.ascontiguousarray(photo[:, ::-1]),
        "its middle": np.ascontiguousarray(photo[MIDDLE]),
        "half the size": cv2.resize(photo, half, interpolation=cv2.INTER_AREA),
        "twice the size": cv2.resize(photo, twice, interpolation=cv2.INTER_CUBIC),
        "turned": cv2.warpAffine(photo, turn, photo.shape[1::-1], borderMode=cv2.BORDER_REFLECT),
    }


def find_least_alike(photos: list[np.ndarray]) -> list[np.ndarray]:
    means = np.array([rgb_to_lab(photo / np.float32(255)).mean(axis=(0, 1)) for photo in photos])
    apart = np.linalg.norm(means[:, None] - means, axis=-1)
    return [photos[index] for index in apart.argmax(axis=1)]


if __name__ == "__main__":
    main()
