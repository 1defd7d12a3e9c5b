"""Frames followed from one to the next, and which of them the network need not see.

Frame after frame it says nearly the same. So of two in a row it sees one: the other takes its
colors along the motion, from before and after, if most of it was found in the one before. On real
clips that is as steady and as right as to see them all, and costs half.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from deepkoal.video.temporal.motion import Motion, MotionEstimator
from deepkoal.video.temporal.waiting import WaitingFrame

FOUND = 0.5
"""Trust in the motion from which a place counts as found in the frame before."""
LOST = 0.15
"""Share of a frame's places that were not, from which the network sees it: in fast motion all."""


@dataclass(frozen=True, eq=False)
class FollowedFrame:
    """A frame, and how it follows from the one before.

    Attributes:
        waiting: the frame.
        is_read: whether the network sees it.
        motion: from the frame before to this one, and back; None where a shot begins, or where
            nothing is followed.
    """

    waiting: WaitingFrame
    is_read: bool = True
    motion: tuple[Motion, Motion] | None = None


def follow_frames(frames: Iterable[WaitingFrame]) -> Iterator[FollowedFrame]:
    """Yield frames with their motion: of any two in a row the network sees one at least."""
    estimator = MotionEstimator()
    last: FollowedFrame | None = None
    for frame in frames:
        if last is None or frame.starts_shot:
            last = FollowedFrame(frame)
        else:
            motion = estimator.estimate(last.waiting.middle, frame.middle)
            lost = float(np.mean(motion[1].trust < FOUND))
            last = FollowedFrame(frame, not last.is_read or lost > LOST, motion)
        yield last
