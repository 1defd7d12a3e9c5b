"""How steady and how right a film's colors are, on films whose true colors are known."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.stats import entropy

from deepkoal.arrays import ByteArray, FloatArray
from deepkoal.errors import VideoError
from deepkoal.evaluation.metrics import colorfulness, psnr
from deepkoal.guidance import ColorOptions
from deepkoal.inference.colorizer import Colorizer
from deepkoal.video.coherence import Estimate, smooth
from deepkoal.video.coloring import estimate_frames, render_frame
from deepkoal.video.film import Film
from deepkoal.video.frames import Frame, to_bytes
from deepkoal.video.motion import Motion, MotionEstimator

STEPS = (1, 2, 4)
"""Frames apart, that the distributions of colors are compared."""
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
        seconds: of processor time for each frame, for each part of the work.
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
        total = sum(self.seconds.values())
        lines.append(f"processor milliseconds a frame: {1000 * total:.0f} ({parts})")
        return lines


def measure_cdc(frames: Sequence[ByteArray]) -> float:
    """Return the color distribution consistency of a film; 0 if the colors never change.

    After Liu et al., "Temporally consistent video colorization with deep feature propagation and
    self-regularization learning", as their script `cdc.py` has it, which ColorMNet and the NTIRE
    2023 challenge use: the Jensen–Shannon divergence, by natural logarithms, of the 256-bin
    histograms of two frames, of R, G and B each; its mean over all pairs of frames t apart; the
    mean of that over t = 1, 2, 4 and the three channels.

    Args:
        frames: uint8 (H, W, 3) sRGB, more than four.

    Raises:
        VideoError: there are too few.
    """
    if len(frames) <= max(STEPS):
        raise VideoError(f"expected more than {max(STEPS)} frames to measure, got {len(frames)}")
    counts = np.array(
        [[np.bincount(rgb[..., c].ravel(), minlength=256) for c in range(3)] for rgb in frames]
    )
    shares = counts / counts.sum(axis=-1, keepdims=True)
    means = []
    for step in STEPS:
        p, q = shares[:-step], shares[step:]
        middle = (p + q) / 2
        means.append(np.mean(entropy(p, middle, axis=-1) + entropy(q, middle, axis=-1)) / 2)
    return float(np.mean(means))


def measure_warping_error(frames: Sequence[ByteArray], motions: Sequence[Motion]) -> float:
    """Return how far colors change along the motion: root mean square over RGB in 0…1.

    After Lai et al. 2018, "Learning blind video temporal consistency", but for the root: the
    difference of each frame from the one before it, moved along the motion, weighted by how far
    that is trusted.

    Args:
        frames: uint8 (H, W, 3) sRGB.
        motions: from each frame but the first to the one before it, at the frames' size or smaller.
    """
    total = weight = 0.0
    for (last, frame), motion in zip(itertools.pairwise(frames), motions, strict=True):
        height, width = motion.trust.shape
        small = [
            cv2.resize(each, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
            for each in (last, frame)
        ]
        change = motion.fetch(np.asarray(small[0], np.float32)) - small[1]
        total += float(np.sum(motion.trust[..., None] * change * change)) / 3
        weight += float(np.sum(motion.trust))
    return float(np.sqrt(total / max(weight, 1e-9)))


def estimate_motions(all_l: Sequence[FloatArray]) -> list[Motion]:
    """Return the motion from each frame but the first to the one before it, of lightness alone."""
    estimator = MotionEstimator()
    return [estimator.estimate(last, l)[1] for last, l in itertools.pairwise(all_l)]


def evaluate_video(
    film: Film,
    colorizer: Colorizer,
    options: ColorOptions | None = None,
    *,
    limit: int = MOST_FRAMES,
) -> VideoFigures:
    """Take the color from a film, color it frame by frame and coherently, and measure both.

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
    clock.stop("reading")
    greys = (Frame(rgb, index) for index, rgb in enumerate(truth))
    estimates = list(estimate_frames(greys, colorizer, options or ColorOptions()))
    clock.stop("network")
    smoothed = [ab for _, ab in smooth(iter(estimates))]
    clock.stop("coherence")
    chroma = {"frame by frame": [each.ab for each in estimates], "coherent": smoothed}
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


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.process_time()

    def stop(self, part: str, *, shares: int = 1) -> None:
        now = time.process_time()
        self.seconds[part] = (now - self._last) / shares
        self._last = now


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
