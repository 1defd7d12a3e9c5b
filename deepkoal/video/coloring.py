"""The frames of a film, colored one after another, and coherently within each shot.

The network sees each frame small, and its chroma is averaged along the motion at a middle size;
the frame itself gives the lightness, at its full size and depth, and the edges where colors stop.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.guidance import ColorOptions, uncertainty
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction import Prediction
from deepkoal.inference.scene import find_border
from deepkoal.rendering.composition import lightness, render
from deepkoal.rendering.upsampling import fit_chroma
from deepkoal.video.coherence import Estimate, smooth
from deepkoal.video.film import Frame
from deepkoal.video.shots import CutDetector, make_thumb

MIDDLE = 256
"""Side in pixels of a square frame at which motion is estimated and chroma averaged."""
BATCH = 8
"""Frames that the network sees together."""
_L_STEPS = 655.35  # a frame waits as uint16: half of what a float takes, finer than 10 bits

LEAST_SURE = 0.05
"""What counts of a place that the network knows nothing about, 1 being certainty; squared."""
WHOLE = (0, 1, 0, 1)
"""A border that is none, as `find_border` has it."""

CutFinder = Callable[[Frame, FloatArray], bool]
"""Returns whether a shot begins with a frame, given with its lightness."""


@dataclass(eq=False)
class _Waiting:
    """A frame that waits for its colors."""

    frame: Frame
    l: SampleArray
    middle: FloatArray
    starts_shot: bool


def color_frames(
    frames: Iterable[Frame],
    colorizer: Colorizer,
    options: ColorOptions | None = None,
    *,
    coherent: bool = True,
    deep: bool = False,
    is_cut: CutFinder | None = None,
) -> Iterator[Frame]:
    """Yield frames in color, in order.

    About a hundred frames are held at once, whatever the film's length.

    Args:
        frames: of one size, a shot or more of them.
        colorizer: what colors.
        options: how: all but hints and variations, which are of one photo.
        coherent: whether chroma is averaged along the motion; else each frame is colored by itself.
        deep: whether to return 16 bits a channel.
        is_cut: tells where shots begin; found in the frames where None.

    Raises:
        DeepkoalError: as `Colorizer.colorize`.
    """
    estimates = _estimate_all(frames, colorizer, options or ColorOptions(), is_cut)
    if coherent:
        smoothed: Iterable[tuple[Estimate, FloatArray]] = smooth(estimates)
    else:
        smoothed = ((estimate, estimate.ab) for estimate in estimates)
    for estimate, ab in smoothed:
        waiting = estimate.item
        assert isinstance(waiting, _Waiting)
        yield Frame(_render(waiting, ab, deep=deep), waiting.frame.pts)


def _estimate_all(
    frames: Iterable[Frame],
    colorizer: Colorizer,
    options: ColorOptions,
    is_cut: CutFinder | None,
) -> Iterator[Estimate]:
    """Yield what the network says of each frame."""
    find_cut = is_cut or _make_cut_finder()
    waiting = (_prepare(frame, find_cut) for frame in frames)
    border: FloatArray | None = None
    while batch := list(itertools.islice(waiting, BATCH)):
        borders: list[FloatArray | None] = []
        for index, each in enumerate(batch):
            if each.starts_shot or not index:
                found = find_border(each.middle)
                border = found if each.starts_shot or border is None else _widen(border, found)
            borders.append(None if border is None or tuple(border) == WHOLE else border)
        predictions = colorizer.predict_lightness([each.middle for each in batch], borders)
        for each, prediction in zip(batch, predictions, strict=True):
            yield _estimate(each, prediction, options)


def _widen(border: FloatArray, other: FloatArray) -> FloatArray:
    """Return the larger inside: a border is what stays plain throughout a shot."""
    first, last = np.minimum(border, other), np.maximum(border, other)
    return np.stack([first[0], last[1], first[2], last[3]])


def _make_cut_finder() -> CutFinder:
    detector = CutDetector()
    return lambda frame, l: detector.is_cut(make_thumb(l))


def _prepare(frame: Frame, find_cut: CutFinder) -> _Waiting:
    l = lightness(frame.rgb)
    height, width = l.shape
    scale = min(1.0, MIDDLE / np.sqrt(height * width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    middle = cv2.resize(l, size, interpolation=cv2.INTER_AREA) if scale < 1 else l
    return _Waiting(
        Frame(frame.rgb[:0], frame.pts),
        (l * np.float32(_L_STEPS) + np.float32(0.5)).astype(np.uint16),
        np.asarray(middle, np.float32),
        find_cut(frame, l),
    )


def _estimate(waiting: _Waiting, prediction: Prediction, options: ColorOptions) -> Estimate:
    ab = prediction.decode_ab(options)
    l = prediction.inner_l
    field = _enlarge(np.asarray(prediction.fit_field(ab), np.float32), l)
    fine = field[..., :2] * l[..., None] + field[..., 2:]
    weight = np.ones_like(l)
    if "logits" in prediction.outputs:
        doubt = np.asarray(uncertainty(prediction.outputs["logits"]), np.float32)
        weight = _enlarge(np.maximum(1 - doubt, LEAST_SURE) ** 2, l)
    if prediction.box is not None:
        top, bottom, left, right = prediction.box
        whole = np.zeros((*prediction.l.shape, 2), np.float32)
        whole[top:bottom, left:right] = fine
        fine = whole
        weights = np.ones_like(prediction.l)
        weights[top:bottom, left:right] = weight
        weight = weights
    return Estimate(prediction.l, fine, weight, waiting, waiting.starts_shot)


def _enlarge(x: FloatArray, like: FloatArray) -> FloatArray:
    size = like.shape[1], like.shape[0]
    return np.asarray(cv2.resize(x, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _render(waiting: _Waiting, ab: FloatArray, *, deep: bool) -> SampleArray:
    field = np.asarray(fit_chroma(waiting.middle, ab), np.float32)
    l = waiting.l.astype(np.float32)
    l *= np.float32(1 / _L_STEPS)
    return render(l, field, bits=16 if deep else 8)
