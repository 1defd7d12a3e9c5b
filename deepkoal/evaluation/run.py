"""Measures a network by the evaluation protocol."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from deepkoal.errors import DeepkoalError
from deepkoal.evaluation.bleeding import measure_bleeding
from deepkoal.evaluation.context import measure_context
from deepkoal.evaluation.cost import measure_cost
from deepkoal.evaluation.diversity import measure_diversity
from deepkoal.evaluation.fidelity import measure_fidelity
from deepkoal.evaluation.hints import measure_hints
from deepkoal.evaluation.photos import SIZE, Bench, see_photos
from deepkoal.evaluation.psnr_optimal_vibrance import find_psnr_optimal_vibrance
from deepkoal.evaluation.robustness import measure_robustness
from deepkoal.evaluation.scorecard import Scorecard
from deepkoal.evaluation.semantic_accuracy import measure_semantic_accuracy
from deepkoal.evaluation.table import Figure
from deepkoal.evaluation.uncertainty import measure_uncertainty
from deepkoal.evaluation.workers import Workers
from deepkoal.inference.colorizer import Colorizer

FIGURES: Mapping[str, Callable[[Bench], Figure]] = {
    "size": measure_cost,
    "psnr": measure_fidelity,
    "vibrance": find_psnr_optimal_vibrance,
    "hints": measure_hints,
    "bleeding": measure_bleeding,
    "context": measure_context,
    "robustness": measure_robustness,
    "diversity": measure_diversity,
    "uncertainty": measure_uncertainty,
    "recovery": measure_semantic_accuracy,
}
"""Every figure of the protocol that can be measured here, in the order of the table."""
QUICK = ("size", "psnr")
"""What is measured unless more is asked for."""


def evaluate(
    colorizer: Colorizer,
    photos: str | os.PathLike[str],
    *,
    figures: Sequence[str] = QUICK,
    limit: int | None = None,
    progress: bool = False,
) -> Scorecard:
    """Measure a colorizer on color photos by the evaluation protocol.

    Args:
        colorizer: what to measure.
        photos: a folder of color photos, at any depth; see `see_photos` for what is left out.
        figures: names from `FIGURES`.
        limit: measure at most so many files, spread evenly over the sorted folder.
        progress: draw bars on stderr.

    Raises:
        PhotoError: the folder cannot be listed.
        DeepkoalError: it holds no photo to measure, the limit is below 1, or there is no figure of
            such a name.
    """
    check_figures(figures)
    with Workers(progress=progress) as workers:
        seen = see_photos(colorizer, photos, workers, limit=limit)
        return measure(Bench(colorizer, seen, workers), figures)


def measure(bench: Bench, figures: Sequence[str] = QUICK) -> Scorecard:
    """Measure figures on photos that the network has seen.

    Args:
        bench: the photos, and what to measure them with.
        figures: names from `FIGURES`.

    Raises:
        DeepkoalError: there is no figure of such a name.
    """
    check_figures(figures)
    return Scorecard(
        network=bench.colorizer.backend.name,
        working_size=bench.colorizer.working_size,
        temperature=bench.colorizer.decoding.temperature,
        size=SIZE,
        photos=len(bench.photos.photos),
        near_grey=bench.photos.near_grey,
        unreadable=bench.photos.unreadable,
        figures={name: find(bench) for name, find in FIGURES.items() if name in figures},
    )


def check_figures(figures: Sequence[str]) -> None:
    """Refuse names that no figure has.

    Raises:
        DeepkoalError: there is no figure of such a name.
    """
    for name in figures:
        if name not in FIGURES:
            raise DeepkoalError(f"no figure {name!r}; there are: {', '.join(FIGURES)}")
