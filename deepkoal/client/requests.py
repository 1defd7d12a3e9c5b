"""What a photo is to be colored like, as the inputs of a signature."""

from __future__ import annotations

import io
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deepkoal.client.transport import Array
from deepkoal.errors import DeepkoalError
from deepkoal.short_repr import summarize

if TYPE_CHECKING:
    from deepkoal.hints import AnyHint

_TURNED = (5, 6, 7, 8)  # values of EXIF's orientation by which height and width change places
_ORIENTATION = 274


@dataclass(frozen=True)
class ColorRequest:
    """What is asked for one photo, see `Client.colorize`."""

    hints: Sequence[AnyHint]
    palette: str
    vibrance: float | None
    reference: bytes
    detail: int | None
    format: str
    quality: int | None

    def write(self, photo_bytes: bytes) -> tuple[str, dict[str, Array]]:
        """Return the signature that can be asked for it, and its inputs.

        The simplest one, which most models have: `colorize_full` is for what no other can do.

        Raises:
            DeepkoalError: a hint is none, the vibrance 0, or a value of another type.
        """
        if self.vibrance == 0:  # which models take for their own
            raise DeepkoalError("vibrance must lie in 0.2…5, not 0")
        photo = {"photo_bytes": pack_file(photo_bytes, "a photo")}
        check_numbers(vibrance=self.vibrance)
        check_numbers(whole=True, detail=self.detail, quality=self.quality)
        if not isinstance(self.palette, str):
            raise DeepkoalError(f"expected a palette's name, got {summarize(self.palette)}")
        hints = _check(self.hints)
        is_plain = all(map(_is_plain, hints))
        is_bare = self.detail is None and not self.format and self.quality is None
        if not is_bare or not is_plain or self.reference:
            return "colorize_full", {**photo, **self._write_all(hints, photo_bytes)}
        if not hints and not self.palette and self.vibrance is None:
            return "serving_default", photo
        return "colorize_guided", {
            **photo,
            **_write_points(hints),
            "palette": pack([self.palette.encode()]),
            "vibrance": np.asarray([1 if self.vibrance is None else self.vibrance], np.float32),
        }

    def _write_all(self, hints: Sequence[AnyHint], photo_bytes: bytes) -> dict[str, Array]:
        quality = {} if self.quality is None else {"quality": self.quality}
        numbers = {"detail": self.detail or 0, "quality": 95, **quality}
        inputs = {
            **_write_marks(hints, photo_bytes),
            "palette": pack([self.palette.encode()]),
            "vibrance": np.asarray([self.vibrance or 0], np.float32),
            "format": pack([(self.format or "png").encode()]),
            **{name: np.asarray([number], np.int32) for name, number in numbers.items()},
        }
        # Not every model takes one, and one that does not says so.
        if not self.reference:
            return inputs
        return {**inputs, "reference_bytes": pack_file(self.reference, "a reference")}


def pack(strings: Sequence[bytes]) -> Array:
    """Return strings as an array, (N,) of dtype `object`."""
    packed = np.empty(len(strings), object)
    packed[:] = strings
    return packed


def pack_file(content: object, what: str) -> Array:
    """Return a file's bytes as an array, (1,) of dtype `object`.

    Raises:
        DeepkoalError: it is something else, such as the file's path.
    """
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise DeepkoalError(
            f"expected {what} as a file's bytes, got {summarize(content)}; "
            "pathlib.Path(…).read_bytes() gives them"
        )
    return pack([bytes(content)])


def check_numbers(*, whole: bool = False, **values: object) -> None:
    """Refuse what is no number, or no whole one; its range is the server's to judge.

    Raises:
        DeepkoalError: naming the first that is none. None is left out.
    """
    kind = numbers.Integral if whole else numbers.Real
    for name, value in values.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
            what = "whole number" if whole else "number"
            raise DeepkoalError(f"expected {name} as a {what}, got {summarize(value)}")


def _check(hints: Sequence[AnyHint]) -> tuple[AnyHint, ...]:
    if not hints:
        return ()
    from deepkoal.hints import check_kind  # here, so that coloring needs NumPy alone

    return check_kind(hints)


def _is_plain(hint: AnyHint) -> bool:
    """Return whether it is a point in pixels with a CSS color, which every export takes."""
    return (
        hint.kind == "hint"
        and isinstance(hint.color, str)
        and not hint.is_own
        and not hint.relative
    )


# A list without elements has no shape in JSON, so that no hint is sent as one that is none.


def _write_points(hints: Sequence[AnyHint]) -> dict[str, Array]:
    points, colors = [(0.0, 0.0)], [b""]
    if hints:
        from deepkoal.hints.values import parse_css  # likewise

        points = [point for hint in hints for point in hint.points]
        colors = [b"#%02x%02x%02x" % parse_css(hint.color) for hint in hints]
    return {"hint_points": np.asarray([points], np.float32), "hint_colors": pack(colors)[None]}


def _write_marks(hints: Sequence[AnyHint], photo_bytes: bytes) -> dict[str, Array]:
    points, marks = np.zeros((1, 2), np.float32), [-1]
    kinds, colors, relative = [""], [""], [False]
    if hints:
        from deepkoal.hints.rows import write_rows  # likewise

        rows = write_rows(hints, _read_size(photo_bytes))
        points, marks = rows.points, list(rows.marks)
        kinds, colors, relative = list(rows.kinds), list(rows.colors), list(rows.relative)
    return {
        "hint_points": points[None],
        "hint_marks": np.asarray([marks], np.int32),
        "hint_kinds": pack([kind.encode() for kind in kinds])[None],
        "hint_colors": pack([color.encode() for color in colors])[None],
        "hint_relative": np.asarray([relative], np.bool_),
    }


def _read_size(photo_bytes: bytes) -> tuple[int, int] | None:
    """Return the upright photo's height and width; None of what the server is to judge."""
    from PIL import Image  # likewise

    try:
        with Image.open(io.BytesIO(photo_bytes)) as image:
            turned = image.getexif().get(_ORIENTATION) in _TURNED
            width, height = image.size
    except Exception:  # of nearly every kind, on damaged data
        return None
    return (width, height) if turned else (height, width)
