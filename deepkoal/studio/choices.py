"""What a studio's page lets its users choose from, as it is told: with a server or without."""

from __future__ import annotations

from typing import Any

from deepkoal.guidance import VIBRANCE_RANGE, list_palettes
from deepkoal.guidance.color_balance import HUES
from deepkoal.image_io.formats import WRITTEN

MAX_BYTES = 100_000_000
"""Of a photo's file."""

DETAILS = (96, 160, 256, 384)
"""Working sizes, in pixels, at which the page offers to show a photo to the network."""

DOWNLOAD_FORMATS = {
    "JPEG": "Small, and opens everywhere. Each saving costs a little; no transparency.",
    "PNG": "Loses nothing, and is large.",
    "WEBP": "Often smaller than JPEG; older programs do not open it. Each saving costs a little.",
    "TIFF": "Loses nothing, and is very large: for archives and print.",
}
"""Formats of `image_io` that downloads are offered in beside the photo's own, and what for."""


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
        "formats": [
            {"name": name, "summary": summary, "lossy": WRITTEN[name].is_lossy}
            for name, summary in DOWNLOAD_FORMATS.items()
        ],
    }
