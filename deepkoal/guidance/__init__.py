"""Readings of a network's outputs: every kind of guidance, and none that needs another pass."""

from deepkoal.guidance.affinity import Kernel, Places, spread
from deepkoal.guidance.vibrance import VIBRANCE_RANGE, check_vibrance, read_ab

__all__ = [
    "VIBRANCE_RANGE",
    "Kernel",
    "Places",
    "check_vibrance",
    "read_ab",
    "spread",
]
