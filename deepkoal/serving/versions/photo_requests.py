"""A photo of a request to a bare network: what is asked of it, and the file that it becomes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deepkoal.errors import DeepkoalError
from deepkoal.guidance import ColorOptions
from deepkoal.hints import AnyHint, Hint
from deepkoal.hints.files import parse_hints_text
from deepkoal.hints.rows import NO_MARK, HintRows, read_color, read_rows
from deepkoal.image_io import Photo, decode_photo, encode_photo
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.options_file import PhotoIdentity, SavedOptions, hash_bytes
from deepkoal.inference.provenance import add_provenance
from deepkoal.serving.tensors.signature import Arrays, Slot

MAX_PIXELS = 50_000_000
"""Limit to a photo's width × height, as `deepkoal export` sets it."""

FORMATS = {"png": "PNG", "jpeg": "JPEG", "jpg": "JPEG", "webp": "WEBP"}
"""What results can be asked for as, to Pillow's names."""

_QUALITY = 95


def make_slot(name: str, dtype: Any, *shape: int | None, default: Any = None) -> Slot:
    """Return an input or output that has an entry of that shape for each photo."""
    return Slot(name, np.dtype(dtype), (None, *shape), default)


PHOTOS = {"photo_bytes": make_slot("photo_bytes", object)}
FORMAT = {
    "format": make_slot("format", object, default=b"png"),
    "quality": make_slot("quality", np.int32, default=_QUALITY),
    "detail": make_slot("detail", np.int32, default=0),
}
GUIDED = {
    "hint_points": make_slot("hint_points", np.float32, None, 2, default=float("nan")),
    "hint_colors": make_slot("hint_colors", object, None, default=b""),
    "palette": make_slot("palette", object, default=b""),
    "vibrance": make_slot("vibrance", np.float32, default=1.0),
    "hints": make_slot("hints", object, default=b""),
    "reference_bytes": make_slot("reference_bytes", object, default=b""),
}
MARKS = {
    "hint_marks": make_slot("hint_marks", np.int32, None, default=NO_MARK),
    "hint_kinds": make_slot("hint_kinds", object, None, default=b""),
    "hint_relative": make_slot("hint_relative", np.bool_, None, default=False),
}
"""What hints of all kinds need beside `hint_points` and `hint_colors`."""

_INPUTS = FORMAT | GUIDED | MARKS


@dataclass(frozen=True)
class PhotoRequest:
    """One photo of a request.

    Attributes:
        inputs: of the request.
        row: which of its photos.
        photo: decoded.
        kind: what its result is to be, for Pillow.
        colorizer: that sees it at the detail asked for.
    """

    inputs: Arrays
    row: int
    photo: Photo
    kind: str
    colorizer: Colorizer

    def get(self, name: str) -> Any:
        """Return this photo's part of an input that may have been left out."""
        return _get(self.inputs, self.row, name)

    def get_text(self, name: str) -> str:
        """Return the same as text.

        Raises:
            DeepkoalError: it is not UTF-8.
        """
        return _read_text(self.get(name), name)

    def encode(self, rgb: Any, options: ColorOptions, **named: Any) -> bytes:
        """Return a result's file, which says how it was made.

        Args:
            rgb: its pixels.
            options: how the photo was colored.
            named: reference and variation, see `SavedOptions.of`.
        """
        height, width = rgb.shape[:2]
        source = PhotoIdentity(width, height, hash_bytes(self.inputs["photo_bytes"][self.row]))
        look = SavedOptions.of(options, photo=source, **named)
        look = replace(
            look, detail=int(self.get("detail")) or "auto", network=self.colorizer.identity
        )
        photo = add_provenance(self.photo, look)
        return encode_photo(rgb, self.kind, photo, quality=int(self.get("quality")))

    def list_hints(self) -> list[AnyHint]:
        """Return all hints, without points that have no color or lie nowhere.

        Raises:
            DeepkoalError: one is none.
        """
        points = self._get_list("hint_points")
        colors = [_read_text(color, "hint_colors") for color in self._get_list("hint_colors")]
        if "hint_kinds" in self.inputs:
            kinds = [_read_text(kind, "hint_kinds") for kind in self._get_list("hint_kinds")]
            marks, relative = self._get_list("hint_marks"), self._get_list("hint_relative")
            found = read_rows(HintRows(points, marks, kinds, colors, relative))
        elif len(points) != len(colors):
            raise DeepkoalError(
                f"expected as many hint_points as hint_colors, got {len(points)} and {len(colors)}"
            )
        else:
            found = [
                Hint(float(x), float(y), read_color(color))
                for (x, y), color in zip(points, colors, strict=True)
                if color and not (np.isnan(x) and np.isnan(y))
            ]
        text = self.get_text("hints")
        return found + parse_hints_text(text, "hints") if text else found

    def _get_list(self, name: str) -> Any:
        return self.inputs[name][self.row] if name in self.inputs else ()


def read_photos(inputs: Arrays, colorizer: Colorizer) -> Iterator[PhotoRequest]:
    """Yield each photo of a request, decoded.

    Raises:
        DeepkoalError: it is none, or its format or detail.
    """
    for row, data in enumerate(inputs["photo_bytes"]):
        kind = _read_text(_get(inputs, row, "format"), "format").lower()
        if kind not in FORMATS:
            raise DeepkoalError(f"format: expected png, jpeg or webp, got {kind!r}")
        seeing = colorizer.with_detail(int(_get(inputs, row, "detail")) or "auto")
        photo = decode_photo(data, "photo_bytes", max_pixels=MAX_PIXELS, depth="auto")
        yield PhotoRequest(inputs, row, photo, FORMATS[kind], seeing)


def _get(inputs: Arrays, row: int, name: str) -> Any:
    return inputs[name][row] if name in inputs else _INPUTS[name].default


def _read_text(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DeepkoalError(f"{name}: expected text in UTF-8, got {data[:20]!r}") from error
