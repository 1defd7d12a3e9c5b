"""A page of panels: grids of pictures and charts, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from deepkoal.arrays import ByteArray
from deepkoal.rendering.contact_sheets import plot_figure, rasterize

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

WIDTH = 1620
"""Of the page in pixels."""
THUMBNAIL = 165
"""Side in pixels of each picture on the page, with the space beside it."""
ROWS = 3
LINE = 20
"""Height in pixels of a line of text, such as a caption."""
HEAD = 60
"""Height in pixels of a panel's heading and its columns' titles."""
PICTURES = ROWS * (THUMBNAIL + LINE) + HEAD
"""Height in pixels of a grid of pictures."""
BLUE, GREY = "#1f69b0", "#8c8c8c"


@dataclass(frozen=True)
class Panel:
    """A part of the page: what draws it, and its width in thumbnails."""

    draw: Callable[[SubFigure], None]
    width: float


def draw_page(bands: Sequence[tuple[int, Sequence[Panel]]]) -> ByteArray:
    """Draw panels side by side in bands, one below the other.

    Args:
        bands: height in pixels and panels of each; those without panels take no room.

    Returns:
        uint8 (H, 1620, 3) sRGB.
    """
    bands = [(height, panels) for height, panels in bands if panels]
    heights = [height for height, _ in bands]
    with plot_figure(WIDTH, sum(heights)) as page:
        places = page.subfigures(len(bands), 1, squeeze=False, height_ratios=heights)[:, 0]
        for place, (_, panels) in zip(places, bands, strict=True):
            widths = [panel.width for panel in panels]
            spare = max(WIDTH / THUMBNAIL - sum(widths), 1e-3)
            parts = place.subfigures(1, len(panels) + 1, width_ratios=[*widths, spare])
            for part, panel in zip(parts, panels, strict=False):
                panel.draw(part)
        return rasterize(page)


def plan_grid(
    heading: str,
    titles: Sequence[str],
    rows: Sequence[Sequence[NDArray[Any]]],
    captions: Sequence[Sequence[str]] | None = None,
    rings: Sequence[Sequence[Sequence[tuple[float, float]]]] | None = None,
) -> Panel:
    """Plan a grid of pictures.

    Args:
        heading: above the grid.
        titles: of the columns.
        rows: from top to bottom; each picture uint8 (H, W, 3) sRGB, or a map of 0…1, (H, W).
        captions: below each picture.
        rings: x and y in pixels, where each picture gets rings.
    """

    def draw(panel: SubFigure) -> None:
        panel.suptitle(heading, x=0.02, ha="left", fontsize=13)
        width, height = panel_size(panel)
        bottom = (ROWS - len(rows)) * (THUMBNAIL + LINE)
        grid = panel.subplots(
            len(rows),
            len(titles),
            squeeze=False,
            gridspec_kw={
                "left": 8 / width,
                "right": 1 - 8 / width,
                "top": 1 - HEAD / height,
                "bottom": (bottom + LINE) / height,
                "wspace": 0.04,
                "hspace": 0.12,
            },
        )
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                axes = grid[row, column]
                axes.imshow(cell, cmap="inferno", vmin=0, vmax=1)
                axes.autoscale(False)
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
                if row == 0:
                    axes.set_title(titles[column], fontsize=10)
                if captions is not None:
                    axes.set_xlabel(captions[row][column], fontsize=9, labelpad=2)
                if rings is not None and rings[row][column]:
                    x, y = zip(*rings[row][column], strict=True)
                    axes.scatter(x, y, 22, "none", edgecolors="#282828", linewidths=1.8)
                    axes.scatter(x, y, 22, "none", edgecolors="white", linewidths=0.9)

    return Panel(draw, len(titles) + 0.15)


def add_axes(panel: SubFigure, heading: str, *, left: int) -> Any:
    """Return axes below a heading, so many pixels from the panel's left."""
    panel.suptitle(heading, x=0.02, ha="left", fontsize=13)
    width, height = panel_size(panel)
    right, bottom, top = 30, 50, HEAD
    shares = (width - left - right) / width, (height - bottom - top) / height
    axes = panel.add_axes((left / width, bottom / height, *shares))
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def panel_size(panel: SubFigure) -> tuple[float, float]:
    """Return a panel's width and height in pixels."""
    return float(panel.bbox.width), float(panel.bbox.height)
