"""The frames of a film, colored one after another, and coherently within each shot.

The network sees each frame small, and its chroma is averaged along the motion at a middle size;
the frame itself gives the lightness, at its full size and depth, and the edges where colors stop.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.guidance import CarriedColors, ColorOptions, Reference, join_references, uncertainty
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction import Prediction
from deepkoal.inference.scene import find_border
from deepkoal.rendering.composition import lightness, render
from deepkoal.rendering.upsampling import fit_chroma
from deepkoal.video.coherence import DECIDED, Estimate, smooth
from deepkoal.video.frames import Frame
from deepkoal.video.keyframes import Keyframe
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

    pts: int
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
    keyframes: Sequence[Keyframe] = (),
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
        keyframes: whose colors their shots take.

    Raises:
        DeepkoalError: as `Colorizer.colorize`.
    """
    estimates = estimate_frames(frames, colorizer, options or ColorOptions(), is_cut, keyframes)
    smoothed = smooth(estimates) if coherent else ((each, each.ab) for each in estimates)
    for estimate, ab in smoothed:
        yield render_frame(estimate, ab, deep=deep)


def estimate_frames(
    frames: Iterable[Frame],
    colorizer: Colorizer,
    options: ColorOptions,
    is_cut: CutFinder | None = None,
    keyframes: Sequence[Keyframe] = (),
) -> Iterator[Estimate]:
    """Yield what the network says of each frame, see `color_frames`."""
    options = open_reference(options, colorizer)
    find_cut = is_cut or _make_cut_finder()
    waiting = (_prepare(frame, find_cut) for frame in frames)
    border: FloatArray | None = None
    references: dict[tuple[Keyframe, ...], Reference] = {}
    while batch := list(itertools.islice(waiting, BATCH)):
        borders: list[FloatArray | None] = []
        for index, each in enumerate(batch):
            if each.starts_shot or not index:
                found = find_border(each.middle)
                border = found if each.starts_shot or border is None else _widen(border, found)
            borders.append(None if border is None or tuple(border) == WHOLE else border)
        predictions = colorizer.predict_lightness([each.middle for each in batch], borders)
        for each, prediction in zip(batch, predictions, strict=True):
            near = tuple(keyframe for keyframe in keyframes if keyframe.has(each.pts))
            if near and near not in references:
                references.clear()
                references[near] = join_references(
                    [colorizer.open_reference(keyframe.rgb) for keyframe in near]
                )
            own = replace(options, reference=references[near]) if near else options
            estimate = _estimate(each, prediction, own)
            decided = [keyframe for keyframe in near if keyframe.pts == each.pts]
            if decided:
                estimate.ab = decided[0].measure_ab(*each.middle.shape)
                estimate.weight = np.full_like(each.middle, DECIDED)
            yield estimate


def open_reference(options: ColorOptions, colorizer: Colorizer) -> ColorOptions:
    """Return options whose reference the network has seen: once, and not for each frame."""
    reference = options.reference
    if isinstance(reference, (Reference, CarriedColors, type(None))):
        return options
    return replace(options, reference=colorizer.open_reference(reference))


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
        frame.pts,
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


def render_frame(estimate: Estimate, ab: FloatArray, *, deep: bool = False) -> Frame:
    """Return a frame in color.

    Args:
        estimate: of `estimate_frames`.
        ab: float32 (h, w, 2), its chroma, in CIE Lab units.
        deep: whether to return 16 bits a channel.
    """
    waiting = estimate.item
    assert isinstance(waiting, _Waiting)
    field = np.asarray(fit_chroma(waiting.middle, ab), np.float32)
    l = waiting.l.astype(np.float32)
    l *= np.float32(1 / _L_STEPS)
    return Frame(render(l, field, bits=16 if deep else 8), waiting.pts)
