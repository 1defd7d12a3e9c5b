"""A film cut into chunks: what can be colored by itself, kept, and joined with others.

A chunk is one shot or more. A shot longer than a chunk is cut too; its pieces look at the frames on
either side as they are colored, so that no seam shows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from deepkoal.arrays import ByteArray
from deepkoal.video.files.film import Film
from deepkoal.video.files.shots import CutDetector
from deepkoal.video.temporal.coherence import AHEAD

CHUNK = 240
"""Frames of a chunk, at least, but for a film's last."""
LONGEST = 480
"""Frames of a shot that is still one chunk."""


@dataclass(frozen=True)
class Chunk:
    """A piece of a film; times in units of its `time_base`.

    Attributes:
        number: from 0 up.
        start: time of its first frame.
        stop: time before which its last frame lies; None for the film's end.
        first: time of the first frame to look at, of the same shot.
        last: time before which the last of these lies; None for the film's end.
        frames: that it has.
        cuts: times of the frames among these that begin a shot.
    """

    number: int
    start: int
    stop: int | None
    first: int
    last: int | None
    frames: int
    cuts: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """What is known of a film before it is colored.

    Attributes:
        times: of all frames.
        cuts: numbers of the frames that begin a shot, the first included.
        chunks: in order.
    """

    times: tuple[int, ...]
    cuts: tuple[int, ...]
    chunks: tuple[Chunk, ...]


def plan_film(film: Film, progress: Callable[[int, int], None] | None = None) -> Plan:
    """Look through a film for its shots.

    Args:
        film: to look through.
        progress: is called with the frames looked at, and how many there are (0 if unknown).

    Raises:
        VideoError: it cannot be read, or has no frame.
    """
    thumbs = film.read_thumbs()
    return plan_frames(thumbs, lambda done: progress and progress(done, film.frames))


def plan_frames(
    thumbs: Iterable[tuple[int, ByteArray]], progress: Callable[[int], object] = lambda done: None
) -> Plan:
    """Find the shots of frames, given as `Film.read_thumbs` yields them.

    Args:
        thumbs: times and small copies of the frames, at least of one.
        progress: is called with how many have been looked at.
    """
    detector = CutDetector()
    times: list[int] = []
    cuts: list[int] = []
    for pts, thumb in thumbs:
        if detector.is_cut(thumb) or not times:
            cuts.append(len(times))
        times.append(pts)
        progress(len(times))
    return Plan(tuple(times), tuple(cuts), _divide(times, cuts))


def _divide(times: Sequence[int], cuts: Sequence[int]) -> tuple[Chunk, ...]:
    """Return chunks of whole shots, and of pieces of long ones."""
    edges = [0]
    for start, stop in zip(cuts, [*cuts[1:], len(times)], strict=True):
        if stop - start > LONGEST:
            pieces = round((stop - start) / CHUNK)
            edges += [start + (stop - start) * piece // pieces for piece in range(pieces)]
        if stop - edges[-1] >= CHUNK:
            edges.append(stop)
    edges = sorted({*edges, len(times)})
    return tuple(
        _make_chunk(number, start, stop, times, cuts)
        for number, (start, stop) in enumerate(itertools.pairwise(edges))
    )


def _make_chunk(
    number: int, start: int, stop: int, times: Sequence[int], cuts: Sequence[int]
) -> Chunk:
    shot_start = max(cut for cut in cuts if cut <= start)
    shot_stop = min([cut for cut in cuts if cut >= stop], default=len(times))
    first, last = max(shot_start, start - AHEAD), min(shot_stop, stop + AHEAD)

    def end(index: int) -> int | None:
        return times[index] if index < len(times) else None

    inside = tuple(times[cut] for cut in cuts if first <= cut < last)
    return Chunk(number, times[start], end(stop), times[first], end(last), stop - start, inside)
