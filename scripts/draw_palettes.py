"""Draws every palette on one photo, for the guide: docs/palettes.jpg.

    python scripts/draw_palettes.py [OUT.jpg]

The photo comes with scikit-image, taken in black and white.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import skimage.data

from deepkoal.guidance import list_palettes
from deepkoal.image_io import write_photo
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.contact_sheets import SheetRow, draw_sheet

OUT = Path(__file__).parents[1] / "docs" / "palettes.jpg"
COLUMNS = 6
SIDE = 200


def main(out: Path) -> None:
    photo = np.dstack([skimage.data.camera()] * 3)
    prediction = Colorizer.from_preset("koala-lite", backend="litert").predict(photo)
    cells = [("grey", photo), ("automatic", prediction.render())]
    for palette in list_palettes():
        cells.append((palette.name, prediction.render(palette=palette)))
    rows = []
    for start in range(0, len(cells), COLUMNS):
        some = cells[start : start + COLUMNS]
        pictures = [picture for _, picture in some]
        caption = "   |   ".join(name for name, _ in some)
        rows.append(SheetRow(caption, pictures + [None] * (COLUMNS - len(some))))
    write_photo(out, draw_sheet(rows, [""] * COLUMNS, width=SIDE, height=SIDE), quality=85)
    print(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
