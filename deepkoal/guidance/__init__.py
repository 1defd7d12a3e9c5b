"""Readings of a network's outputs: every kind of guidance, and none that needs another pass."""

from deepkoal.guidance.affinity import AffinityPoints, Kernel, make_affinity_points, spread
from deepkoal.guidance.carrying import CarriedColors, GivenColors, Share, carry_colors
from deepkoal.guidance.color_options import ColorKeywords, ColorOptions, ReferenceLike
from deepkoal.guidance.decoding import (
    VIBRANCE_RANGE,
    DecodingConfig,
    check_vibrance,
    decode_outputs,
)
from deepkoal.guidance.hint_arrays import HintArrays, find_cells
from deepkoal.guidance.hint_files import describe_hint, parse_hint, parse_hints, read_hints
from deepkoal.guidance.hint_layout import HintLayout, arrange_hints, list_hints
from deepkoal.guidance.hint_placing import (
    check_hints,
    find_contradictions,
    place_points,
    resize_hint,
)
from deepkoal.guidance.hints import AnyHint, Hint, Region, Stroke, check_kind
from deepkoal.guidance.palette import Palette, PaletteShift, list_palettes, shift_prior
from deepkoal.guidance.reference import (
    REFERENCE_KERNEL,
    Reference,
    join_references,
    match_reference,
    measure_ab,
)
from deepkoal.guidance.uncertainty import (
    expected_error,
    list_likely_colors,
    remaining_doubt,
    scale_error,
    suggest_hints,
    uncertainty,
)
from deepkoal.guidance.variation_latents import VariationLatents, compute_latents, sample_latents
from deepkoal.guidance.variations import sort_variations, vary

__all__ = [
    "REFERENCE_KERNEL",
    "VIBRANCE_RANGE",
    "AffinityPoints",
    "AnyHint",
    "CarriedColors",
    "ColorKeywords",
    "ColorOptions",
    "DecodingConfig",
    "GivenColors",
    "Hint",
    "HintArrays",
    "HintLayout",
    "Kernel",
    "Palette",
    "PaletteShift",
    "Reference",
    "ReferenceLike",
    "Region",
    "Share",
    "Stroke",
    "VariationLatents",
    "arrange_hints",
    "carry_colors",
    "check_hints",
    "check_kind",
    "check_vibrance",
    "compute_latents",
    "decode_outputs",
    "describe_hint",
    "expected_error",
    "find_cells",
    "find_contradictions",
    "join_references",
    "list_hints",
    "list_likely_colors",
    "list_palettes",
    "make_affinity_points",
    "match_reference",
    "measure_ab",
    "parse_hint",
    "parse_hints",
    "place_points",
    "read_hints",
    "remaining_doubt",
    "resize_hint",
    "sample_latents",
    "scale_error",
    "shift_prior",
    "sort_variations",
    "spread",
    "suggest_hints",
    "uncertainty",
    "vary",
]
