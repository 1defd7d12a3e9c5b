"""Measures a network by the evaluation protocol."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence

from deepkoal.errors import DeepkoalError
from deepkoal.evaluation.figures.calibration import find_psnr_optimal_vibrance
from deepkoal.evaluation.figures.cost import measure_cost
from deepkoal.evaluation.figures.diversity import measure_diversity
from deepkoal.evaluation.figures.fidelity import measure_fidelity
from deepkoal.evaluation.figures.film import measure_film
from deepkoal.evaluation.figures.hints import measure_hints
from deepkoal.evaluation.figures.likelihood import measure_likelihood
from deepkoal.evaluation.figures.probes import measure_border, measure_faces, measure_nothing
from deepkoal.evaluation.figures.robustness import measure_robustness
from deepkoal.evaluation.figures.semantic_accuracy import measure_semantic_accuracy
from deepkoal.evaluation.figures.spatial import measure_bleeding, measure_context
from deepkoal.evaluation.figures.uncertainty import measure_uncertainty
from deepkoal.evaluation.figures.vividness import measure_hue_spread, measure_vividness
from deepkoal.evaluation.photos import SIZE, Bench, PhotoSet, Workers, load_photos
from deepkoal.evaluation.scorecard import Figure, Scorecard
from deepkoal.inference.colorizer import Colorizer

FIGURES: Mapping[str, Callable[[Bench], Figure]] = {
    "cost": measure_cost,
    "fidelity": measure_fidelity,
    "psnr_optimal_vibrance": find_psnr_optimal_vibrance,
    "nll": measure_likelihood,
    "vivid": measure_vividness,
    "hue_spread": measure_hue_spread,
    "hints": measure_hints,
    "bleeding": measure_bleeding,
    "context": measure_context,
    "robustness": measure_robustness,
    "film": measure_film,
    "diversity": measure_diversity,
    "uncertainty": measure_uncertainty,
    "semantic_accuracy": measure_semantic_accuracy,
    "faces": measure_faces,
    "border": measure_border,
    "nothing_to_see": measure_nothing,
}
"""Every figure of the protocol that can be measured here, in the order of the table."""
QUICK = ("cost", "fidelity")
"""What is measured unless more is asked for."""
WITHOUT_PHOTOS = ("faces", "border", "nothing_to_see")
"""What is measured on photos that come with scikit-image, so that no folder need be given."""
RENAMED = {
    "size": "cost",
    "psnr": "fidelity",
    "vibrance": "psnr_optimal_vibrance",
    "recovery": "semantic_accuracy",
}
"""Names that figures had in the release before."""


def evaluate(
    colorizer: Colorizer,
    photos: str | os.PathLike[str] | None = None,
    *,
    figures: Sequence[str] = QUICK,
    limit: int | None = None,
    progress: bool = False,
) -> Scorecard:
    """Measure a colorizer on color photos by the evaluation protocol.

    Args:
        colorizer: what to measure.
        photos: a folder of color photos, at any depth; see `load_photos` for what is left out. None
            where no figure but those of `WITHOUT_PHOTOS` is asked for.
        figures: names from `FIGURES`.
        limit: measure at most so many files, spread evenly over the sorted folder.
        progress: draw bars on stderr.

    Raises:
        PhotoError: the folder cannot be listed.
        DeepkoalError: it holds no photo to measure, there is no folder where one is needed, the
            limit is below 1, or there is no figure of such a name.
    """
    names = check_figures(figures, has_photos=photos is not None)
    with Workers(progress=progress) as workers:
        loaded = PhotoSet()
        if photos is not None:
            loaded = load_photos(colorizer, photos, workers, limit=limit)
        return measure(Bench(colorizer, loaded, workers), names)


def measure(bench: Bench, figures: Sequence[str] = QUICK) -> Scorecard:
    """Measure figures on photos that the network has colored.

    Args:
        bench: the photos, and what to measure them with.
        figures: names from `FIGURES`.

    Raises:
        DeepkoalError: there is no figure of such a name, or it needs photos.
    """
    names = check_figures(figures, has_photos=bool(bench.photos.photos))
    return Scorecard(
        network=bench.colorizer.backend.name,
        working_sizes=bench.colorizer.working_sizes,
        temperature=bench.colorizer.decoding.temperature,
        size=SIZE,
        photos=len(bench.photos.photos),
        near_grey=bench.photos.near_grey,
        unreadable=bench.photos.unreadable,
        failed=bench.photos.failed,
        figures={name: bench.measure(find) for name, find in FIGURES.items() if name in names},
    )


def check_figures(figures: Sequence[str], *, has_photos: bool = True) -> list[str]:
    """Return the names of figures, those of the release before replaced by today's.

    Args:
        figures: names from `FIGURES` or, with a DeprecationWarning, of `RENAMED`.
        has_photos: whether a folder of photos is given.

    Raises:
        DeepkoalError: there is no figure of such a name, or it needs photos.
    """
    names = []
    for name in [figures] if isinstance(figures, str) else figures:
        if name in RENAMED:
            warnings.warn(
                f"the figure {name!r} is now named {RENAMED[name]!r}; the old name goes with the "
                "next release",
                DeprecationWarning,
                stacklevel=3,
            )
        names.append(RENAMED.get(name, name))
        if names[-1] not in FIGURES:
            raise DeepkoalError(f"no figure {name!r}; there are: {', '.join(FIGURES)}")
        if not has_photos and names[-1] not in WITHOUT_PHOTOS:
            raise DeepkoalError(
                f"{names[-1]} is measured on a folder of color photos; give one (only "
                f"{', '.join(WITHOUT_PHOTOS)} need none)"
            )
    return names
