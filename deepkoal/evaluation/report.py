"""A scorecard as one page of pictures."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from deepkoal.arrays import ByteArray
from deepkoal.evaluation.figures.diversity import VARIATIONS, Diversity
from deepkoal.evaluation.figures.fidelity import Fidelity
from deepkoal.evaluation.figures.hints import PUBLISHED, HintCurve, place_hints
from deepkoal.evaluation.figures.robustness import Robustness
from deepkoal.evaluation.figures.uncertainty import UncertaintyFigures, map_error
from deepkoal.evaluation.metrics import psnr
from deepkoal.evaluation.panels import (
    BLUE,
    GREY,
    HEAD,
    LINE,
    PICTURES,
    ROWS,
    THUMBNAIL,
    WIDTH,
    Panel,
    add_axes,
    draw_page,
    panel_size,
    plan_grid,
)
from deepkoal.evaluation.photos import Bench, EvaluatedPhoto
from deepkoal.evaluation.scorecard import PROTOCOL, Line, Scorecard, format_figure
from deepkoal.rendering.contact_sheets import desaturate

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

WORST_ERROR = 60.0
"""ab error that is drawn as the brightest."""

_SHOWN_COUNTS = (0, 1, 5, 20, 100)


def draw_report(card: Scorecard, bench: Bench) -> ByteArray:
    """Draw what was measured: figures, photos, hints, robustness, uncertainty and variations.

    Args:
        card: that was measured with `bench`; a figure that it lacks is not drawn.
        bench: the photos.

    Returns:
        uint8 (H, 1620, 3) sRGB.
    """
    ranked = sorted(
        bench.photos.photos, key=lambda photo: psnr(photo.colored, photo.truth), reverse=True
    )
    # Neither chosen for beauty nor at random: at the quarters of the ranking.
    examples = [ranked[len(ranked) * quarter // 4] for quarter in (1, 2, 3)] if ranked else []
    columns = _split([figure.lines() for figure in card.figures.values()])
    text_height = 2 * HEAD + LINE * max(map(len, columns))
    across = WIDTH / THUMBNAIL
    bands = [
        (text_height, [Panel(lambda panel: _write_figures(panel, card, columns), across)]),
        (PICTURES, _plan_ranking(ranked)),
        (PICTURES, _plan_hints(card.figures.get("hints"), bench, examples)),
        (
            PICTURES,
            [
                *_plan_robustness(card.figures.get("robustness")),
                *_plan_uncertainty(card.figures.get("uncertainty"), examples),
                *_plan_variations(card.figures.get("diversity"), examples[1:2]),
            ],
        ),
    ]
    return draw_page(bands)


def _split(figures: Sequence[Sequence[Line]]) -> tuple[list[Line], list[Line]]:
    """Return the lines of all figures in two columns of like height, no figure torn apart."""
    heights = np.cumsum([0, *map(len, figures)])
    cut = int(np.argmin(np.abs(heights - heights[-1] / 2)))
    left, right = figures[:cut], figures[cut:]
    return list(itertools.chain(*left)), list(itertools.chain(*right))


def _write_figures(panel: SubFigure, card: Scorecard, columns: Sequence[Sequence[Line]]) -> None:
    """Write what was measured, and every figure."""
    _, height = panel_size(panel)
    photos = f"{card.photos} photos at {card.size}×{card.size}"
    title = f"{card.network}, {photos}, working size {card.list_sizes()}"
    subtitle = PROTOCOL
    fidelity = card.figures.get("fidelity")
    if isinstance(fidelity, Fidelity):
        colored, grey = fidelity.colored, fidelity.references[0]
        subtitle += (
            f";  at vibrance 1: PSNR {colored.psnr:.2f} dB (grey {grey.psnr:.2f} dB), colorfulness "
            f"{colored.cf:.1f} (true {fidelity.true_cf:.1f})"
        )
    panel.text(0.012, 1 - 20 / height, title, fontsize=17, va="top")
    panel.text(0.012, 1 - 56 / height, subtitle, fontsize=11, va="top")
    for left, lines in zip((0.012, 0.512), columns, strict=True):
        for row, line in enumerate(lines):
            y = 1 - (92 + LINE * row) / height
            panel.text(left, y, line.name, fontsize=9.5, va="top")
            right = left + 0.455
            panel.text(right, y, line.value, fontsize=9.5, va="top", ha="right", weight="bold")


def _plan_ranking(ranked: Sequence[EvaluatedPhoto]) -> list[Panel]:
    middle = max(0, len(ranked) // 2 - ROWS // 2)
    groups = {
        "Best by PSNR": ranked[:ROWS],
        "Median": ranked[middle : middle + ROWS],
        "Worst": ranked[-ROWS:],
    }

    def plan(heading: str, photos: Sequence[EvaluatedPhoto]) -> Panel:
        rows = [(desaturate(photo.truth), photo.colored, photo.truth) for photo in photos]
        captions = [("", f"{psnr(photo.colored, photo.truth):.1f} dB", "") for photo in photos]
        return plan_grid(heading, ("grey", "colored", "truth"), rows, captions)

    return [plan(heading, photos) for heading, photos in groups.items() if photos]


def _plan_hints(figure: object, bench: Bench, photos: Sequence[EvaluatedPhoto]) -> list[Panel]:
    if not isinstance(figure, HintCurve):
        return []

    def draw_curves(panel: SubFigure) -> None:
        axes = add_axes(panel, "PSNR (dB) by number of hints", left=60)
        marks = np.arange(len(figure.counts))
        published = "siggraph17, ImageNet (published)"
        axes.plot(marks, figure.psnr, color=BLUE, marker="o", label="these photos")
        axes.plot(marks, PUBLISHED, color=GREY, marker="o", ls="--", label=published)
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
        Panel(draw_curves, ROWS + 0.5),
        plan_grid(heading, titles, rows, captions, all_hints),
    ]


def _plan_robustness(figure: object) -> list[Panel]:
    if not isinstance(figure, Robustness):
        return []

    def draw_bars(panel: SubFigure) -> None:
        heading = f"ab error of damaged photos over clean: {figure.mean:.2f} on average"
        axes = add_axes(panel, heading, left=110)
        values = np.array(list(figure.ratios.values()))
        colors = [BLUE if value >= 1 else GREY for value in values]
        bars = axes.barh(list(figure.ratios), values - 1, left=1, color=colors)
        axes.bar_label(bars, [f"{value:.2f}" for value in values], padding=4)
        axes.axvline(1, color="#282828", lw=1)
        axes.margins(x=0.18)
        axes.invert_yaxis()

    return [Panel(draw_bars, ROWS + 0.5)]


def _plan_uncertainty(figure: object, photos: Sequence[EvaluatedPhoto]) -> list[Panel]:
    if not isinstance(figure, UncertaintyFigures):
        return []
    rows = [
        (photo.colored, photo.predict().uncertainty(), map_error(photo) / WORST_ERROR)
        for photo in photos
    ]
    heading = f"Uncertainty: Spearman {format_figure(figure.correlation, 2)}"
    return [plan_grid(heading, ("colored", "uncertainty", "true ab error"), rows)]


def _plan_variations(figure: object, photos: Sequence[EvaluatedPhoto]) -> list[Panel]:
    if not isinstance(figure, Diversity):
        return []
    (photo,) = photos
    cells = [photo.truth, *photo.predict().variations(VARIATIONS, seed=photo.index)]
    rows = [cells[start : start + 3] for start in range(0, len(cells), 3)]
    heading = f"{VARIATIONS} variations, the best {figure.gain:+.2f} dB over automatic"
    return [plan_grid(heading, ("truth", "automatic", ""), rows)]
