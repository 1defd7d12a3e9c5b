"""What fine-tuning on one's own photos is worth, on three domains far from everyday photos.

    python benchmarks/own_photos.py [DOMAIN …] [--out DIR] [--sheet FILE.jpg] [--train OPTIONS]

Stained tissue, an eye's fundus and a sky full of galaxies, each one picture that comes with
scikit-image. It is cut into square tiles: those of its left part are the photos that `deepkoal
train … --from koala-lite` is given (it holds one in ten of them back for itself), those of its
right part are colored before and after. Between the two parts lies a gap. Three to fifteen
minutes; what OUT holds of an earlier run is gone on with.
"""

from __future__ import annotations

import argparse
import shlex
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from deepkoal.cli import main as deepkoal
from deepkoal.evaluation import Scorecard, evaluate
from deepkoal.evaluation.metrics import center_square
from deepkoal.image_io import list_photos, read_image, write_image
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.contact_sheets import SheetRow, desaturate, draw_sheet

ROWS = 5


@dataclass(frozen=True)
class Domain:
    """A picture, and how it is cut: columns of tiles from the left to train on, and from the right.

    What is left between them, and above and below, is not used.
    """

    picture: str
    side: int
    training: int
    judging: int


DOMAINS = {
    "tissue": Domain("immunohistochemistry", 96, 3, 2),
    "retina": Domain("retina", 224, 3, 3),
    "galaxies": Domain("hubble_deep_field", 160, 3, 3),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("domains", nargs="*", metavar="DOMAIN", help=f"of {', '.join(DOMAINS)}")
    parser.add_argument("--out", type=Path, default=Path("runs/own-photos"), help="(%(default)s)")
    parser.add_argument("--sheet", type=Path, help="draw before, after and truth there")
    parser.add_argument("--train", default="", metavar="OPTIONS", help="further, in quotes")
    arguments = parser.parse_args()
    before, rows = Colorizer.from_preset("koala-lite"), []
    for name in arguments.domains or DOMAINS:
        domain, out = DOMAINS[name], arguments.out / name
        training, judging = cut(domain, out / "training"), cut(domain, out / "judging", right=True)
        wall, processor = time.perf_counter(), time.process_time()
        start = ["--from", "koala-lite", "--run", str(out / "run")]
        if status := deepkoal(["train", str(training), *start, *shlex.split(arguments.train)]):
            raise SystemExit(status)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        after = Colorizer.from_file(out / "run")
        report(name, evaluate(before, judging), evaluate(after, judging), after)
        print(f"trained in {wall:.0f} s, {processor:.0f} s of processors", flush=True)
        sheet = [show(name, before, after, path) for path in list_photos(judging)]
        write_image(out / "sheet.png", draw(sheet, 192))
        rows += sheet[1::5][:2]
    if arguments.sheet:
        Image.fromarray(draw(rows, 160)).save(arguments.sheet, quality=85)


def cut(domain: Domain, folder: Path, *, right: bool = False) -> Path:
    """Write the tiles of one part of a picture as PNG files."""
    picture = getattr(skimage.data, domain.picture)()
    height, width = picture.shape[:2]
    columns = domain.judging if right else domain.training
    first = width - columns * domain.side if right else 0
    folder.mkdir(parents=True, exist_ok=True)
    for row in range(ROWS):
        top = (height - ROWS * domain.side) // 2 + row * domain.side
        for column in range(columns):
            left = first + column * domain.side
            tile = picture[top : top + domain.side, left : left + domain.side]
            write_image(folder / f"{row}-{column}.png", np.ascontiguousarray(tile))
    return folder


def report(name: str, before: Scorecard, after: Scorecard, colorizer: Colorizer) -> None:
    """Print one domain's part of the table."""
    decoding = colorizer.decoding
    print(f"{name}: {before.photos} tiles to judge by; after, gain {decoding.gain:.2f}")
    print("                    PSNR   at    PSNR@CF   PSNR at 1   CF at 1   ΔE at 1")
    for title, card in (("before", before), ("after", after)):
        rows = {row.name: row for row in card.rows}
        colored, psnr_optimal = rows["colored"], rows["colored, PSNR optimal"]
        matched = "   –" if card.psnr_at_cf is None else f"{card.psnr_at_cf:.2f}"
        print(
            f"{title:18} {psnr_optimal.psnr:6.2f} {psnr_optimal.vibrance:5.2f} {matched:>8} "
            f"{colored.psnr:10.2f} {colored.cf:10.1f} {colored.delta_e:9.2f}"
        )
    for title in ("grey photo", "true photo"):
        row = rows[title]
        print(f"{title:18} {row.psnr:6.2f} {'':25} {row.cf:10.1f} {row.delta_e:9.2f}")


def show(name: str, before: Colorizer, after: Colorizer, path: Path) -> SheetRow:
    """Color one tile with either network, at vibrance 1."""
    truth = read_image(path)
    cells = [desaturate(truth), before.colorize(truth), after.colorize(truth), truth]
    return SheetRow(name, [center_square(cell, 192) for cell in cells])


def draw(rows: list[SheetRow], side: int) -> np.ndarray:
    titles = ("given", "koala-lite", "fine-tuned", "truth")
    return draw_sheet(rows, titles, width=side, height=side)


if __name__ == "__main__":
    main()
