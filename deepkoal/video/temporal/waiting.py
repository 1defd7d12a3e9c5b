"""Frames on their way to their colors: only their lightness is kept, at full size and small."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.rendering.composition import lightness
from deepkoal.restoration.flicker import (
    REACH,
    average_exposure,
    change_exposure,
    compare_exposures,
)
from deepkoal.video.files.frames import Frame
from deepkoal.video.files.shots import CutDetector, make_thumb

MIDDLE = 256
"""Side in pixels of a square frame at which motion is estimated and chroma averaged."""

_STEPS = 655.35  # a frame waits as uint16: half of what a float takes, finer than 10 bits

CutFinder = Callable[[Frame, FloatArray], bool]
"""Returns whether a shot begins with a frame, given with its lightness."""


@dataclass(frozen=True, eq=False)
class WaitingFrame:
    """A frame that waits for its colors.

    Attributes:
        pts: its time, in units of the film's `time_base`.
        levels: uint16 (H, W), L in 655.35ths.
        middle: float32 (h, w), L in 0…100 at the size at which motion is estimated.
        starts_shot: whether it shares nothing with the frame before it.
    """

    pts: int
    levels: SampleArray
    middle: FloatArray
    starts_shot: bool

    def read_lightness(self) -> FloatArray:
        """Return its L, float32 (H, W) in 0…100."""
        l = self.levels.astype(np.float32)
        l *= np.float32(1 / _STEPS)
        return l

    def expose(self, change: np.ndarray) -> WaitingFrame:
        """Return it as of another exposure, see `restoration.flicker`."""
        every = np.arange(2**16, dtype=np.float32) / np.float32(_STEPS)
        table = np.rint(change_exposure(every, change) * np.float32(_STEPS)).astype(np.uint16)
        return replace(self, levels=table[self.levels], middle=change_exposure(self.middle, change))


def find_cuts() -> CutFinder:
    """Return what finds cuts in frames as they come."""
    detector = CutDetector()
    return lambda frame, l: detector.is_cut(make_thumb(l))


def prepare_frames(frames: Iterable[Frame], is_cut: CutFinder) -> Iterator[WaitingFrame]:
    """Yield what is kept of each frame."""
    for frame in frames:
        l = lightness(frame.rgb)
        height, width = l.shape
        scale = min(1.0, MIDDLE / np.sqrt(height * width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        middle = cv2.resize(l, size, interpolation=cv2.INTER_AREA) if scale < 1 else l
        levels = (l * np.float32(_STEPS) + np.float32(0.5)).astype(np.uint16)
        yield WaitingFrame(frame.pts, levels, np.asarray(middle, np.float32), is_cut(frame, l))


def even_exposure(frames: Iterable[WaitingFrame]) -> Iterator[WaitingFrame]:
    """Yield frames whose exposure does not flicker: of each shot it changes slowly only.

    `REACH` frames are held back.
    """
    waiting: deque[WaitingFrame] = deque()
    exposures: list[np.ndarray] = []  # of those that wait, and of `REACH` before them
    last: WaitingFrame | None = None

    def take_first() -> WaitingFrame:
        index = len(exposures) - len(waiting)
        wanted = average_exposure(np.array(exposures), index)
        return waiting.popleft().expose(wanted - exposures[index])

    for frame in frames:
        if last is None or frame.starts_shot:
            while waiting:
                yield take_first()
            exposures = [np.zeros(2)]
        else:
            exposures.append(exposures[-1] + compare_exposures(last.middle, frame.middle))
        waiting.append(frame)
        last = frame
        if len(waiting) > REACH:
            yield take_first()
            exposures = exposures[-2 * REACH :]
    while waiting:
        yield take_first()
