"""How steady a film's colors are: as a whole, and along the motion."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from scipy.stats import entropy

from deepkoal.arrays import ByteArray, FloatArray
from deepkoal.errors import VideoError
from deepkoal.video.temporal.motion import Motion, MotionEstimator

STEPS = (1, 2, 4)
"""Frames apart, that the distributions of colors are compared."""


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
