"""Which photos are held back of training, to tell whether it learns more than their own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

SHARE = 10
"""One photo in so many is held back."""

FEWEST = 5
"""Of fewer photos none is held back: each is needed, and one would tell nothing."""


def hold_back(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part photos into those to train on and those to judge by.

    One in ten is held back, rounded, and at least one; of fewer than five, none. A hash of their
    names decides which, so that the same folder is always parted alike.

    Args:
        names: of the photos.

    Returns:
        The names to train on and those held back, each sorted.
    """
    count = max(1, round(len(names) / SHARE)) if len(names) >= FEWEST else 0
    ranked = sorted(names, key=lambda name: hashlib.sha256(os.fsencode(name)).digest())
    return sorted(ranked[count:]), sorted(ranked[:count])
