"""Readings of a network's outputs: every kind of guidance, and none that needs another pass."""

from deepkoal.guidance.affinity import AffinityPoints, Kernel, make_affinity_points, spread
from deepkoal.guidance.color_options import ColorOptions, Reference
from deepkoal.guidance.decoding import (
    VIBRANCE_RANGE,
    DecodingConfig,
    check_vibrance,
    decode_outputs,
)
from deepkoal.guidance.hints import Hint, check_hints, check_kind, find_cell, read_hints
from deepkoal.guidance.likely_colors import list_likely_colors
from deepkoal.guidance.palette import Palette, list_palettes, shift_prior
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
    VariationLatents,
    draw_variations,
    rank_variations,
    sample_latents,
    vary,
)

__all__ = [
    "REFERENCE_KERNEL",
    "VIBRANCE_RANGE",
    "AffinityPoints",
    "ColorOptions",
    "DecodingConfig",
    "Hint",
    "Kernel",
    "Palette",
    "Reference",
    "VariationLatents",
    "check_hints",
    "check_kind",
    "check_vibrance",
    "decode_outputs",
    "draw_variations",
    "expected_error",
    "find_cell",
    "list_likely_colors",
    "list_palettes",
    "make_affinity_points",
    "match_reference",
    "measure_ab",
    "pull_to_reference",
    "rank_variations",
    "read_hints",
    "remaining_doubt",
    "sample_latents",
    "shift_prior",
    "spread",
    "suggest_hints",
    "uncertainty",
    "vary",
]
