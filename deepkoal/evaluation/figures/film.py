"""How much worse the colors are of a photo that an old film recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deepkoal.arrays import ByteArray
from deepkoal.color import FILMS, film_lightness
from deepkoal.evaluation.figures.robustness import PHOTOS, measure_error
from deepkoal.evaluation.photos import Bench, EvaluatedPhoto
from deepkoal.evaluation.scorecard import Figure, Line
from deepkoal.rendering.composition import compose_rgb


@dataclass(frozen=True)
class FilmError(Figure):
    """The ab error on lightness as old films record it, over that on true lightness.

    Attributes:
        ratios: of each of `color.FILMS`: mean ab error over pixels and photos at vibrance 1, over
            `clean`.
        clean: mean distance to the truth in the ab plane on true lightness.
        photos: how many were measured.
    """

    ratios: Mapping[str, float]
    clean: float
    photos: int

    def lines(self) -> Sequence[Line]:
        """Return the ratio of each film."""
        return [
            Line(f"ab error over that on true lightness, {name}", f"{ratio:.3f}", self.photos)
            for name, ratio in self.ratios.items()
        ]


def measure_film(bench: Bench) -> FilmError:
    """Return the errors over at most 100 photos, spread over the set."""
    photos = bench.photos.spread(PHOTOS)
    clean = np.mean([measure_error(photo.colored, photo) for photo in photos])
    ratios = {}
    for name, shares in FILMS.items():
        recorded = [record(photo, shares) for photo in photos]
        colored = bench.color_anew(recorded, name)
        errors = [measure_error(*pair) for pair in zip(colored, photos, strict=True)]
        ratios[name] = float(np.mean(errors) / clean)
    return FilmError(ratios, float(clean), len(photos))


def record(photo: EvaluatedPhoto, shares: Sequence[float]) -> ByteArray:
    """Return the grey photo, uint8 (H, W, 3), that a film records of the true one."""
    rgb_float = photo.truth.astype(np.float32) / 255
    l = film_lightness(rgb_float, np.array(shares, np.float32))[..., 0]
    return compose_rgb(l, np.zeros((*l.shape, 2), np.float32))
