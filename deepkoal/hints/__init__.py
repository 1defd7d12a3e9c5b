"""Colors that a user gives to places of a photo: what they are, and how far each reaches."""

from deepkoal.hints.arrays import HintArrays, find_cells
from deepkoal.hints.files import describe_hint, parse_hint, parse_hints, read_hints
from deepkoal.hints.kinds import AnyHint, Hint, Region, Stroke, check_kind
from deepkoal.hints.layout import HintLayout, arrange_hints, list_hints
from deepkoal.hints.placing import check_hints, find_contradictions, place_points, resize_hint

__all__ = [
    "AnyHint",
    "Hint",
    "HintArrays",
    "HintLayout",
    "Region",
    "Stroke",
    "arrange_hints",
    "check_hints",
    "check_kind",
    "describe_hint",
    "find_cells",
    "find_contradictions",
    "list_hints",
    "parse_hint",
    "parse_hints",
    "place_points",
    "read_hints",
    "resize_hint",
]
