"""Anchors: a few frames of a shot, read together, whose colors all of the shot shares.

The average along the motion forgets a thing that has left the picture. When it returns it looks
alike to the network; so by affinity, as from a reference photo, it takes the color that it had.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from deepkoal.errors import NoColorsError
from deepkoal.guidance import ColorOptions, Reference, join_references
from deepkoal.inference.batch_pass import find_inside
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction import Prediction
from deepkoal.video.files.frames import Frame
from deepkoal.video.plan import Chunk, Plan
from deepkoal.video.temporal.waiting import prepare_frames

ANCHORS = 4
"""Frames of a shot, evenly spread, that are its anchors."""
LEAST = 24
"""Frames of a shot that has anchors; in shorter ones the average reaches from end to end."""
STRIDE = 4
"""Of an anchor's places, each so many-th down and across is compared with."""


@dataclass(frozen=True)
class ShotAnchors:
    """The anchors of a shot; times in units of the film's `time_base`.

    Attributes:
        times: theirs.
        start: of the shot.
        stop: time before which it ends; None for the film's end.
    """

    times: tuple[int, ...]
    start: int
    stop: int | None


def choose_anchors(plan: Plan, chunk: Chunk) -> tuple[ShotAnchors, ...]:
    """Return the anchors of all shots that a chunk has frames of: for each chunk the same."""
    times = plan.times
    found = []
    for start, stop in itertools.pairwise([*plan.cuts, len(times)]):
        ends_before = times[stop - 1] < chunk.start
        if stop - start < LEAST or ends_before or (chunk.last and times[start] >= chunk.last):
            continue
        picks = np.linspace(start, stop - 1, ANCHORS + 2)[1:-1].round().astype(int)
        end = times[stop] if stop < len(times) else None
        found.append(ShotAnchors(tuple(times[pick] for pick in picks), times[start], end))
    return tuple(found)


class AnchorFinder:
    """Finds what frames share with the anchors of their shot, and keeps that of one shot.

    Args:
        anchors: of the shots.
        read: yields a film's frames from a time on, as `Film.read`.
        colorizer: what colors.
        options: how, without a reference.
    """

    def __init__(
        self,
        anchors: Sequence[ShotAnchors],
        read: Callable[[int], Iterator[Frame]],
        colorizer: Colorizer,
        options: ColorOptions,
    ) -> None:
        self._anchors, self._read_film = anchors, read
        self._colorizer, self._options = colorizer, options
        self._opened: tuple[ShotAnchors, Reference | None] | None = None

    def find(self, pts: int) -> Reference | None:
        """Return the anchors of the shot of a frame at this time; None where it has none."""
        for each in self._anchors:
            if each.start <= pts and (each.stop is None or pts < each.stop):
                if self._opened is None or self._opened[0] is not each:
                    self._opened = each, self._read(each.times)
                return self._opened[1]
        return None

    def _read(self, times: Sequence[int]) -> Reference | None:
        frames = [frame for pts in times for frame in itertools.islice(self._read_film(pts), 1)]
        all_l = [each.middle for each in prepare_frames(frames, lambda frame, l: False)]
        predictions = self._colorizer.predict_lightness(all_l, [find_inside(l) for l in all_l])
        references = [_to_reference(each, self._options) for each in predictions]
        colored = [each for each in references if each is not None]
        return join_references(colored) if colored else None


def _to_reference(prediction: Prediction, options: ColorOptions) -> Reference | None:
    try:
        whole = prediction.to_reference(prediction.render(options))
    except NoColorsError:  # a fade or a title: it has nothing to share
        return None
    height, width = prediction.outputs["features"].shape[:2]
    places = np.arange(height * width).reshape(height, width)
    chosen = places[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE].ravel()
    return Reference(whole.points.take(chosen), np.asarray(whole.ab)[chosen])
