"""How steady and how right a film's colors are, on films whose true colors are known."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepkoal.arrays import ByteArray, FloatArray
from deepkoal.evaluation.metrics import colorfulness, psnr
from deepkoal.guidance import ColorOptions
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.composition import lightness
from deepkoal.video.anchors import AnchorFinder, choose_anchors
from deepkoal.video.coloring import FILM_SIZE, find_chroma, render_frame
from deepkoal.video.files.film import Film
from deepkoal.video.files.frames import Frame, to_bytes
from deepkoal.video.files.shots import make_thumb
from deepkoal.video.plan import plan_frames
from deepkoal.video.temporal.coherence import Estimate
from deepkoal.video.temporal.steadiness import estimate_motions, measure_cdc, measure_warping_error

MOST_FRAMES = 120
"""Frames of a film that are measured: all of them are held at once."""
VIBRANCES = (0.2, 5.0)
_HALVINGS = 8
_CALIBRATED = 12  # frames, evenly spread, that the vibrance of PSNR@CF is found on


@dataclass(frozen=True)
class VideoFigures:
    """Figures of a film, of its true colors, of each frame by itself, and coherently.

    Attributes:
        frames: that were measured.
        size: height and width in pixels.
        cdc: color distribution consistency, less is steadier; see `measure_cdc`.
        warping_error: see `measure_warping_error`.
        psnr: in dB, against the truth.
        psnr_at_cf: in dB, at the vibrance that gives the truth's colorfulness.
        vibrance_at_cf: this vibrance.
        seconds: of processor time for each frame: for reading it, for its colors by itself and
            coherently, where the network sees fewer frames, and for rendering it.
    """

    frames: int
    size: tuple[int, int]
    cdc: dict[str, float]
    warping_error: dict[str, float]
    psnr: dict[str, float]
    psnr_at_cf: dict[str, float]
    vibrance_at_cf: dict[str, float]
    seconds: dict[str, float]

    def to_lines(self) -> list[str]:
        """Return a table for people."""
        height, width = self.size
        names = ("truth", "frame by frame", "coherent")
        lines = [
            f"{self.frames} frames of {width}×{height}",
            f"{'':24}" + "".join(f"{name:>16}" for name in names),
        ]
        for title, values in (
            ("CDC", self.cdc),
            ("warping error", self.warping_error),
            ("PSNR (dB)", self.psnr),
            ("PSNR@CF (dB)", self.psnr_at_cf),
            ("its vibrance", self.vibrance_at_cf),
        ):
            cells = (f"{values[name]:16.5f}" if name in values else f"{'':16}" for name in names)
            lines.append(f"{title:24}" + "".join(cells))
        parts = ", ".join(f"{part} {1000 * each:.0f}" for part, each in self.seconds.items())
        lines.append(f"processor milliseconds a frame: {parts}")
        return lines


def evaluate_video(
    film: Film,
    colorizer: Colorizer,
    options: ColorOptions | None = None,
    *,
    limit: int = MOST_FRAMES,
) -> VideoFigures:
    """Take the color from a film, color it frame by frame and as `colorize_video`; measure both.

    Args:
        film: in color.
        colorizer: what colors.
        options: how.
        limit: of frames, from the film's first on.

    Raises:
        VideoError: the film cannot be read, or has too few frames.
    """
    clock = _Clock()
    truth = list(itertools.islice((to_bytes(frame.rgb) for frame in film.read()), limit))
    measure_cdc(truth)  # which tells, before any of the work, that there are too few
    clock.stop("reading")
    options = options or ColorOptions()
    frames = [Frame(rgb, index) for index, rgb in enumerate(truth)]
    colorizer = colorizer.limit_working_sizes(FILM_SIZE)
    list(find_chroma(frames[:1], colorizer, options))
    clock.skip()  # what a network does at its first picture only
    single = list(find_chroma(frames, colorizer, options, coherent=False))
    clock.stop("frame by frame")
    coherent = _color_coherently(frames, colorizer, options)
    clock.stop("coherent")
    estimates = [estimate for estimate, _ in single]
    chroma = {
        name: [ab for _, ab in each]
        for name, each in (("frame by frame", single), ("coherent", coherent))
    }
    colored = {name: _render_all(estimates, ab, 1.0) for name, ab in chroma.items()}
    clock.stop("rendering", shares=2)
    motions = estimate_motions([each.l for each in estimates])
    films = {"truth": truth, **colored}
    vibrances = {name: _match_colorfulness(truth, estimates, ab) for name, ab in chroma.items()}
    matched = {name: _render_all(estimates, ab, vibrances[name]) for name, ab in chroma.items()}
    return VideoFigures(
        len(truth),
        truth[0].shape[:2],
        {name: measure_cdc(each) for name, each in films.items()},
        {name: measure_warping_error(each, motions) for name, each in films.items()},
        {name: _mean_psnr(each, truth) for name, each in colored.items()},
        {name: _mean_psnr(each, truth) for name, each in matched.items()},
        vibrances,
        {part: seconds / len(truth) for part, seconds in clock.seconds.items()},
    )


def _color_coherently(
    frames: Sequence[Frame], colorizer: Colorizer, options: ColorOptions
) -> list[tuple[Estimate, FloatArray]]:
    """Return what `find_chroma` yields of frames as of a file's: with anchors."""
    plan = plan_frames((each.pts, make_thumb(lightness(each.rgb))) for each in frames)
    anchors = dict.fromkeys(
        each for chunk in plan.chunks for each in choose_anchors(plan, chunk)
    )  # a shot's come with each of its chunks
    finder = AnchorFinder(tuple(anchors), lambda pts: iter(frames[pts:]), colorizer, options)
    cuts = set(plan.cuts)
    return list(
        find_chroma(
            frames,
            colorizer,
            options,
            is_cut=lambda frame, l: frame.pts in cuts,
            find_anchors=finder.find,
        )
    )


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.process_time()

    def stop(self, part: str, *, shares: int = 1) -> None:
        """Note what was used since the last stop, or a share of it."""
        now = time.process_time()
        self.seconds[part] = (now - self._last) / shares
        self._last = now

    def skip(self) -> None:
        """Leave out what was used since the last stop."""
        self._last = time.process_time()


def _render_all(
    estimates: Sequence[Estimate], chroma: Sequence[FloatArray], vibrance: float
) -> list[ByteArray]:
    return [
        np.asarray(render_frame(each, ab * np.float32(vibrance)).rgb, np.uint8)
        for each, ab in zip(estimates, chroma, strict=True)
    ]


def _mean_psnr(frames: Sequence[ByteArray], truth: Sequence[ByteArray]) -> float:
    return float(np.mean([psnr(rgb, true) for rgb, true in zip(frames, truth, strict=True)]))


def _match_colorfulness(
    truth: Sequence[ByteArray], estimates: Sequence[Estimate], chroma: Sequence[FloatArray]
) -> float:
    """Return the factor on the chroma that makes a film as colorful as its truth, by bisection."""
    chosen = np.unique(np.linspace(0, len(truth) - 1, _CALIBRATED).round().astype(int))
    wanted = _mean_colorfulness([truth[index] for index in chosen])
    some, own = [estimates[index] for index in chosen], [chroma[index] for index in chosen]
    low, high = VIBRANCES
    for _ in range(_HALVINGS):
        middle = float(np.sqrt(low * high))
        is_pale = _mean_colorfulness(_render_all(some, own, middle)) < wanted
        low, high = (middle, high) if is_pale else (low, middle)
    return float(np.sqrt(low * high))


def _mean_colorfulness(frames: Sequence[ByteArray]) -> float:
    return float(np.mean([colorfulness(rgb) for rgb in frames]))
