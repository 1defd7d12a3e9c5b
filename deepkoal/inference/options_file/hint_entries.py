"""Hints as JSON: written, read, and moved from one photo to another size of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from deepkoal.errors import DeepkoalError
from deepkoal.hints import AnyHint, describe_hint, parse_hint
from deepkoal.hints.values import is_number

_LINES = ("stroke", "region")


def write_entry(hint: AnyHint) -> dict[str, Any]:
    """Return a hint as a hint file has it.

    Raises:
        DeepkoalError: it is a region's mask.
    """
    return describe_hint(hint)


def parse_entry(entry: Mapping[str, Any]) -> AnyHint:
    """Return the hint that an entry in pixels describes.

    Raises:
        DeepkoalError: it describes none.
    """
    return parse_hint(entry, "hint")


def scale_entry(
    entry: Mapping[str, Any], before: tuple[int, int], after: tuple[int, int]
) -> dict[str, Any]:
    """Return an entry on a photo as one in pixels of the same photo at another size.

    Args:
        entry: in pixels of the photo as it was, or with `"relative": true` in shares, 0…1, of its
            width and height. Points at `x` and `y`, or along a `stroke` or around a `region`.
        before: height and width of the photo as it was, in pixels.
        after: as it is now.

    Raises:
        DeepkoalError: there are no coordinates, or relative ones beyond 0…1.
    """
    if not isinstance(entry, Mapping):
        raise DeepkoalError(f"expected a hint as a JSON object, got {entry!r:.60}")
    scaled = {name: value for name, value in entry.items() if name != "relative"}
    relative = entry.get("relative", False)
    if not isinstance(relative, bool):
        raise DeepkoalError(f"expected a hint's relative as true or false, got {relative!r:.60}")
    if not relative and before == after:
        return scaled
    from_size = (1.0, 1.0) if relative else before

    def move(value: Any, axis: int) -> float:
        if not is_number(value) or value < 0 or (relative and value > 1):
            span = "in 0…1" if relative else "from 0 up"
            raise DeepkoalError(f"expected a hint's coordinate as a number {span}, got {value!r}")
        place = value * after[axis] / from_size[axis]
        return min(float(place), math.nextafter(after[axis], 0))  # the far edge is still inside

    for name, axis in (("x", 1), ("y", 0)):
        if name in scaled:
            scaled[name] = move(scaled[name], axis)
    for name in _LINES:
        if name in scaled:
            try:
                scaled[name] = [[move(x, 1), move(y, 0)] for x, y in scaled[name]]
            except (TypeError, ValueError) as error:
                raise DeepkoalError(
                    f"expected a hint's {name} as a list of [x, y], got {scaled[name]!r:.60}"
                ) from error
    return scaled
