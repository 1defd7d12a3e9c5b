"""Places where nothing of a photo is left: found, drawn from outlines, and filled from around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import FloatArray
from deepkoal.errors import DeepkoalError
from deepkoal.inference.scene import find_box
from deepkoal.restoration.options import AUTO, Outline

LOOKED_AT = 512
"""Longer side in pixels at which holes are looked for."""

PAPER, BLACK = 95.0, 6.0
"""L from which, and up to which, what lies below a photo is: a scanner's lid, or nothing."""

ALIKE, SAME = 3.0, 4.0
"""L by which a hole may differ from its median, and from which on another tone begins."""

FLAT, PLAIN = 1.5, 0.5
"""Standard deviation of L in 5×5 pixels of a hole, and in all of it: no grain, no cloud."""

AREA = (0.006, 0.2)
"""Shares of a photo that are looked for: smaller is the network's, larger a background."""

REACH = 0.7
"""Share of a side that a hole takes at most: a sky or a wall takes it all."""

COMPACT = 0.78
"""Least share of its convex hull that a hole fills: sky between branches fills less."""

CLEAR, JUMP = 0.9, 10.0
"""Share of what lies around a hole that must differ, in L by how much: a highlight fades away."""

ELSEWHERE = 0.2
"""Of a hole's area, how much may be as plain and as light elsewhere: a photo's own white."""

MOST = 0.6
"""Share of a photo that is filled at most: beyond, what comes out is no photo."""

RIM = 3
"""Pixels at `LOOKED_AT` that a hole is grown by: a torn edge is half paper."""


def mark_holes(holes: str | Sequence[Outline], l: FloatArray) -> NDArray[np.bool_]:
    """Return where nothing of a photo is left, bool (H, W).

    Args:
        holes: `AUTO`, or outlines.
        l: float32 (H, W), its lightness in 0…100.
    """
    if holes == AUTO:
        return find_holes(l)
    marks = np.zeros(l.shape, np.uint8)
    for outline in holes:
        # Corners count in pixels from the middle of the first one.
        corners = np.array(outline, np.float64) * l.shape[::-1] - 0.5
        cv2.fillPoly(marks, [np.rint(corners).astype(np.int32)], 1)
    return marks > 0


def check_holes(holes: NDArray[np.bool_]) -> None:
    """Refuse holes (H, W) that leave too little to fill them from.

    Raises:
        DeepkoalError: they take more than `MOST` of the photo.
    """
    share = holes.mean()
    if share > MOST:
        raise DeepkoalError(
            f"holes mark {share:.0%} of the photo as missing, of which at most {MOST:.0%} can be "
            "filled from around; white in a mask, and all inside an outline, is what is missing: "
            "is it the wrong way round?"
        )


def find_holes(l: FloatArray) -> NDArray[np.bool_]:
    """Return where pieces of a photo are missing, bool (H, W).

    A missing piece is as white as paper or black, without grain, compact, does not span the photo
    (inside a plain border), ends sharply nearly all around, and the photo has hardly any such tone
    elsewhere. Of what does not meet all of this nothing is marked, as a sky, a
    lamp or a dress is white, too; nor are pieces that mirror each other, as those around an oval.

    Args:
        l: float32 (H, W), 0…100.
    """
    marks = np.zeros(l.shape, bool)
    box = find_box(l)
    inside = l[box]
    scale = min(1.0, LOOKED_AT / max(inside.shape, default=1))
    rows, columns = (round(side * scale) for side in inside.shape)
    if min(rows, columns) < 32:
        return marks
    seen = np.asarray(cv2.resize(inside, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)
    found = _find_pieces(seen)
    if found.any() and not _is_mount(found):
        grown = cv2.dilate(np.pad(found, RIM, mode="edge").astype(np.uint8), _disk(RIM))
        grown = grown[RIM:-RIM, RIM:-RIM]
        size = inside.shape[::-1]
        marks[box] = cv2.resize(grown, size, interpolation=cv2.INTER_NEAREST) > 0
    return marks


def _find_pieces(l: FloatArray) -> NDArray[np.bool_]:
    """Return what is missing of lightness at the size at which it is looked at."""
    found = np.zeros(l.shape, bool)
    mean, square = (cv2.boxFilter(x, -1, (5, 5)) for x in (l, l * l))
    flat = square - mean * mean < FLAT**2
    for extreme in (l >= PAPER - SAME, l <= BLACK + SAME):
        plain = flat & extreme
        count, parts, stats, _ = cv2.connectedComponentsWithStats(
            plain.astype(np.uint8), connectivity=4
        )
        for part in range(1, count):
            if stats[part, cv2.CC_STAT_AREA] < AREA[0] / 2 * l.size:
                continue
            tone = float(np.median(l[parts == part]))
            if BLACK < tone < PAPER:
                continue
            alike = (np.abs(l - tone) < ALIKE).astype(np.uint8)
            _, regions = cv2.connectedComponents(alike, connectivity=4)
            piece = regions == np.bincount(regions[parts == part]).argmax()
            if alike[piece].all() and _is_missing(piece, tone, l, plain):
                found |= piece
    return found


def _is_missing(
    piece: NDArray[np.bool_], tone: float, l: FloatArray, plain: NDArray[np.bool_]
) -> bool:
    area = piece.mean()
    sides = [line.mean() for line in (piece[0], piece[-1], piece[:, 0], piece[:, -1])]
    spans = min(sides[:2]) > 0 or min(sides[2:]) > 0
    if spans or max(sides) > REACH or not AREA[0] < area < AREA[1]:
        return False
    mask = piece.astype(np.uint8)
    near = cv2.dilate(mask, np.ones((5, 5), np.uint8))
    ring = cv2.dilate(near, np.ones((5, 5), np.uint8)) > near
    core = cv2.erode(mask, np.ones((5, 5), np.uint8), borderValue=1) > 0
    if not core.any() or l[core].std() > PLAIN:
        return False
    if np.mean(np.abs(l[ring] - tone) > JUMP) < CLEAR:
        return False
    if np.sum(plain & ~ring & (near == 0) & (np.abs(l - tone) < SAME)) > ELSEWHERE * piece.sum():
        return False
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    # A contour runs through the middles of pixels.
    hull = cv2.contourArea(cv2.convexHull(outlines[0])) + len(outlines[0]) / 2
    return bool(piece.sum() > COMPACT * hull)


def _is_mount(found: NDArray[np.bool_]) -> bool:
    """Return whether pieces are alike on both sides, as what an oval or a round corner leaves."""
    return any(
        (found & turned).sum() > (found | turned).sum() / 2
        for turned in (found[::-1], found[:, ::-1])
    )


def _disk(radius: int) -> NDArray[Any]:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def fill_holes(l: FloatArray, holes: NDArray[Any], *, radius: int = 4) -> FloatArray:
    """Return lightness with holes filled from around them (Telea 2004).

    Args:
        l: float32 (H, W), 0…100.
        holes: (H, W), above 0 where nothing of the photo is left.
        radius: in pixels, of what is looked at around each.
    """
    levels = np.rint(l * 2.55).astype(np.uint8)
    marks = (holes > 0).astype(np.uint8)
    filled = cv2.inpaint(levels, marks, radius, cv2.INPAINT_TELEA).astype(np.float32) / 2.55
    return np.where(marks > 0, filled, l).astype(np.float32)
