"""What a studio's page lets its users choose from, as it is told: with a server or without."""

from __future__ import annotations

from typing import Any

from deepkoal.guidance import VIBRANCE_RANGE, list_palettes
from deepkoal.guidance.color_balance import HUES

MAX_BYTES = 100_000_000
"""Of a photo's file."""

DETAILS = (96, 160, 256, 384)
"""Working sizes, in pixels, at which the page offers to show a photo to the network."""


def describe_choices() -> dict[str, Any]:
    """Return the part of what the page is told that is the same for all networks, as JSON."""
    return {
        "maxBytes": MAX_BYTES,
        "vibrance": VIBRANCE_RANGE,
        "details": DETAILS,
        "palettes": [
            {"name": p.name, "title": p.title, "summary": p.summary, "colors": list(p.colors)}
            for p in list_palettes()
        ],
        "hues": list(HUES),
    }
