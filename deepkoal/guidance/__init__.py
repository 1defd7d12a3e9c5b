"""Readings of a network's outputs: every kind of guidance, and none that needs another pass."""

from typing import Any

from deepkoal import hints
from deepkoal.affinity import AffinityPoints, Kernel, make_affinity_points, spread
from deepkoal.deprecation import warn_renamed
from deepkoal.guidance.carrying import CarriedColors, GivenColors, Share, carry_colors
from deepkoal.guidance.color_options import ColorKeywords, ColorOptions, ReferenceLike
from deepkoal.guidance.decoding import (
    VIBRANCE_RANGE,
    DecodingConfig,
    check_vibrance,
    decode_outputs,
)
from deepkoal.guidance.palette import Palette, PaletteShift, list_palettes, shift_prior
from deepkoal.guidance.reference import (
    REFERENCE_KERNEL,
    Reference,
    join_references,
    match_reference,
    measure_ab,
)
from deepkoal.guidance.uncertainty import (
    deviation,
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
    "CarriedColors",
    "ColorKeywords",
    "ColorOptions",
    "DecodingConfig",
    "GivenColors",
    "Kernel",
    "Palette",
    "PaletteShift",
    "Reference",
    "ReferenceLike",
    "Share",
    "VariationLatents",
    "carry_colors",
    "check_vibrance",
    "compute_latents",
    "decode_outputs",
    "deviation",
    "expected_error",
    "join_references",
    "list_likely_colors",
    "list_palettes",
    "make_affinity_points",
    "match_reference",
    "measure_ab",
    "remaining_doubt",
    "sample_latents",
    "scale_error",
    "shift_prior",
    "sort_variations",
    "spread",
    "suggest_hints",
    "uncertainty",
    "vary",
]


def __getattr__(name: str) -> Any:
    if name not in hints.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warn_renamed(f"deepkoal.guidance.{name}", f"deepkoal.hints.{name}")
    return getattr(hints, name)
