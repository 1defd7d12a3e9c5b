"""How much a network knows of colors, whatever is made of its outputs: their likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from deepkoal.arrays import FloatArray
from deepkoal.color import ab_bins, encode_ab
from deepkoal.evaluation.metrics import average_to_grid, rgb_to_ab
from deepkoal.evaluation.photos import Bench, EvaluatedPhoto
from deepkoal.evaluation.scorecard import Figure, Line, Unmeasured

GRID = 32
"""Side of the grid of places at which true colors are looked up."""
LEAST = -25.0
"""Natural logarithm that a bin's probability is not counted below: less is half precision's
noise."""
CHROMA_UNIT = 10.0
"""Chroma, in ab units, that the bias is a factor of."""


@dataclass(frozen=True)
class Likelihood(Figure):
    """The negative log-likelihood of the true colors, at its lowest over two constants.

    A bin q of probability p has the likelihood softmax(log p / T + β · chroma(q) / 10), so that
    neither how sharply a network answers nor how it was rebalanced in training counts.

    Attributes:
        nll: in nats (natural logarithm), mean over the 32×32 places of every photo; ln 227 = 5.42
            for a network that knows nothing.
        temperature: T, that gives it.
        chroma_bias: β, likewise, in nats for 10 units of chroma.
        photos: how many were measured.
    """

    nll: float
    temperature: float
    chroma_bias: float
    photos: int

    def lines(self) -> Sequence[Line]:
        """Return the likelihood, and where it was found."""
        at = f"temperature {self.temperature:.2f}, chroma bias {self.chroma_bias:+.2f}"
        return [Line(f"NLL at {at}", f"{self.nll:.3f} nats", self.photos)]


def measure_likelihood(bench: Bench) -> Likelihood | Unmeasured:
    """Return the likelihood of the true colors of every photo."""
    if not bench.has_outputs("logits"):
        return Unmeasured("NLL", "the network predicts no distribution of colors")
    photos = bench.photos.photos
    targets = np.mean(bench.workers.map(_average_targets, photos, "NLL"), axis=0)

    def score(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return the NLL at (1/T, β), and its gradient."""
        sums = bench.workers.map(lambda photo: _partition(read_log_p(photo), x), photos, "NLL")
        partition, *gradient = np.mean(sums, axis=0)
        return float(partition - x @ targets), np.array(gradient) - targets

    # Convex in (1/T, β): it has one minimum.
    found = minimize(
        score, x0=(1.0, 0.0), jac=True, method="L-BFGS-B", bounds=((0.01, None), (None, None))
    )
    sharpness, bias = found.x.tolist()
    return Likelihood(float(found.fun), 1 / sharpness, bias, len(photos))


def read_log_p(photo: EvaluatedPhoto) -> FloatArray:
    """Return log-probabilities at the 32×32 places, float32 (1024, Q), from `LEAST` to 0.

    Probabilities are averaged over areas where the network's grid is finer, and interpolated
    bilinearly where it is coarser.
    """
    p = softmax(photo.outputs["logits"].astype(np.float32), axis=-1)
    how = cv2.INTER_AREA if p.shape[0] >= GRID else cv2.INTER_LINEAR
    planes = [cv2.resize(plane, (GRID, GRID), interpolation=how) for plane in np.moveaxis(p, -1, 0)]
    mean = np.stack(planes, axis=-1).reshape(GRID * GRID, -1)
    return np.asarray(np.log(np.maximum(mean, np.exp(LEAST))), np.float32)


def _average_targets(photo: EvaluatedPhoto) -> tuple[float, float]:
    """Return log p and chroma of the soft-encoded true colors, mean over places."""
    truth = average_to_grid(rgb_to_ab(photo.truth), GRID).reshape(-1, 2)
    target = encode_ab(truth)
    log_p = read_log_p(photo)
    return float((target * log_p).sum(axis=-1).mean()), float((target @ _chroma()).mean())


def _partition(log_p: FloatArray, x: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the log-partition at (1/T, β) and its two derivatives, means over places."""
    chroma = _chroma()
    scores = np.float32(x[0]) * log_p + np.float32(x[1]) * chroma
    partition = logsumexp(scores, axis=-1, keepdims=True)
    mass = np.exp(scores - partition)
    means = partition.mean(), (mass * log_p).sum(axis=-1).mean(), (mass @ chroma).mean()
    return float(means[0]), float(means[1]), float(means[2])


def _chroma() -> FloatArray:
    """Return the chroma of each bin over `CHROMA_UNIT`, float32 (Q,)."""
    return np.asarray(np.linalg.norm(ab_bins(), axis=-1) / CHROMA_UNIT, np.float32)
