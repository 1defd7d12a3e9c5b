"""Hints as JSON: the same in files, requests, sessions and the studio."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepkoal.errors import DeepkoalError
from deepkoal.hints.kinds import AnyHint, Hint, Region, Stroke

_FORM = 'hints are a list of {"x": 120, "y": 80, "color": "#c03020"}'
_PLACES = (
    ({"x", "y"}, lambda entry: Hint(entry["x"], entry["y"], **_read_rest(entry))),
    ({"stroke"}, lambda entry: Stroke(entry["stroke"], **_read_rest(entry))),
    ({"region"}, lambda entry: Region(entry["region"], **_read_rest(entry))),
)


def read_hints(path: str | Path) -> list[AnyHint]:
    """Read hints from a JSON file, a list of what `parse_hint` takes.

    Raises:
        DeepkoalError: the file cannot be read, is not such JSON or holds a hint that is none.
    """
    return parse_hints(read_json(path, _FORM), str(path))


def read_json(path: str | Path, form: str) -> Any:
    """Read a JSON file that a user gave.

    Args:
        path: the file.
        form: what was expected, for the message.

    Raises:
        DeepkoalError: it cannot be read, or is no JSON.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DeepkoalError(
            f"{path}: cannot be read ({error.strerror}); check the path and your permissions"
        ) from error
    try:
        return json.loads(data.decode(json.detect_encoding(data)))  # editors may begin with a mark
    except (ValueError, RecursionError) as error:  # ValueError: also of the encoding
        raise DeepkoalError(f"{path}: cannot be read as JSON ({error}); {form}") from error


def parse_hints_text(text: str, where: str) -> list[AnyHint]:
    """Return the hints of a text in JSON, such as a request holds.

    Raises:
        DeepkoalError: it is no JSON, or as in `parse_hints`.
    """
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DeepkoalError(f"{where}: cannot be read as JSON ({error}); {_FORM}") from error
    return parse_hints(entries, where)


def parse_hints(entries: Any, where: str) -> list[AnyHint]:
    """Return the hints of a JSON list.

    Args:
        entries: as `json.loads` returned it.
        where: it is from, for errors.

    Raises:
        DeepkoalError: it is no list, or one of its entries no hint.
    """
    if not isinstance(entries, list):
        raise DeepkoalError(f"{where}: expected a list, got {type(entries).__name__}; {_FORM}")
    return [parse_hint(entry, f"{where}, hint {number}") for number, entry in enumerate(entries, 1)]


def parse_hint(entry: Any, where: str) -> AnyHint:
    """Return the hint that a JSON object describes.

    Args:
        entry: `{"x": 120, "y": 80, "color": "#c03020"}`, `{"stroke": [[x, y], …], "color": …}` or
            `{"region": [[x, y], …], "color": …}`. A color may also be `[a, b]` in CIE Lab units,
            `"grey"` or `"own"`; `"relative": true` makes coordinates shares of the photo's sides.
        where: it is from, for errors.

    Raises:
        DeepkoalError: it is something else.
    """
    keys = set(entry) - {"relative"} if isinstance(entry, dict) else set()
    for place, build in _PLACES:
        if keys == {*place, "color"}:
            try:
                return build(entry)
            except DeepkoalError as error:
                raise DeepkoalError(f"{where}: {error}") from error
    got = sorted(entry) if isinstance(entry, dict) else entry
    raise DeepkoalError(
        f"{where}: expected x, y and color, got {got!s:.80}; {_FORM}, or with "
        '"stroke" or "region": [[x, y], …] for x and y'
    )


def describe_hint(hint: AnyHint) -> dict[str, Any]:
    """Return a hint as JSON can hold it, for `parse_hint`.

    Raises:
        DeepkoalError: it is a mask.
    """
    if isinstance(hint, Hint):
        place: dict[str, Any] = {"x": float(hint.x), "y": float(hint.y)}
    elif isinstance(hint, Region) and hint.mask is not None:
        raise DeepkoalError("a region's mask cannot be written as JSON; give a polygon instead")
    else:
        place = {hint.kind: [[x, y] for x, y in hint.points]}
    is_text = isinstance(hint.color, str)
    color = hint.color if is_text else [float(part) for part in hint.color]
    return {**place, "color": color, **({"relative": True} if hint.relative else {})}


def _read_rest(entry: Mapping[str, Any]) -> dict[str, Any]:
    color = entry["color"]
    return {
        "color": tuple(color) if isinstance(color, list) else color,
        "relative": entry.get("relative", False),
    }
