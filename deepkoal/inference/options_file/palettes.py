"""Palettes in JSON: by name where they came with the library, else with all they are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from deepkoal.color import ab_bins
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import Palette
from deepkoal.inference.options_file.parts import check_keys

_SETTINGS = ("strength", "smoothing")
_TEXTS = ("name", "title", "summary")


def write_palette(palette: Palette | None) -> str | dict[str, Any] | None:
    """Return a palette for JSON: the name of one that came with the library, else all of it."""
    if palette is None:
        return None
    try:
        known = Palette.named(palette.name)
    except DeepkoalError:
        known = None
    if known is not None and np.array_equal(known.probabilities, palette.probabilities):
        if all(getattr(known, key) == getattr(palette, key) for key in _SETTINGS):
            return palette.name
        return {"name": palette.name, **{key: getattr(palette, key) for key in _SETTINGS}}
    return {
        **{key: getattr(palette, key) for key in (*_TEXTS, *_SETTINGS)},
        "colors": dict(palette.colors),
        # The shortest decimals that give the same float32 again.
        "probabilities": [float(str(share)) for share in palette.probabilities],
    }


def parse_palette(entry: Any) -> Palette | None:
    """Return the palette that JSON describes, see `write_palette`.

    Raises:
        DeepkoalError: it describes none.
    """
    if entry is None:
        return None
    if isinstance(entry, str):
        return Palette.named(entry)
    check_keys(entry, {*_TEXTS, *_SETTINGS, "colors", "probabilities"}, "a palette")
    settings: dict[str, Any] = {key: entry[key] for key in _SETTINGS if key in entry}
    if "probabilities" not in entry:
        return replace(Palette.named(entry.get("name", "")), **settings)
    settings.update((key, str(entry.get(key, ""))) for key in _TEXTS)
    bins, colors = len(ab_bins()), entry.get("colors") or {}
    try:
        shares = np.asarray(entry["probabilities"], np.float32)
    except (TypeError, ValueError):
        shares = np.zeros(0, np.float32)
    if shares.shape != (bins,) or not (shares >= 0).all() or not 0.99 < shares.sum() < 1.01:
        raise DeepkoalError(f"expected a palette's probabilities as {bins} shares that sum to 1")
    if not isinstance(colors, dict):
        raise DeepkoalError(f"expected a palette's colors by name, got {colors!r:.60}")
    return Palette(shares, colors, **settings)
