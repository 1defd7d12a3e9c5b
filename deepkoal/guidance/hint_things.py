"""By what hints tell things apart: a network's features, and what it has learned of things.

What is one thing need not have one color. Hints that mostly confirm the guess tell true colors,
which follow the features; hints that mostly contradict it repaint things.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deepkoal.arrays import Tensor, namespace
from deepkoal.guidance.affinity import Kernel
from deepkoal.guidance.hint_arrays import HintArrays
from deepkoal.guidance.hint_reach import believe

BESIDE = 0.5
"""What features count for beside the output `things`, where that counts wholly."""
REPAINTED = (0.4, 0.8)
"""Mean contradiction of hints from which on things count, and at which they count wholly."""


def weigh_things(hints: HintArrays, here: Tensor) -> Tensor:
    """Return how much the output `things` counts under these hints, a float32 scalar, 0…1.

    Args:
        hints: K points.
        here: float32 (K, 2), the guess.
    """
    ops = namespace(here)
    free = 1 - hints.own
    contradiction = ops.sum(free * (1 - believe(hints, here)[:, 0])) / ops.maximum(ops.sum(free), 1)
    low, high = REPAINTED
    return ops.clip((contradiction - low) / (high - low), 0, 1)


def compare_things(outputs: Mapping[str, Tensor], kernel: Kernel, share: Tensor) -> Tensor:
    """Return vectors by whose distances things are told apart, float32 (h, w, T).

    They are a network's features in widths of the kernel, and where it has learned of things, that.

    Args:
        outputs: of a network, for one photo.
        kernel: the affinity of its features.
        share: how much the output `things` counts, see `weigh_things`.
    """
    width = float(np.dot(kernel.features, kernel.weights) / np.sum(kernel.weights))
    features = outputs["features"] / width
    if "things" not in outputs:
        return features
    parts = [share * outputs["things"], (1 - (1 - BESIDE) * share) * features]
    return namespace(features).concatenate(parts, axis=-1)
