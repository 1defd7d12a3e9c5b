"""Readings of a network's outputs: every kind of guidance, and none that needs another pass."""

from deepkoal.config import VIBRANCE_RANGE
from deepkoal.guidance.affinity import Kernel, Places, make_places, spread
from deepkoal.guidance.hints import Hint, check_hints, check_kind, find_cell, read_hints
from deepkoal.guidance.likely import list_likely_colors
from deepkoal.guidance.look import Look, Reference
from deepkoal.guidance.palette import Palette, list_palettes, shift_prior
from deepkoal.guidance.reading import Reading
from deepkoal.guidance.reference import (
    REFERENCE_KERNEL,
    match_reference,
    measure_ab,
    pull_to_reference,
)
from deepkoal.guidance.uncertainty import (
    expected_error,
    remaining_doubt,
    suggest_hints,
    uncertainty,
)
from deepkoal.guidance.variations import (
    Noise,
    draw_noise,
    draw_variations,
    rank_variations,
    vary,
)
from deepkoal.guidance.vibrance import check_vibrance, read_ab

__all__ = [
    "REFERENCE_KERNEL",
    "VIBRANCE_RANGE",
    "Hint",
    "Kernel",
    "Look",
    "Noise",
    "Palette",
    "Places",
    "Reading",
    "Reference",
    "check_hints",
    "check_kind",
    "check_vibrance",
    "draw_noise",
    "draw_variations",
    "expected_error",
    "find_cell",
    "list_likely_colors",
    "list_palettes",
    "make_places",
    "match_reference",
    "measure_ab",
    "pull_to_reference",
    "rank_variations",
    "read_ab",
    "read_hints",
    "remaining_doubt",
    "shift_prior",
    "spread",
    "suggest_hints",
    "uncertainty",
    "vary",
]
