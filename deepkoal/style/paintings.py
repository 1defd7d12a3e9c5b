"""Six pictures in the manner of public-domain works, painted by code from published facts.

Facts are a work's pigments, its support and how its marks were made; the motifs are our own, and
stand for nothing but colors and marks. No picture of any work went into them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import ByteArray
from deepkoal.style.brushwork import Field, Levels, Marks, curl, lay_marks, smooth_noise

SIDE = 512
"""Of the pictures, in pixels."""


class Painting(NamedTuple):
    """A picture painted by code.

    Attributes:
        title: as users read it.
        facts: what is known of the work, and used.
        paint: returns uint8 (`SIDE`, `SIDE`, 3) sRGB.
    """

    title: str
    facts: str
    paint: Callable[[], ByteArray]


def _rgb(*colors: str) -> list[Levels]:
    """Return `rrggbb` colors as levels of 255."""
    return [np.array([int(color[i : i + 2], 16) for i in (0, 2, 4)], float) for color in colors]


def _blank(color: str) -> ByteArray:
    return np.full((SIDE, SIDE, 3), _rgb(color)[0], np.uint8)


def _to_bytes(picture: NDArray[np.floating]) -> ByteArray:
    """Return levels of 255 as samples."""
    samples: ByteArray = np.clip(picture, 0, 255).astype(np.uint8)
    return samples


def _mix(rng: np.random.Generator, colors: Sequence[Levels]) -> Levels:
    return colors[int(rng.integers(len(colors)))]


def _bands(rng: np.random.Generator, edges: Sequence[float], roughness: float) -> Field:
    """Return the number of the band, from the top, that each pixel lies in, (SIDE, SIDE)."""
    rows = np.mgrid[0:SIDE, 0:SIDE][0] / SIDE
    rows = rows + roughness * (smooth_noise(rng, SIDE, 120) - 0.5)
    return np.asarray(np.digitize(rows, edges), np.float64)


def paint_seurat() -> ByteArray:
    """Dots of unmixed pigments, complements side by side."""
    rng = np.random.default_rng(1)
    canvas = _blank("e6dfc8")
    bands = _bands(rng, (0.34, 0.55), 0.35)
    light = smooth_noise(rng, SIDE, 90)
    kinds = [
        (_rgb("9db8d8", "c8d6e4", "e8d9c0"), _rgb("6f8fc8", "d9b7a8")),  # sky: cobalt, white
        (_rgb("3e62a8", "6d8fc0", "8fb0b8"), _rgb("e0a45c", "2f4f8f")),  # water: ultramarine
        (_rgb("7fa03c", "a8b84a", "d8c850"), _rgb("2f6a4f", "c8663c", "4a4f94")),  # grass, shade
    ]

    def choose(x: int, y: int) -> Levels:
        main, other = kinds[int(bands[y, x])]
        share = 0.25 if light[y, x] > 0.45 else 0.6
        return _mix(rng, other if rng.random() < share else main)

    flat = np.zeros((SIDE, SIDE))
    lay_marks(canvas, rng, Marks(16000, 0, 4, jitter=8), flat, choose)
    lay_marks(canvas, rng, Marks(22000, 0, 2.6, jitter=8), flat, choose)
    return canvas


def paint_van_gogh() -> ByteArray:
    """Thick strokes that follow eddies, blue sky over chrome yellow."""
    rng = np.random.default_rng(2)
    canvas = _blank("4a6a94")
    bands = _bands(rng, (0.55, 0.78), 0.3)
    light = smooth_noise(rng, SIDE, 60)
    colors = [
        _rgb("1f3f80", "3f6fb0", "7fa8cc", "c8d8d0", "e8d890"),
        _rgb("2f5f44", "4a8458", "7a9c4c", "24405c", "9cb878"),
        _rgb("c88c20", "e8b430", "f0d060", "a86a28", "7a8a3c"),
    ]
    swirl = curl(smooth_noise(rng, SIDE, 110))

    def choose(x: int, y: int) -> Levels:
        ladder = colors[int(bands[y, x])]
        step = int(np.clip(light[y, x] * len(ladder) + rng.normal(0, 0.6), 0, len(ladder) - 1))
        return ladder[step]

    lay_marks(canvas, rng, Marks(3600, 44, 10, bristles=22), swirl, choose)
    lay_marks(canvas, rng, Marks(2600, 30, 6, bristles=28), swirl, choose)
    return canvas


def paint_monet() -> ByteArray:
    """Short level dabs, wet over dry, and no black."""
    rng = np.random.default_rng(3)
    canvas = _blank("7f8fb0")
    tone, pads = smooth_noise(rng, SIDE, 130), smooth_noise(rng, SIDE, 70)
    water = _rgb("4a5f9c", "6f84bc", "9a94c8", "7fa8a0", "b8b4d0")
    leaves = _rgb("4d8068", "7a9c5c", "a8b86c", "3f6a6a")
    flowers = _rgb("e8c8cc", "f0e4d8", "d98a94", "f0dc8c")

    def choose(x: int, y: int) -> Levels:
        if pads[y, x] > 0.66:
            return _mix(rng, flowers if rng.random() < 0.14 else leaves)
        step = tone[y, x] * len(water) + rng.normal(0, 0.9)
        return water[int(np.clip(step, 0, len(water) - 1))]

    level = 0.5 * (smooth_noise(rng, SIDE, 60) - 0.5)
    lay_marks(canvas, rng, Marks(3800, 26, 10, bristles=10), level, choose)
    lay_marks(canvas, rng, Marks(4200, 14, 5, bristles=12), level, choose)
    return canvas


def paint_hokusai() -> ByteArray:
    """Flat Prussian blues graded by a wiped block, cut outlines, cream paper with grain."""
    rng = np.random.default_rng(4)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    paper, pale, middle, deep, line = _rgb("e4d5b0", "a9bfc8", "5f86ad", "24497c", "1c2c48")
    shade = np.clip(1 - rows / (0.35 * SIDE), 0, 1)[..., None]  # graded: bokashi
    picture = paper * (1 - 0.45 * shade) + pale * 0.45 * shade
    for number, base in enumerate((0.4, 0.52, 0.64, 0.76, 0.9)):
        wave = 34 * np.sin(columns[0] / (38 + 9 * number) + 2.1 * number)
        wave += 12 * np.sin(columns[0] / 17 + 5 * number)
        crest = base * SIDE + wave
        depth = rows - crest
        for top, bottom, color in ((0, 7, paper), (7, 20, pale), (20, 34, middle), (34, 999, deep)):
            picture[(depth >= top) & (depth < bottom)] = color
        stripes = (depth > 34) & (np.sin(depth / 4.5 + 0.4 * np.sin(columns / 21)) > 0.72)
        picture[stripes] = middle
        picture[(np.abs(depth) < 1.6) | (np.abs(depth - 20) < 0.9)] = line
        for foam in rng.uniform(0, SIDE, 26):  # claws of foam, outlined
            center = int(foam), int(crest[int(foam)] - rng.uniform(-4, 9))
            radius = int(rng.integers(3, 8))
            cv2.circle(picture, center, radius, paper.tolist(), -1, cv2.LINE_AA)
            cv2.circle(picture, center, radius, line.tolist(), 1, cv2.LINE_AA)
    grain = cv2.resize(rng.normal(0, 1, (SIDE, 24)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return _to_bytes(picture + 3.5 * grain[..., None])


def paint_durer() -> ByteArray:
    """Lines of a burin that swell with the shade, crossed where it is deep, black on laid paper."""
    rng = np.random.default_rng(5)
    tone = 0.65 * smooth_noise(rng, SIDE, 100) + 0.35 * smooth_noise(rng, SIDE, 45)
    dark = np.clip((tone - tone.min()) / np.ptp(tone), 0, 1)
    bend = 26 * smooth_noise(rng, SIDE, 140)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    ink = np.zeros((SIDE, SIDE))
    for angle, least in ((0.35, 0.12), (-0.75, 0.5), (1.35, 0.74)):
        across = np.cos(angle) * rows + np.sin(angle) * columns + bend
        distance = np.abs((across / 6.0) % 1 - 0.5) * 2  # 0 amid a line, 1 between two
        width = 0.85 * np.clip((dark - least) / (1 - least), 0, 1)
        ink = np.maximum(ink, np.clip((width - distance) * 5, 0, 1))
    paper, black = _rgb("e9e0c8", "26221d")
    laid = 3 * np.sin(rows / 1.6) + rng.normal(0, 2, (SIDE, SIDE))
    picture = paper + laid[..., None]
    return _to_bytes(picture + ink[..., None] * (black - picture))


def paint_klimt() -> ByteArray:
    """Gold leaf with spirals, oblongs in black and silver, rounds in flower colors."""
    rng = np.random.default_rng(6)
    canvas = _blank("b08a3a")
    gold = _rgb("c8a040", "e0bc5c", "a87c2c", "d8b04c", "8c6a28")
    flowers = _rgb("b8402c", "3f5f9c", "4f8a5c", "7a4f8c", "e0c8b0")
    dull = _rgb("1f1c18", "d8d4c4", "5c5448", "241f1a")
    for y in range(0, SIDE, 16):  # leaves of gold do not quite meet
        for x in range(0, SIDE, 16):
            color = _mix(rng, gold) + rng.normal(0, 8, 3)
            cv2.rectangle(canvas, (x, y), (x + 14, y + 14), np.clip(color, 0, 255).tolist(), -1)
    zone = smooth_noise(rng, SIDE, 170)
    for _ in range(420):
        x, y = (int(v) for v in rng.integers(0, SIDE, 2))
        if zone[y, x] > 0.58:
            wide, tall = (int(v) for v in rng.integers(8, 30, 2))
            cv2.rectangle(canvas, (x, y), (x + wide // 2, y + tall), _mix(rng, dull).tolist(), -1)
        elif zone[y, x] < 0.38:
            for radius in range(int(rng.integers(8, 18)), 1, -4):
                cv2.circle(canvas, (x, y), radius, _mix(rng, flowers).tolist(), -1, cv2.LINE_AA)
        elif rng.random() < 0.4:
            turns = np.linspace(0, 5 * np.pi, 60)
            reach = turns * rng.uniform(0.8, 1.6)
            spiral = np.stack([x + reach * np.cos(turns), y + reach * np.sin(turns)], axis=1)
            ink = _mix(rng, [*dull[:1], gold[1], gold[4]]).tolist()
            cv2.polylines(canvas, [np.rint(spiral).astype(np.int32)], False, ink, 2, cv2.LINE_AA)
    grain = rng.normal(0, 6, (SIDE, SIDE, 1))
    return _to_bytes(canvas + grain)


PAINTINGS = {
    "seurat": Painting(
        "Dots, after Seurat",
        "A Sunday on La Grande Jatte, 1884-86: cobalt blue, ultramarine, viridian, zinc yellow, "
        "vermilion and lead white in dots and dashes, complements side by side",
        paint_seurat,
    ),
    "van-gogh": Painting(
        "Eddies, after Van Gogh",
        "A Wheatfield, with Cypresses, 1889: cobalt blue, zinc white, chrome yellow, emerald "
        "green and viridian in thick strokes that follow forms",
        paint_van_gogh,
    ),
    "monet": Painting(
        "Dabs, after Monet",
        "Water Lilies, from 1905: cobalt blue, viridian, madder, vermilion, cadmium yellow and "
        "flake white, no black; short level strokes, wet over dry",
        paint_monet,
    ),
    "hokusai": Painting(
        "Woodblock, after Hokusai",
        "Under the Wave off Kanagawa, about 1831: Prussian blue and indigo on cream paper, flat "
        "blocks, one wiped to a gradient, within a cut line",
        paint_hokusai,
    ),
    "durer": Painting(
        "Engraving, after Durer",
        "Melencolia I, 1514: black ink of a burin's lines on laid paper, which swell with the "
        "shade and cross in the depth",
        paint_durer,
    ),
    "klimt": Painting(
        "Gold, after Klimt",
        "The Kiss, 1907-08: gold leaf, silver and platinum with oil; black and white oblongs, "
        "spirals and rounds like flowers",
        paint_klimt,
    ),
}
"""The styles that come along, by name."""


@functools.cache
def paint(name: str) -> ByteArray:
    """Return one of `PAINTINGS`, uint8 (`SIDE`, `SIDE`, 3) sRGB; it must not be written to."""
    return PAINTINGS[name].paint()
