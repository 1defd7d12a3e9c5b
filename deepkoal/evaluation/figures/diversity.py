"""Whether one of several variations is nearer to the truth than the automatic colors."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepkoal.evaluation.metrics import ab_error, psnr, rgb_to_ab
from deepkoal.evaluation.photos import Bench, EvaluatedPhoto
from deepkoal.evaluation.scorecard import Figure, Line, Unmeasured

PHOTOS = 100
VARIATIONS = 8


@dataclass(frozen=True)
class Diversity(Figure):
    """What 8 variations of each photo have to offer, the automatic one among them, at vibrance 1.

    Attributes:
        ab: mean distance in the ab plane between two of them, over pixels, pairs and photos.
        best: PSNR in dB of the one nearest to the truth, mean over photos.
        automatic: PSNR in dB of the output without a choice, likewise.
        photos: how many were measured.
    """

    ab: float
    best: float
    automatic: float
    photos: int

    @property
    def gain(self) -> float:
        """What the choice of the best is worth, in dB."""
        return self.best - self.automatic

    def lines(self) -> Sequence[Line]:
        """Return the distance and the gain."""
        return [
            Line(f"ab between {VARIATIONS} variations", f"{self.ab:.2f}", self.photos),
            Line(
                f"best of {VARIATIONS} variations over automatic",
                f"{self.gain:+.2f} dB",
                self.photos,
            ),
        ]


def measure_diversity(bench: Bench) -> Diversity | Unmeasured:
    """Return the diversity of at most 100 photos, spread over the set; an index is the seed."""
    if not bench.has_outputs("logits", "features"):
        return Unmeasured("diversity", "the network predicts no distribution of colors")
    photos = bench.photos.spread(PHOTOS)
    ab, best, automatic = np.mean(
        bench.workers.map(_measure, photos, "variations"), axis=0
    ).tolist()
    return Diversity(ab, best, automatic, len(photos))


def _measure(photo: EvaluatedPhoto) -> tuple[float, float, float]:
    variations = photo.predict().variations(VARIATIONS, seed=photo.index)
    chromas = map(rgb_to_ab, variations)
    apart = [ab_error(one, other).mean() for one, other in itertools.combinations(chromas, 2)]
    best = max(psnr(rgb, photo.truth) for rgb in variations)
    return float(np.mean(apart)), best, psnr(photo.colored, photo.truth)
