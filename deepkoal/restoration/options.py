"""How a photo is to be repaired: validated once, and kept in options files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self, TypedDict

from deepkoal.errors import DeepkoalError, check_range
from deepkoal.short_repr import summarize

TONES = ("off", "auto")

OFF, AUTO = "off", "auto"
"""Instead of outlines of holes: there are none; missing pieces are looked for."""

Outline = tuple[tuple[float, float], ...]
"""Corners of a hole: x and y as shares of the photo's width and height."""


class LeverKeywords(TypedDict, total=False):
    """The fields of `RestorationOptions` but the holes, for type checkers."""

    strength: float
    denoise: float
    tone: str
    local_contrast: float


class RestorationKeywords(LeverKeywords, total=False):
    """The fields of `RestorationOptions`, likewise."""

    holes: str | Sequence[Outline]


@dataclass(frozen=True, kw_only=True)
class RestorationOptions:
    """How a photo is to be repaired. What is off leaves every sample as it is.

    Attributes:
        strength: 0…1: how far scratches, dust, folds, tears, stains and mould give way to what the
            network takes for the photo beneath. Elsewhere nothing changes.
        denoise: 0…1: how far noise, grain and a JPEG file's blocks are taken away, all over the
            photo, where they are found, see `restoration.noise`.
        tone: `auto` spreads faded lightness over the whole range, see `restoration.tone`; `off`.
        local_contrast: 0…1: how much things stand out more against what is around them.
        holes: where nothing of the photo is left, which is filled from around before all else:
            outlines of three corners or more, each x and y as shares (0…1) of width and height, or
            `auto` to look for missing pieces, see `restoration.holes`; `off` is as no outlines.

    Raises:
        DeepkoalError: one of them is something else.
    """

    strength: float = 1.0
    denoise: float = 0.0
    tone: str = "off"
    local_contrast: float = 0.0
    holes: str | Sequence[Outline] = ()

    def __post_init__(self) -> None:
        """Reject what is out of range."""
        check_range(self.strength, "restoration's strength", 0, 1)
        check_range(self.denoise, "denoise", 0, 1)
        check_range(self.local_contrast, "local_contrast", 0, 1)
        if self.tone not in TONES:
            raise DeepkoalError(f"expected tone as {' or '.join(TONES)}, got {self.tone!r:.60}")
        text = self.holes if isinstance(self.holes, str) else ""
        if text != AUTO:
            outlines = () if text == OFF else _read_outlines(self.holes)
            object.__setattr__(self, "holes", outlines)

    @property
    def needs_network(self) -> bool:
        """Whether anything is asked of the network."""
        return self.strength > 0

    @property
    def changes(self) -> bool:
        """Whether anything is asked at all."""
        return self != type(self)(strength=0.0)

    @classmethod
    def collect(
        cls, options: RestorationOptions | float | None, keywords: Mapping[str, Any]
    ) -> RestorationOptions:
        """Return options, or a strength, with some of them given anew as keywords.

        Raises:
            DeepkoalError: as `RestorationOptions`.
            TypeError: there is no such option.
        """
        if options is None:
            return cls(**keywords)
        if isinstance(options, RestorationOptions):
            return replace(options, **keywords)
        return cls(**{"strength": options, **keywords})

    @classmethod
    def from_json(cls, entry: Any) -> Self | None:
        """Return the options that JSON describes, null being none.

        Raises:
            DeepkoalError: it describes none.
        """
        if entry is None:
            return None
        known = {each.name for each in fields(cls)}
        if not isinstance(entry, Mapping) or set(entry) - known:
            raise DeepkoalError(
                f"expected restoration as a JSON object of {', '.join(sorted(known))}, got "
                f"{summarize(entry)}"
            )
        return cls(**entry)


def _read_outlines(holes: Any) -> tuple[Outline, ...]:
    try:
        outlines = tuple(tuple((float(x), float(y)) for x, y in outline) for outline in holes)
    except (TypeError, ValueError):
        outlines = ((),)
    corners = [value for outline in outlines for corner in outline for value in corner]
    is_inside = all(math.isfinite(value) and 0 <= value <= 1 for value in corners)
    if not is_inside or any(len(outline) < 3 for outline in outlines):
        raise DeepkoalError(
            "expected holes as off, auto, or as outlines of 3 or more corners [x, y] in 0…1 of "
            f"width and height, got {summarize(holes)}; a mask goes to deepkoal.restore"
        )
    return outlines
