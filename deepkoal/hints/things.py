"""By what hints tell things apart: a network's features, and what it has learned of things.

What is one thing need not have one color. Hints that mostly confirm the guess tell true colors,
which follow the features; hints that mostly contradict it repaint things.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deepkoal.affinity import Kernel
from deepkoal.arrays import Tensor, namespace
from deepkoal.hints import reach
from deepkoal.hints.reach import Comparison

ALONG = 0.8
"""Cost of a change of the output `things` along a path, in widths of the kernel."""
APART = 0.6
"""What its distance from the hint's place counts for beside its changes along the path."""
BESIDE = 0.3
"""What features count for along the path, where `things` counts wholly."""
UNLIKE = 3.1
"""What their distance from the hint's place counts for beside that: what looks unlike is another
thing, also where nothing like it was learned."""
FADING = 0.1
"""Share of the reach over which the target fades out by it: its edges are sharp."""
REPAINTED = (0.4, 0.8)
"""Mean contradiction of hints from which on things count, and at which they count wholly."""


def weigh_things(contradiction: Tensor) -> Tensor:
    """Return how much the output `things` counts, a float32 scalar, 0…1.

    Args:
        contradiction: of the guess by all hints, see `reach.contradict`.
    """
    low, high = REPAINTED
    return namespace(contradiction).clip((contradiction - low) / (high - low), 0, 1)


def compare_things(outputs: Mapping[str, Tensor], kernel: Kernel, share: Tensor) -> Comparison:
    """Return by what things are told apart.

    It is a network's features in widths of the kernel, and where it has learned of things, that.

    Args:
        outputs: of a network, for one photo.
        kernel: the affinity of its features.
        share: how much the output `things` counts, see `weigh_things`.
    """
    width = float(np.dot(kernel.features, kernel.weights) / np.sum(kernel.weights))
    features = outputs["features"] / width
    ops = namespace(features)
    if "things" not in outputs:
        return Comparison(features, ops.ones_like(features[0, 0]))
    things = outputs["things"]
    one, other = (ops.ones_like(each[0, 0]) for each in (things, features))
    return Comparison(
        ops.concatenate([ALONG * share * things, (1 - (1 - BESIDE) * share) * features], axis=-1),
        ops.concatenate([APART * one, (1 + (UNLIKE - 1) * share) * other]),
        reach.FADING + (FADING - reach.FADING) * share,
    )
