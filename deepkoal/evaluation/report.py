"""A scorecard as one page of pictures."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deepkoal.evaluation.charts import GREY, INK, PAPER, Curve, draw_bars, draw_curves
from deepkoal.evaluation.diversity import VARIATIONS, Diversity
from deepkoal.evaluation.fidelity import Fidelity
from deepkoal.evaluation.hints import PUBLISHED, HintCurve, place_hints
from deepkoal.evaluation.metrics import psnr
from deepkoal.evaluation.photos import Bench, SeenPhoto
from deepkoal.evaluation.robustness import Robustness
from deepkoal.evaluation.scorecard import Scorecard
from deepkoal.evaluation.table import PROTOCOL, format_figure
from deepkoal.evaluation.uncertainty import UncertaintyFigures, map_error
from deepkoal.inference.colorizer import ByteArray
from deepkoal.rendering.contact_sheets import SheetRow, desaturate, draw_sheet

THUMBNAIL = 160
"""Side in pixels of each photo on the page."""
ROWS = 3
WORST_ERROR = 60.0
"""ab error that is drawn as the brightest."""

_CHART = 540, 600
_GAP = 24
_TEXT_SIZE = 20
_LINE = 30
_SHOWN_COUNTS = (0, 1, 5, 20, 100)


def draw_report(card: Scorecard, bench: Bench) -> ByteArray:
    """Draw what was measured: photos, hints, robustness, uncertainty and variations.

    Args:
        card: that was measured with `bench`; a figure that it lacks is not drawn.
        bench: the photos.

    Returns:
        uint8 (H, W, 3) sRGB, about 1,700 pixels wide.
    """
    ranked = sorted(
        bench.photos.photos, key=lambda photo: psnr(photo.colored, photo.truth), reverse=True
    )
    # Neither chosen for beauty nor at random: at the quarters of the ranking.
    examples = [ranked[len(ranked) * quarter // 4] for quarter in (1, 2, 3)]
    bands = [
        [_draw_summary(card)],
        _draw_ranking(ranked),
        _draw_hints(card.figures.get("hints"), bench, examples),
        [
            *_draw_robustness(card.figures.get("robustness")),
            *_draw_doubt(card.figures.get("uncertainty"), examples),
            *_draw_variations(card.figures.get("diversity"), examples[1]),
        ],
    ]
    return _stack([_join(band) for band in bands if band])


def _draw_summary(card: Scorecard) -> ByteArray:
    """Draw what was measured and its headline figures."""
    lines = [
        f"{card.network}, {card.photos} photos of {card.size} pixels a side, working size "
        f"{card.working_size} ({PROTOCOL})"
    ]
    closeness = card.figures.get("psnr")
    if isinstance(closeness, Fidelity):
        lines += [
            f"PSNR {closeness.colored.psnr:.2f} dB, colorfulness {closeness.colored.cf:.1f} at "
            f"vibrance 1 (grey {closeness.references[0].psnr:.2f} dB; true colorfulness "
            f"{closeness.references[-1].cf:.1f})",
            *(f"{line.name}: {line.value.replace('–', '-')}" for line in closeness.lines()),
        ]
    text = Image.new("RGB", (1200, _LINE * len(lines)), PAPER)
    for row, line in enumerate(lines):
        at, font = (_GAP // 2, _LINE * row), ImageFont.load_default(_TEXT_SIZE)
        ImageDraw.Draw(text).text(at, line, INK, font)
    return np.array(text)


def _draw_ranking(ranked: Sequence[SeenPhoto]) -> list[ByteArray]:
    middle = max(0, len(ranked) // 2 - ROWS // 2)
    groups = {
        "Best": ranked[:ROWS],
        "Median": ranked[middle : middle + ROWS],
        "Worst": ranked[-ROWS:],
    }
    return [
        _sheet(
            f"{name} by PSNR",
            [
                SheetRow(
                    f"{psnr(photo.colored, photo.truth):.1f} dB",
                    (desaturate(photo.truth), photo.colored, photo.truth),
                )
                for photo in photos
            ],
            ("grey", "colored", "truth"),
        )
        for name, photos in groups.items()
    ]


def _draw_hints(figure: object, bench: Bench, photos: Sequence[SeenPhoto]) -> list[ByteArray]:
    if not isinstance(figure, HintCurve):
        return []
    curves = [
        Curve("deepkoal, these photos", figure.psnr),
        Curve("siggraph17, ImageNet (published)", PUBLISHED, GREY, dashed=True),
    ]
    width, height = _CHART
    hint_points = [str(count) for count in figure.counts]
    chart = draw_curves(hint_points, curves, width=width, height=height)
    rows = []
    for photo in photos:
        prediction = photo.prepare()
        cells: list[ByteArray] = []
        scores = []
        for count in _SHOWN_COUNTS:
            hints = place_hints(photo, count)
            rgb = prediction.render(vibrance=bench.psnr_optimal_vibrance, hints=hints)
            scores.append(f"{psnr(rgb, photo.truth):.1f}")
            cells.append(_find_hint_cells(rgb, [(hint.x, hint.y) for hint in hints]))
        rows.append(SheetRow(" · ".join(scores) + " dB", (*cells, photo.truth)))
    titles = *(str(count) for count in _SHOWN_COUNTS), "truth"
    head = f"Hints at random places, vibrance {figure.vibrance:g}"
    return [_head("PSNR (dB) by number of hints", chart), _sheet(head, rows, titles)]


def _draw_robustness(figure: object) -> list[ByteArray]:
    if not isinstance(figure, Robustness):
        return []
    width, height = _CHART
    bars = draw_bars(figure.ratios, baseline=1, width=width, height=height)
    return [_head(f"ab error of damaged photos over clean: {figure.mean:.2f} on average", bars)]


def _draw_doubt(figure: object, photos: Sequence[SeenPhoto]) -> list[ByteArray]:
    if not isinstance(figure, UncertaintyFigures):
        return []
    rows = [
        SheetRow(
            "",
            (
                photo.colored,
                _heat(photo.prepare().uncertainty()),
                _heat(map_error(photo) / WORST_ERROR),
            ),
        )
        for photo in photos
    ]
    head = f"Uncertainty: Spearman {format_figure(figure.correlation, 2)}"
    return [_sheet(head, rows, ("colored", "doubt", "true ab error"))]


def _draw_variations(figure: object, photo: SeenPhoto) -> list[ByteArray]:
    if not isinstance(figure, Diversity):
        return []
    looks = photo.prepare().variations(VARIATIONS, seed=photo.index)
    cells = [photo.truth, *looks]
    rows = [SheetRow("", cells[start : start + 3]) for start in range(0, len(cells), 3)]
    head = f"{VARIATIONS} variations, the best {figure.gain:+.2f} dB over automatic"
    return [_sheet(head, rows, ("truth", "automatic", ""))]


def _sheet(head: str, rows: Sequence[SheetRow], titles: Sequence[str]) -> ByteArray:
    return _head(head, draw_sheet(rows, titles, width=THUMBNAIL, height=THUMBNAIL))


def _head(text: str, picture: ByteArray) -> ByteArray:
    """Write a heading above a picture, at its left."""
    head = Image.new("RGB", (picture.shape[1], _LINE), PAPER)
    ImageDraw.Draw(head).text((_GAP // 2, 0), text, INK, ImageFont.load_default(_TEXT_SIZE))
    return np.concatenate([np.array(head), picture])


def _find_hint_cells(rgb: ByteArray, places: Sequence[tuple[float, float]]) -> ByteArray:
    """Draw a ring around each place."""
    image = Image.fromarray(rgb)
    draw = ImageDraw.Draw(image)
    for x, y in places:
        for radius, ink in ((4, INK), (3, PAPER)):
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], outline=ink)
    return np.array(image)


def _heat(x: np.ndarray) -> ByteArray:
    """Draw a map of 0…1 from dark to bright."""
    levels = np.rint(255 * np.clip(x, 0, 1)).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1])


def _join(pictures: Sequence[ByteArray]) -> ByteArray:
    """Put pictures side by side, at their tops."""
    return _stack([picture.swapaxes(0, 1) for picture in pictures]).swapaxes(0, 1)


def _stack(pictures: Sequence[ByteArray]) -> ByteArray:
    """Put pictures below each other, at their left."""
    width = max(picture.shape[1] for picture in pictures)
    framed = [
        cv2.copyMakeBorder(
            np.ascontiguousarray(picture),
            _GAP // 2,
            _GAP // 2,
            0,
            width - picture.shape[1],
            cv2.BORDER_CONSTANT,
            value=PAPER,
        )
        for picture in pictures
    ]
    return np.concatenate(framed)
