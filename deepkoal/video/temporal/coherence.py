"""One color for one thing, as long as it is in sight: chroma averaged along its way through a shot.

Each frame's chroma is an estimate of what every place's color is. Along the optical flow they are
averaged, each by how sure the network was, and less the farther away in time: a sum that runs
forward through the shot and one that runs back, which is both halves of a two-sided exponential
filter. What is hidden or new in a frame breaks its sum there, so that nothing takes a neighbor's
color; what has newly come in has its own, later frames' too. A shot's sums begin anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from deepkoal.arrays import FloatArray
from deepkoal.video.temporal.motion import Motion, MotionEstimator

MEMORY = 0.97
"""Weight of a frame's chroma in the next, where motion is trusted."""
WINDOW = 36
"""Frames that are averaged and given out at once."""
AHEAD = 48
"""Frames that are looked ahead: what lies farther has 0.97⁴⁸ = 0.23 of the weight and less."""
QUEUED = 28
"""Frames that come in meanwhile."""
HELD = 1 << 30
"""Bytes of full-size lightness that all of these take at most."""
LEAST_TRUST = 1e-7
"""What is carried along motion that is not trusted: of weight where nothing else is known alone."""
DECIDED = 1000.0
"""Weight of a frame whose colors a person has decided, beside 1 of a sure guess."""


@dataclass(eq=False)
class Estimate:
    """What one frame says of the colors.

    Attributes:
        l: float32 (h, w), L in 0…100, at the size that motion is estimated at.
        ab: float32 (h, w, 2), in CIE Lab units.
        weight: float32 (h, w), how sure that is; 0 says nothing.
        item: whatever belongs to the frame, handed through.
        starts_shot: whether it shares nothing with the frame before it.
        motion: from the frame before to this one, and back; estimated where None.
    """

    l: FloatArray
    ab: FloatArray
    weight: FloatArray
    item: object
    starts_shot: bool = False
    motion: tuple[Motion, Motion] | None = None


@dataclass(eq=False)
class _Entry:
    """A frame in a window: sums (h, w, 3) of weighted ab and of weights, its own and those before.

    `to_last` leads to the frame before it, `from_last` from there to it; None where a shot begins.
    """

    estimate: Estimate
    own: FloatArray
    forward: FloatArray
    from_last: Motion | None


def fit_window(pixels: int) -> tuple[int, int, int]:
    """Return how many frames are averaged at once, are looked ahead, and come in meanwhile.

    They are `WINDOW`, `AHEAD` and `QUEUED`, and fewer where frames are so large that these would
    take more than `HELD`: first less is averaged at once, which costs time, then what lies ahead.

    Args:
        pixels: of a frame, each two bytes of lightness.
    """
    most = max(5, min(WINDOW + AHEAD + QUEUED, HELD // (2 * pixels)))
    queued = most // 4
    ahead = min(AHEAD, 3 * (most - queued) // 4)
    return most - queued - ahead, ahead, queued


def smooth(
    estimates: Iterator[Estimate],
    *,
    memory: float = MEMORY,
    window: int = WINDOW,
    ahead: int = AHEAD,
) -> Iterator[tuple[Estimate, FloatArray]]:
    """Yield each frame with its chroma averaged along its shot, in order.

    Args:
        estimates: the frames, of one size.
        memory: see `MEMORY`.
        window: see `WINDOW`.
        ahead: see `AHEAD`.

    Yields:
        The estimate, and float32 (h, w, 2) in CIE Lab units.
    """
    estimator = MotionEstimator()
    entries: list[_Entry] = []
    for estimate in estimates:
        if entries and estimate.starts_shot:
            yield from _average(entries, len(entries), memory)
            entries = []
        entries.append(_enter(estimate, entries[-1] if entries else None, estimator, memory))
        if len(entries) >= window + ahead:
            yield from _average(entries, window, memory)
            entries = entries[window:]
    yield from _average(entries, len(entries), memory)


def _enter(
    estimate: Estimate, last: _Entry | None, estimator: MotionEstimator, memory: float
) -> _Entry:
    weight = estimate.weight[..., None]
    own = np.concatenate([estimate.ab * weight, weight], axis=-1)
    if last is None:
        return _Entry(estimate, own, own, None)
    from_last, to_last = estimate.motion or estimator.estimate(last.estimate.l, estimate.l)
    return _Entry(estimate, own, own + _carry(last.forward, to_last, memory), from_last)


def _carry(total: FloatArray, motion: Motion, memory: float) -> FloatArray:
    """Return a neighboring frame's sum as seen at this frame's places."""
    trust = np.maximum(motion.trust, LEAST_TRUST)
    return np.asarray(motion.fetch(total) * (memory * trust[..., None]), np.float32)


def _average(
    entries: Sequence[_Entry], count: int, memory: float
) -> Iterator[tuple[Estimate, FloatArray]]:
    """Run back through a window, and yield its first frames in order."""
    later: FloatArray | None = None
    results: list[FloatArray] = []
    for index in range(len(entries) - 1, -1, -1):
        entry = entries[index]
        total = entry.forward if later is None else entry.forward + later
        if index < count:
            results.append(
                np.asarray(total[..., :2] / np.maximum(total[..., 2:], 1e-9), np.float32)
            )
        if entry.from_last is not None:
            here = entry.own if later is None else entry.own + later
            later = _carry(here, entry.from_last, memory)
    for entry, ab in zip(entries[:count], reversed(results), strict=True):
        yield entry.estimate, ab
