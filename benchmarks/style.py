"""How near styled photos come to a painting's texture, and how much of the photo stays.

    python benchmarks/style.py [--size 240] [--steps 60] [--strength 0.7] [--sheet FILE.jpg]
        [--photos NAME …] [--styles NAME …]

Six photos that come with scikit-image in the six styles that come along. Of each pair: the Gram
loss and the patch loss after over before (`style.texture_losses`), measured on lightness with
filters that were not painted with; the change of the features at stride 16, as a part of their mean
square; and seconds of processor time. The last line is the change from each photo to the next one,
which is what it means that nothing of a photo is left.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import skimage.data

from deepkoal.arrays import ByteArray, FloatArray
from deepkoal.image_io import write_image
from deepkoal.rendering.contact_sheets import SheetRow, desaturate, draw_sheet
from deepkoal.style import Style, list_styles, stylize
from deepkoal.style.restyling import STYLE_SIDE
from deepkoal.style.texture_losses import measure_texture

PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "immunohistochemistry", "rocket")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [style.name for style in list_styles()]
    parser.add_argument("--photos", nargs="+", default=PHOTOS, choices=PHOTOS)
    parser.add_argument("--styles", nargs="+", default=names, choices=names)
    parser.add_argument("--size", type=int, default=240, help="(%(default)s)")
    parser.add_argument("--steps", type=int, default=60, help="(%(default)s)")
    parser.add_argument("--strength", type=float, default=0.7, help="(%(default)s)")
    parser.add_argument("--sheet", type=Path, help="draw all of them there")
    arguments = parser.parse_args()
    photos = {name: read(name, arguments.size) for name in arguments.photos}
    print(f"{'photo':22s}{'style':12s}  gram  patches  content  seconds")
    rows, kept = [], []
    for name, photo in photos.items():
        cells: list[ByteArray | None] = [photo]
        for style in map(Style.named, arguments.styles):
            start = time.process_time()
            styled = stylize(
                photo,
                style,
                size=arguments.size,
                steps=arguments.steps,
                strength=arguments.strength,
            )
            seconds = time.process_time() - start
            painting = find_grey(fit(style.rgb, STYLE_SIDE))
            figures = measure_texture(find_grey(photo), painting, [find_grey(styled)])[0]
            gram, patches, content = figures
            print(
                f"{name:22s}{style.name:12s}{gram:6.3f}{patches:9.3f}{content:9.3f}{seconds:9.1f}",
                flush=True,
            )
            cells.append(styled)
            kept.append(figures)
        rows.append(SheetRow(name, cells))
    print(f"{'mean':34s}" + "{:6.3f}{:9.3f}{:9.3f}".format(*np.mean(kept, axis=0)))
    if len(photos) > 1:
        listed = [find_grey(fit(photo, arguments.size)) for photo in photos.values()]
        changes = []
        for one, other in zip(listed, [*listed[1:], listed[0]], strict=True):
            fitted = cv2.resize(other, one.shape[::-1], interpolation=cv2.INTER_AREA)
            changes.append(measure_texture(one, one, [fitted])[0][2])
        print(f"{'another photo':49s}{np.mean(changes):9.3f}")
    if arguments.sheet:
        titles = ["as it was", *arguments.styles]
        write_image(arguments.sheet, draw_sheet(rows, titles, width=240, height=240))
        print(arguments.sheet)


def read(name: str, side: int) -> ByteArray:
    rgb = getattr(skimage.data, name)()
    return fit(rgb if rgb.ndim == 3 else np.dstack([rgb] * 3), side)


def fit(rgb: ByteArray, side: int) -> ByteArray:
    """Return a picture at the area of a square of that side."""
    scale = side / (rgb.shape[0] * rgb.shape[1]) ** 0.5
    size = round(scale * rgb.shape[1]), round(scale * rgb.shape[0])
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def find_grey(rgb: ByteArray) -> FloatArray:
    return np.asarray(desaturate(rgb)[..., 0] / np.float32(255), np.float32)


if __name__ == "__main__":
    main()
