"""What an album learns of one photo: which of its places were given colors, and by what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from deepkoal.arrays import FloatArray
from deepkoal.guidance import AffinityPoints, ColorOptions, GivenColors, Reference
from deepkoal.hints import AnyHint
from deepkoal.inference.prediction import Prediction
from deepkoal.rendering.resampling import resize

_PROBES = ((60.0, 60.0), (-60.0, -60.0))  # any two colors: what differs is a hint's part


@dataclass(frozen=True, eq=False)
class LearnedPhoto:
    """A photo that others take colors of.

    Attributes:
        name: of the photo.
        given: the colors that it was given, and where.
        things: what gave them, by their numbers in `given.things`; none where a look is all.
        look: its vibrance, palette and cleanup; None where they are as by default.
        points: all of the photo's, where it has a look.
    """

    name: str
    given: GivenColors
    things: tuple[str, ...]
    look: ColorOptions | None = None
    points: AffinityPoints | None = None


def learn_things(
    prediction: Prediction, options: ColorOptions, name: str, *, likeness: bool = True
) -> LearnedPhoto | None:
    """Return what others can learn of how a photo is to be colored; None for nothing.

    Args:
        prediction: of the photo.
        options: of that photo: its hints and its look. A reference is learned by `learn_colors`.
        name: of the photo.
        likeness: whether its look is of use, too.
    """
    bare = ColorOptions(vibrance=options.vibrance, palette=options.palette, cleanup=options.cleanup)
    has_look = likeness and _look_key(bare) != _look_key(ColorOptions())
    hints = tuple(options.hints)
    if not hints and not has_look:
        return None
    groups = _group_by_color(hints)
    weight = _measure_parts(prediction, hints, list(groups.values()))
    shown = prediction.decode_ab(replace(options, reference=None))
    height, width = prediction.outputs["features"].shape[:2]
    total = np.clip(weight.sum(axis=0), 0, 1)
    # Beside a reference, which colors all of the photo, what has no hint is no counterexample.
    chosen = np.flatnonzero(total >= (0 if options.reference is None else 0.5))
    given = GivenColors(
        prediction.points.take(chosen),
        _fit(shown, height, width)[chosen],
        total[chosen],
        np.argmax(weight, axis=0)[chosen],
    )
    things = tuple(_name_hints(numbers) for numbers in groups.values())
    return LearnedPhoto(name, given, things, bare if has_look else None, prediction.points)


def learn_colors(reference: Reference, name: str) -> LearnedPhoto:
    """Return what others can learn of a color photo: all of its colors.

    Args:
        reference: the photo, as the network sees it.
        name: of it.
    """
    count = len(reference.points.l)
    given = GivenColors(
        reference.points,
        np.asarray(reference.ab),
        np.ones(count, np.float32),
        np.zeros(count, np.int64),
    )
    return LearnedPhoto(name, given, ("colors",))


def _look_key(options: ColorOptions) -> tuple[object, ...]:
    return options.vibrance, options.palette, options.cleanup


def _group_by_color(hints: Sequence[AnyHint]) -> dict[object, list[int]]:
    """Return the indices of hints by their color: what has one color counts as one thing."""
    groups: dict[object, list[int]] = {}
    for index, hint in enumerate(hints):
        groups.setdefault(hint.color, []).append(index)
    return groups


def _name_hints(indices: Sequence[int]) -> str:
    numbers = ", ".join(str(index + 1) for index in indices)
    return f"hint {numbers}" if len(indices) == 1 else f"hints {numbers}"


def _measure_parts(
    prediction: Prediction, hints: Sequence[AnyHint], groups: Sequence[Sequence[int]]
) -> FloatArray:
    """Return how far each place follows each group of hints: what their color changes there.

    Returns:
        float32 (G, N) in 0…1; a row of zeros where there is no group.
    """
    height, width = prediction.outputs["features"].shape[:2]

    def probe(indices: Sequence[int]) -> FloatArray:
        probed = [
            replace(hint, color=_PROBES[number in indices]) for number, hint in enumerate(hints)
        ]
        return _fit(prediction.decode_ab(hints=probed, cleanup=False), height, width)

    parts = np.zeros((max(len(groups), 1), height * width), np.float32)
    if groups:
        plain, apart = probe(()), np.subtract(_PROBES[1], _PROBES[0])
        for part, indices in zip(parts, groups, strict=False):
            part[:] = np.clip((probe(indices) - plain) @ apart / (apart @ apart), 0, 1)
    return parts


def _fit(ab: FloatArray, height: int, width: int) -> FloatArray:
    return np.asarray(resize(ab, height, width), np.float32).reshape(-1, 2)
