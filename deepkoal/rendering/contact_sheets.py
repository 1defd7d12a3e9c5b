"""Pictures made of pictures: a photo before and after, and sheets to compare many at a glance."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deepkoal.arrays import ByteArray
from deepkoal.guidance import Palette
from deepkoal.rendering.composition import compose_rgb, lightness
from deepkoal.short_repr import short_repr

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LONGEST_SIDE = 2048
"""Of each half of a before-and-after picture, in pixels: it is for looking, not for keeping."""

_GAP = 12
_PAPER = (255, 255, 255)
_INK = (40, 40, 40)
_TEXT_SIZE = 18
_SMALL_TEXT_SIZE = 14
_SWATCH_HEIGHT = 56
_DPI = 100


@short_repr
@dataclass(frozen=True, eq=False)
class SheetRow:
    """One row of a contact sheet.

    Attributes:
        caption: a line below the row.
        cells: a picture, uint8 (H, W, 3) sRGB of any size, or None for an empty place.
    """

    caption: str
    cells: Sequence[ByteArray | None]


def desaturate(rgb: ByteArray) -> ByteArray:
    """Return a photo as a network sees it: its CIE lightness alone.

    Args:
        rgb: uint8 (H, W, 3) sRGB.

    Returns:
        uint8 (H, W, 3) sRGB, all three channels alike.
    """
    l = lightness(rgb)
    grey = compose_rgb(l, np.zeros((*l.shape, 2), np.float32))
    return np.repeat(grey[..., 1:2], 3, axis=2)  # channels may be rounded apart


def join_before_after(
    before: ByteArray, after: ByteArray, *, longest_side: int = LONGEST_SIDE
) -> ByteArray:
    """Put a photo in grey to the left of its colored version.

    Args:
        before: uint8 (H, W, 3) sRGB; of colors only the lightness is shown.
        after: uint8 (H, W, 3) sRGB.
        longest_side: in pixels, that either is scaled down to.

    Returns:
        uint8 (h, 2·w, 3) sRGB.
    """
    halves = [fit_picture(picture, longest_side, longest_side) for picture in (before, after)]
    halves[0] = desaturate(halves[0])
    return np.concatenate(halves, axis=1)


def draw_sheet(
    rows: Sequence[SheetRow], titles: Sequence[str], *, width: int = 320, height: int = 240
) -> ByteArray:
    """Draw a contact sheet.

    Args:
        rows: from top to bottom, with as many cells as there are titles, not all empty.
        titles: of the columns.
        width: of a cell in pixels; pictures are scaled down to fit and centered.
        height: likewise.

    Returns:
        uint8 (H, W, 3) sRGB.
    """
    font = ImageFont.load_default(_TEXT_SIZE)
    line = 2 * _TEXT_SIZE
    fitted = [
        [None if cell is None else fit_picture(cell, width, height) for cell in row.cells]
        for row in rows
    ]
    heights = [max(len(cell) for cell in cells if cell is not None) for cells in fitted]
    size = _GAP + len(titles) * (width + _GAP), line + sum(heights) + len(rows) * line
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    middles = [_GAP + width // 2 + column * (width + _GAP) for column in range(len(titles))]
    for middle, title in zip(middles, titles, strict=True):
        draw.text((middle, line / 2), title, _INK, font, anchor="mm")
    top = line
    for row, cells, row_height in zip(rows, fitted, heights, strict=True):
        for middle, cell in zip(middles, cells, strict=True):
            if cell is not None:
                place = middle - cell.shape[1] // 2, top + (row_height - len(cell)) // 2
                sheet.paste(Image.fromarray(cell), place)
        top += row_height + line
        draw.text((sheet.width / 2, top - line / 2), row.caption, _INK, font, anchor="mm")
    return np.array(sheet)


def draw_palettes(palettes: Iterable[Palette | str], *, width: int = 800) -> ByteArray:
    """Draw palettes one below the other: what each is called, what it is, and its colors.

    Args:
        palettes: from top to bottom, at least one, or names of some that came with the library.
        width: of the picture in pixels.

    Returns:
        uint8 (H, width, 3) sRGB; a color is as wide as its share.
    """
    shown = [Palette.named(each) if isinstance(each, str) else each for each in palettes]
    text_height = _TEXT_SIZE + _SMALL_TEXT_SIZE + 2 * _GAP
    height = text_height + _SWATCH_HEIGHT + 2 * _GAP
    with plot_figure(width, len(shown) * height + _GAP) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(len(shown) * height + _GAP, 0))  # units are pixels
        axes.set_axis_off()
        for row, palette in enumerate(shown):
            top = _GAP + row * height
            heading = f"{palette.title} ({palette.name})" if palette.name else palette.title
            axes.text(_GAP, top, heading, fontsize=11, va="top")
            axes.text(_GAP, top + _TEXT_SIZE + _GAP, palette.summary, fontsize=9, va="top")
            left = float(_GAP)
            for color, share in palette.colors.items():
                wide = share * (width - 2 * _GAP)
                middle = top + text_height + _SWATCH_HEIGHT / 2
                axes.barh(middle, wide, _SWATCH_HEIGHT, left, color=color, antialiased=False)
                left += wide
        return rasterize(figure)


@contextlib.contextmanager
def plot_figure(width: int, height: int) -> Iterator[Figure]:
    """Hand out an empty figure that is drawn alike everywhere, whatever a user's settings.

    Args:
        width: in pixels.
        height: likewise.
    """
    import matplotlib.style  # here, because few who import this module plot
    from matplotlib.figure import Figure

    style = {"figure.dpi": _DPI, "font.family": "DejaVu Sans", "text.color": "#282828"}
    with matplotlib.style.context(["default", style]):
        yield Figure((width / _DPI, height / _DPI))


def rasterize(figure: Figure) -> ByteArray:
    """Return a figure as uint8 (H, W, 3) sRGB."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    rgba = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(rgba[..., :3])


def fit_picture(rgb: ByteArray, width: int, height: int) -> ByteArray:
    """Scale a picture down, its aspect kept, where it is larger than a box.

    Args:
        rgb: uint8 (H, W, 3) sRGB.
        width: of the box in pixels.
        height: likewise.

    Returns:
        uint8 (h, w, 3) sRGB.
    """
    image = Image.fromarray(rgb)
    image.thumbnail((width, height), Image.Resampling.LANCZOS, reducing_gap=2)
    return np.array(image)
