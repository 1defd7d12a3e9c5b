"""Known ways to go wrong, on photos that come with scikit-image: no folder of photos is needed.

All at vibrance 1, on the photos' own size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import skimage.data

from deepkoal.arrays import ByteArray
from deepkoal.evaluation.metrics import rgb_to_ab
from deepkoal.evaluation.photos import Bench
from deepkoal.evaluation.scorecard import Figure, Line, format_figure

FACE = (slice(85, 180), slice(182, 264))
"""Rows and columns of the face in `skimage.data.astronaut()`, which is 512×512."""
TILES = (3, 4, 6)
"""Astronauts in a row and in a column of a group."""
BORDERS = (50, 100)
"""Widths in pixels of the white border around the astronaut."""


ROUNDING = 0.5
"""Chroma up to which a photo of 8 bits is grey."""


@dataclass(frozen=True)
class Faces(Figure):
    """How much color small faces keep: those of a group, over the face of one large photo.

    Attributes:
        ratios: for k of 3, 4 and 6, mean chroma in the face's box over the k×k astronauts of a
            tiled photo, over that of the single photo's; 1 is as it should be, NaN where the
            single photo's face is grey.
        chroma: of the single photo's face, mean over pixels, in ab units.
    """

    ratios: Mapping[int, float]
    chroma: float

    def lines(self) -> Sequence[Line]:
        """Return the ratio of each group."""
        return [
            Line(f"chroma of faces in a group of {k}×{k} over one face", format_figure(ratio, 2))
            for k, ratio in self.ratios.items()
        ]


@dataclass(frozen=True)
class BorderShift(Figure):
    """How far colors move when a photo has a white border.

    Attributes:
        shifts: for each width in pixels, the mean of (|Δa| + |Δb|) / 2 over the pixels inside,
            against the astronaut without a border, in ab units.
    """

    shifts: Mapping[int, float]

    def lines(self) -> Sequence[Line]:
        """Return the shift of each border."""
        return [
            Line(f"ab shift inside a white border of {width} px", f"{shift:.2f}")
            for width, shift in self.shifts.items()
        ]


@dataclass(frozen=True)
class NothingToSee(Figure):
    """How much color is given to photos that show nothing a color could be known of.

    Attributes:
        chroma: mean over pixels in ab units, for flat grey (128 of 255), the moon, a scanned page
            and a photo of text.
    """

    chroma: Mapping[str, float]

    def lines(self) -> Sequence[Line]:
        """Return the chroma of each photo."""
        return [
            Line(f"chroma where there is nothing to see: {name}", f"{chroma:.2f}")
            for name, chroma in self.chroma.items()
        ]


def measure_faces(bench: Bench) -> Faces:
    """Return the color of faces in groups."""
    photo = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    found = {}
    for tiles in (1, *TILES):  # one at a time: the largest has 9 megapixels
        (colored,) = bench.color_anew(
            [np.tile(photo, (tiles, tiles, 1))], f"faces, {tiles}×{tiles}"
        )
        side = len(photo)
        split = colored.reshape(tiles, side, tiles, side, 3).swapaxes(1, 2)
        found[tiles] = float(np.mean([_mean_chroma(tile[FACE]) for row in split for tile in row]))
    chroma = found.pop(1)
    has_color = chroma > ROUNDING
    ratios = {tiles: each / chroma if has_color else float("nan") for tiles, each in found.items()}
    return Faces(ratios, chroma)


def measure_border(bench: Bench) -> BorderShift:
    """Return how far a white border moves the colors inside it."""
    photo = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    framed = [
        np.pad(photo, ((width, width), (width, width), (0, 0)), constant_values=255)
        for width in BORDERS
    ]
    bare, *inside = bench.color_anew([photo, *framed], "border")
    ab = rgb_to_ab(bare)
    shifts = {
        width: float(np.abs(rgb_to_ab(rgb[width:-width, width:-width]) - ab).mean())
        for width, rgb in zip(BORDERS, inside, strict=True)
    }
    return BorderShift(shifts)


def measure_nothing(bench: Bench) -> NothingToSee:
    """Return the color given to photos that show nothing."""
    photos = {
        "flat grey": np.full((256, 256), 128, np.uint8),
        **{name: getattr(skimage.data, name)() for name in ("moon", "page", "text")},
    }
    colored = bench.color_anew(list(photos.values()), "nothing to see")
    return NothingToSee(
        {name: _mean_chroma(rgb) for name, rgb in zip(photos, colored, strict=True)}
    )


def _mean_chroma(rgb: ByteArray) -> float:
    """Return the mean chroma over pixels."""
    return float(np.linalg.norm(rgb_to_ab(rgb), axis=-1).mean())
