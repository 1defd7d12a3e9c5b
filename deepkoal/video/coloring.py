"""The frames of a film, colored one after another, and coherently within each shot.

The network sees each frame small, and its chroma is averaged along the motion at a middle size;
the frame itself gives the lightness, at its full size and depth, and the edges where colors stop.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from deepkoal.arrays import FloatArray
from deepkoal.guidance import ColorOptions, Reference, join_references
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction import Prediction
from deepkoal.inference.scene import find_border
from deepkoal.memory import one_blas_thread
from deepkoal.rendering.composition import render
from deepkoal.rendering.upsampling import fit_chroma
from deepkoal.video.files.frames import Frame
from deepkoal.video.keyframes import Keyframe
from deepkoal.video.temporal.coherence import DECIDED, Estimate, fit_window, smooth
from deepkoal.video.temporal.following import FollowedFrame, follow_frames
from deepkoal.video.temporal.running_ahead import run_ahead
from deepkoal.video.temporal.waiting import (
    CutFinder,
    WaitingFrame,
    even_exposure,
    find_cuts,
    prepare_frames,
)

BATCH = 8
"""Frames that the network sees together."""
LEAST_SURE = 0.05
"""What counts of a place that the network knows nothing about, 1 being certainty; squared."""
BRIGHT = 60.0
"""L that a tenth of a frame reaches if it counts wholly: one in the dark of a fade tells less."""
WHOLE = (0, 1, 0, 1)
"""A border that is none, as `find_border` has it."""

AnchorsOf = Callable[[int], Reference | None]
"""Returns what a frame at this time is to share with its shot; None for nothing."""

FILM_SIZE = 192
"""Most pixels of a side at which one of several working sizes sees frames: what is small in one is
larger in another, and the network takes most of the time."""


def color_frames(
    frames: Iterable[Frame],
    colorizer: Colorizer,
    options: ColorOptions | None = None,
    *,
    coherent: bool = True,
    deep: bool = False,
    is_cut: CutFinder | None = None,
    keyframes: Sequence[Keyframe] = (),
    deflicker: bool = False,
    find_anchors: AnchorsOf | None = None,
) -> Iterator[Frame]:
    """Yield frames in color, in order.

    About a hundred frames are held at once, whatever the film's length, and fewer of large ones.

    Args:
        frames: of one size, a shot or more of them.
        colorizer: what colors.
        options: how: all but hints and variations, which are of one photo.
        coherent: whether chroma is averaged along the motion; else each frame is colored by itself.
        deep: whether to return 16 bits a channel.
        is_cut: tells where shots begin; found in the frames where None.
        keyframes: whose colors their shots take.
        deflicker: whether exposure is evened within each shot, see `restoration.flicker`.
        find_anchors: finds what of a frame's shot all of it shares, see `anchors`.

    Raises:
        DeepkoalError: as `Colorizer.colorize`.
    """
    for estimate, ab in find_chroma(
        frames,
        colorizer,
        options or ColorOptions(),
        coherent=coherent,
        is_cut=is_cut,
        keyframes=keyframes,
        deflicker=deflicker,
        find_anchors=find_anchors,
    ):
        yield render_frame(estimate, ab, deep=deep)


def find_chroma(
    frames: Iterable[Frame],
    colorizer: Colorizer,
    options: ColorOptions,
    *,
    coherent: bool = True,
    is_cut: CutFinder | None = None,
    keyframes: Sequence[Keyframe] = (),
    deflicker: bool = False,
    find_anchors: AnchorsOf | None = None,
) -> Iterator[tuple[Estimate, FloatArray]]:
    """Yield frames, and the chroma that `render_frame` takes for each; see `color_frames`.

    Yields:
        What the network predicts of the frame, and float32 (h, w, 2) in CIE Lab units.
    """
    options = colorizer.open_options(options)
    if isinstance(options.reference, Reference):  # a still that moved on is no frame's copy
        options = replace(options, reference=replace(options.reference, pictures=()))
    waiting = prepare_frames(frames, is_cut or find_cuts())
    if deflicker:
        waiting = even_exposure(waiting)
    followed = follow_frames(waiting) if coherent else map(FollowedFrame, waiting)
    seen = run_ahead(_predict_frames(followed, colorizer), BATCH)
    estimates = _estimate_frames(
        seen, colorizer, options, keyframes, find_anchors if coherent else None
    )
    # Closed here: of what a generator leaves behind, no one knows when the threads would end.
    with one_blas_thread(), contextlib.closing(seen), contextlib.closing(estimates):
        if not coherent:
            yield from ((estimate, estimate.ab) for estimate in estimates)
            return
        for first in itertools.islice(estimates, 1):
            assert isinstance(first.item, WaitingFrame)
            window, ahead, queued = fit_window(first.item.levels.size)
            ready = run_ahead(itertools.chain([first], estimates), queued)
            with contextlib.closing(ready):
                yield from smooth(ready, window=window, ahead=ahead)


def _predict_frames(
    followed: Iterator[FollowedFrame], colorizer: Colorizer
) -> Iterator[tuple[FollowedFrame, Prediction | None]]:
    """Yield frames, and what the network predicts of each that it sees."""
    border: FloatArray | None = None
    while whole := list(itertools.islice(followed, BATCH)):
        batch = [each.waiting for each in whole if each.is_read]
        borders: list[FloatArray | None] = []
        for index, each in enumerate(batch):
            if each.starts_shot or not index:
                found = find_border(each.middle)
                border = found if each.starts_shot or border is None else _widen(border, found)
            borders.append(None if border is None or tuple(border) == WHOLE else border)
        predictions = colorizer.predict_lightness([each.middle for each in batch], borders)
        found = iter(predictions)
        yield from ((each, next(found) if each.is_read else None) for each in whole)


def _estimate_frames(
    seen: Iterable[tuple[FollowedFrame, Prediction | None]],
    colorizer: Colorizer,
    options: ColorOptions,
    keyframes: Sequence[Keyframe],
    find_anchors: AnchorsOf | None,
) -> Generator[Estimate]:
    """Yield what each frame says of the colors, see `color_frames`."""
    references: dict[tuple[Keyframe, ...], Reference] = {}
    for followed, prediction in seen:
        each = followed.waiting
        near = tuple(keyframe for keyframe in keyframes if keyframe.has(each.pts))
        if near and near not in references:
            references.clear()
            references[near] = join_references(
                [colorizer.see_reference(keyframe.rgb) for keyframe in near]
            )
        own = options
        if near:
            own = replace(options, reference=references[near])
        elif find_anchors is not None and options.reference is None:
            own = replace(options, reference=find_anchors(each.pts))
        ab, weight = np.zeros((*each.middle.shape, 2), np.float32), np.zeros_like(each.middle)
        if prediction is not None:
            ab, weight = _estimate(prediction, own)
        estimate = Estimate(each.middle, ab, weight, each, each.starts_shot, followed.motion)
        decided = [keyframe for keyframe in near if keyframe.pts == each.pts]
        if decided:
            estimate.ab = decided[0].measure_ab(*each.middle.shape)
            estimate.weight = np.full_like(each.middle, DECIDED)
        yield estimate


def _widen(border: FloatArray, other: FloatArray) -> FloatArray:
    """Return the larger inside: a border is what stays plain throughout a shot."""
    first, last = np.minimum(border, other), np.maximum(border, other)
    return np.stack([first[0], last[1], first[2], last[3]])


def _estimate(prediction: Prediction, options: ColorOptions) -> tuple[FloatArray, FloatArray]:
    """Return a frame's chroma at the size that motion is estimated at, and how sure it is."""
    ab = prediction.decode_ab(options)
    l = prediction.inner_l
    field = _enlarge(np.asarray(prediction.fit_field(ab), np.float32), l)
    fine = field[..., :2] * l[..., None] + field[..., 2:]
    weight = np.ones_like(l)
    if "logits" in prediction.outputs:
        sure = np.maximum(1 - np.asarray(prediction.entropy, np.float32), LEAST_SURE)
        weight = _enlarge(sure**2, l)
    bright = np.percentile(l, 90) / BRIGHT
    weight = weight * np.float32(np.clip(bright, LEAST_SURE, 1) ** 2)
    if prediction.box is not None:
        top, bottom, left, right = prediction.box
        whole = np.zeros((*prediction.l.shape, 2), np.float32)
        whole[top:bottom, left:right] = fine
        fine = whole
        weights = np.ones_like(prediction.l)
        weights[top:bottom, left:right] = weight
        weight = weights
    return fine, weight


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
    assert isinstance(waiting, WaitingFrame)
    field = np.asarray(fit_chroma(waiting.middle, ab), np.float32)
    return Frame(render(waiting.read_lightness(), field, bits=16 if deep else 8), waiting.pts)
