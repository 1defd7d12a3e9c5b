"""A scorecard as one page of pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepkoal.evaluation.figures.diversity import VARIATIONS, Diversity
from deepkoal.evaluation.figures.hints import PUBLISHED, HintCurve, place_hints
from deepkoal.evaluation.figures.robustness import Robustness
from deepkoal.evaluation.figures.uncertainty import UncertaintyFigures, map_error
from deepkoal.evaluation.metrics import psnr
from deepkoal.evaluation.photos import Bench, EvaluatedPhoto
from deepkoal.evaluation.scorecard import PROTOCOL, Line, Scorecard, format_figure
from deepkoal.inference.colorizer import ByteArray
from deepkoal.rendering.contact_sheets import desaturate, plot_figure, rasterize

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

THUMBNAIL = 165
"""Side in pixels of each photo on the page, with the space around it."""
WIDTH = 1740
"""Of the page in pixels."""
ROWS = 3
WORST_ERROR = 60.0
"""ab error that is drawn as the brightest."""

_LINE = 20
_HEAD = 60  # a panel's heading and its columns' titles
_PICTURES = ROWS * (THUMBNAIL + _LINE) + _HEAD
_SHOWN_COUNTS = (0, 1, 5, 20, 100)
_BLUE, _GREY = "#1f69b0", "#8c8c8c"


@dataclass(frozen=True)
class _Panel:
    """A part of the page: what draws it, and its width in thumbnails."""

    draw: Callable[[SubFigure], None]
    width: float


def draw_report(card: Scorecard, bench: Bench) -> ByteArray:
    """Draw what was measured: figures, photos, hints, robustness, uncertainty and variations.

    Args:
        card: that was measured with `bench`; a figure that it lacks is not drawn.
        bench: the photos.

    Returns:
        uint8 (H, 1740, 3) sRGB.
    """
    ranked = sorted(
        bench.photos.photos, key=lambda photo: psnr(photo.colored, photo.truth), reverse=True
    )
    # Neither chosen for beauty nor at random: at the quarters of the ranking.
    examples = [ranked[len(ranked) * quarter // 4] for quarter in (1, 2, 3)] if ranked else []
    lines = [line for figure in card.figures.values() for line in figure.lines()]
    text_height = 2 * _HEAD + _LINE * ((len(lines) + 1) // 2)
    bands = [
        (text_height, [_Panel(lambda panel: _write_figures(panel, card, lines), 1)]),
        (_PICTURES, _plan_ranking(ranked)),
        (_PICTURES, _plan_hints(card.figures.get("hints"), bench, examples)),
        (
            _PICTURES,
            [
                *_plan_robustness(card.figures.get("robustness")),
                *_plan_uncertainty(card.figures.get("uncertainty"), examples),
                *_plan_variations(card.figures.get("diversity"), examples[1:2]),
            ],
        ),
    ]
    bands = [(height, panels) for height, panels in bands if panels]
    heights = [height for height, _ in bands]
    with plot_figure(WIDTH, sum(heights)) as page:
        for place, (_, panels) in zip(
            page.subfigures(len(bands), 1, squeeze=False, height_ratios=heights)[:, 0],
            bands,
            strict=True,
        ):
            widths = [panel.width for panel in panels]
            spare = max(WIDTH / THUMBNAIL - sum(widths), 1e-3) if panels[0].width > 1 else 1e-3
            parts = place.subfigures(1, len(panels) + 1, width_ratios=[*widths, spare])
            for part, panel in zip(parts, panels, strict=False):
                panel.draw(part)
        return rasterize(page)


def _write_figures(panel: SubFigure, card: Scorecard, lines: Sequence[Line]) -> None:
    """Write what was measured, and every figure, in two columns."""
    _, height = _size(panel)
    title = f"{card.network}, {card.photos} photos at {card.size}×{card.size}, working size "
    panel.text(0.012, 1 - 20 / height, f"{title}{card.working_size}", fontsize=17, va="top")
    panel.text(0.012, 1 - 56 / height, PROTOCOL, fontsize=10, va="top", color=_GREY)
    half = (len(lines) + 1) // 2
    for index, line in enumerate(lines):
        column, row = divmod(index, half)
        left, y = 0.012 + 0.5 * column, 1 - (90 + _LINE * row) / height
        value = line.value.replace("–", "not measured") if line.value == "–" else line.value
        panel.text(left, y, line.name, fontsize=9.5, va="top")
        panel.text(left + 0.455, y, value, fontsize=9.5, va="top", ha="right", weight="bold")


def _plan_ranking(ranked: Sequence[EvaluatedPhoto]) -> list[_Panel]:
    middle = max(0, len(ranked) // 2 - ROWS // 2)
    groups = {
        "Best by PSNR": ranked[:ROWS],
        "Median": ranked[middle : middle + ROWS],
        "Worst": ranked[-ROWS:],
    }

    def plan(heading: str, photos: Sequence[EvaluatedPhoto]) -> _Panel:
        rows = [(desaturate(photo.truth), photo.colored, photo.truth) for photo in photos]
        captions = [("", f"{psnr(photo.colored, photo.truth):.1f} dB", "") for photo in photos]
        return _plan_grid(heading, ("grey", "colored", "truth"), rows, captions)

    return [plan(heading, photos) for heading, photos in groups.items() if photos]


def _plan_hints(figure: object, bench: Bench, photos: Sequence[EvaluatedPhoto]) -> list[_Panel]:
    if not isinstance(figure, HintCurve):
        return []

    def draw_curves(panel: SubFigure) -> None:
        axes = _add_axes(panel, "PSNR (dB) by number of hints", left=60)
        marks = np.arange(len(figure.counts))
        published = "siggraph17, ImageNet (published)"
        axes.plot(marks, figure.psnr, color=_BLUE, marker="o", label="these photos")
        axes.plot(marks, PUBLISHED, color=_GREY, marker="o", ls="--", label=published)
        axes.set_xticks(marks, [str(count) for count in figure.counts])
        axes.grid(axis="y", color="#e1e1e1")
        axes.legend(frameon=False)

    rows, captions, all_hints = [], [], []
    for photo in photos:
        prediction = photo.predict()
        hints = [place_hints(photo, count) for count in _SHOWN_COUNTS]
        cells = [
            prediction.render(vibrance=bench.psnr_optimal_vibrance, hints=some) for some in hints
        ]
        captions.append([*(f"{psnr(rgb, photo.truth):.1f} dB" for rgb in cells), ""])
        rows.append([*cells, photo.truth])
        all_hints.append([[(hint.x, hint.y) for hint in some] for some in [*hints, []]])
    titles = *(f"{count} hint{'s' * (count != 1)}" for count in _SHOWN_COUNTS), "truth"
    heading = f"Hints at random places, vibrance {figure.vibrance:g}"
    return [
        _Panel(draw_curves, ROWS + 0.5),
        _plan_grid(heading, titles, rows, captions, all_hints),
    ]


def _plan_robustness(figure: object) -> list[_Panel]:
    if not isinstance(figure, Robustness):
        return []

    def draw_bars(panel: SubFigure) -> None:
        heading = f"ab error of damaged photos over clean: {figure.mean:.2f} on average"
        axes = _add_axes(panel, heading, left=110)
        values = np.array(list(figure.ratios.values()))
        colors = [_BLUE if value >= 1 else _GREY for value in values]
        bars = axes.barh(list(figure.ratios), values - 1, left=1, color=colors)
        axes.bar_label(bars, [f" {value:.2f}" for value in values])
        axes.axvline(1, color="#282828", lw=1)
        axes.margins(x=0.18)
        axes.invert_yaxis()

    return [_Panel(draw_bars, ROWS + 0.5)]


def _plan_uncertainty(figure: object, photos: Sequence[EvaluatedPhoto]) -> list[_Panel]:
    if not isinstance(figure, UncertaintyFigures):
        return []
    rows = [
        (photo.colored, photo.predict().uncertainty(), map_error(photo) / WORST_ERROR)
        for photo in photos
    ]
    heading = f"Uncertainty: Spearman {format_figure(figure.correlation, 2)}"
    return [_plan_grid(heading, ("colored", "uncertainty", "true ab error"), rows)]


def _plan_variations(figure: object, photos: Sequence[EvaluatedPhoto]) -> list[_Panel]:
    if not isinstance(figure, Diversity):
        return []
    (photo,) = photos
    cells = [photo.truth, *photo.predict().variations(VARIATIONS, seed=photo.index)]
    rows = [cells[start : start + 3] for start in range(0, len(cells), 3)]
    heading = f"{VARIATIONS} variations, the best {figure.gain:+.2f} dB over automatic"
    return [_plan_grid(heading, ("truth", "automatic", ""), rows)]


def _plan_grid(
    heading: str,
    titles: Sequence[str],
    rows: Sequence[Sequence[NDArray[Any]]],
    captions: Sequence[Sequence[str]] | None = None,
    rings: Sequence[Sequence[Sequence[tuple[float, float]]]] | None = None,
) -> _Panel:
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
        width, height = _size(panel)
        bottom = (ROWS - len(rows)) * (THUMBNAIL + _LINE)
        grid = panel.subplots(
            len(rows),
            len(titles),
            squeeze=False,
            gridspec_kw={
                "left": 8 / width,
                "right": 1 - 8 / width,
                "top": 1 - _HEAD / height,
                "bottom": (bottom + _LINE) / height,
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

    return _Panel(draw, len(titles) + 0.15)


def _add_axes(panel: SubFigure, heading: str, *, left: int) -> Any:
    """Return axes below a heading, so many pixels from the panel's left."""
    panel.suptitle(heading, x=0.02, ha="left", fontsize=13)
    width, height = _size(panel)
    right, bottom, top = 30, 50, _HEAD
    shares = (width - left - right) / width, (height - bottom - top) / height
    axes = panel.add_axes((left / width, bottom / height, *shares))
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _size(panel: SubFigure) -> tuple[float, float]:
    """Return a panel's width and height in pixels."""
    return float(panel.bbox.width), float(panel.bbox.height)
