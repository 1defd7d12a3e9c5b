"""A photo that is being worked on: previews, thumbnails, doubts, likely colors, the result."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar, Unpack, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import ByteArray
from deepkoal.guidance import (
    AnyHint,
    ColorKeywords,
    Hint,
    VariationLatents,
    check_hints,
    check_kind,
    resize_hint,
)
from deepkoal.image_io import Photo, decode_photo, encode_photo
from deepkoal.image_io.formats import FORMATS, choose_suffix
from deepkoal.image_io.kinds import START_BYTES, sniff_kind
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction import Prediction
from deepkoal.rendering.composition import compose_rgb, lightness

PREVIEW_PIXELS = 1_500_000
"""Of a photo on the screen, at most: so few that the answer to a click seems immediate."""
PREVIEW_SIDE = 16_384
"""Of a photo on the screen, at most: what browsers show, and far below what JPEG can have."""
THUMBNAIL_PIXELS = 30_000
VARIATIONS = 6
"""In a row, the automatic colors included."""
SUGGESTIONS = 5
SWATCHES = 6

MAX_BYTES = 100_000_000
"""Of a photo's file."""
MAX_PIXELS = 100_000_000

_QUALITY = 90
_DOUBT_INK = (226, 20, 160)  # hardly any photo has it
_DOUBT_OPACITY = 190
_LEAST_CONTRAST = 0.1  # of the map of doubt: evenly doubted photos should look so
_SWATCH_L = (35.0, 80.0)  # darker or lighter, colors cannot be told apart

T = TypeVar("T", np.uint8, np.float32)


@dataclass(frozen=True, eq=False)
class OpenPhoto:
    """A photo in work: its file, and its predictions at the sizes of the screen.

    All points are in pixels of the photo itself.

    Attributes:
        name: of the file.
        data: the file.
        height: of the photo, in pixels.
        width: likewise.
        before: the photo as it was, a JPEG or PNG file as large as the preview.
        alpha: uint8, the preview's opacity; None where the photo has none.
        preview: at most `PREVIEW_PIXELS` large.
        thumbnail: at most `THUMBNAIL_PIXELS` large.
    """

    name: str
    data: bytes
    height: int
    width: int
    before: bytes
    alpha: ByteArray | None
    preview: Prediction
    thumbnail: Prediction

    def color(self, **options: Unpack[ColorKeywords]) -> bytes:
        """Return the colored photo at the size of the screen, as JPEG, or PNG if it has alpha."""
        return _encode(self.preview.render(**self._fit(options, self.preview)), self.alpha)

    def draw_thumbnails(
        self, variations: Sequence[VariationLatents | None], **options: Unpack[ColorKeywords]
    ) -> list[bytes]:
        """Return small JPEG files of the photo, one for each variation."""
        fitted = self._fit(options, self.thumbnail)
        looks: list[ColorKeywords] = [{**fitted, "variation": each} for each in variations]
        return [_encode(self.thumbnail.render(**each)) for each in looks]

    @functools.cached_property
    def list_variations(self) -> Callable[[int], list[VariationLatents]]:
        """A function from a seed to the variations beside the automatic colors."""
        preview = self.preview  # not self, which would hold itself in a cycle
        return functools.lru_cache(maxsize=8)(
            lambda seed: preview.list_variations(VARIATIONS, seed=seed)
        )

    def draw_doubt(self, hints: Sequence[AnyHint]) -> bytes:
        """Return the network's doubt under hints, as a transparent PNG file.

        It is the more opaque the larger the doubt, in the upper half of the range that the
        photo has without hints.
        """
        low, high = np.percentile(self.thumbnail.uncertainty(), (50, 99))
        doubt = self.thumbnail.uncertainty(hints=self._move(hints, self.thumbnail))
        share = np.clip((doubt - low) / max(high - low, _LEAST_CONTRAST), 0, 1)
        alpha = np.rint(_DOUBT_OPACITY * share).astype(np.uint8)
        ink = np.broadcast_to(np.array(_DOUBT_INK, np.uint8), (*alpha.shape, 3))
        return _encode(ink, alpha)

    def suggest_hints(self, hints: Sequence[AnyHint]) -> list[tuple[float, float]]:
        """Return x and y of the points where further hints would help most."""
        rows, columns = self.thumbnail.l.shape
        points = self.thumbnail.suggest_hints(SUGGESTIONS, hints=self._move(hints, self.thumbnail))
        return [(x * self.width / columns, y * self.height / rows) for x, y in points]

    def list_colors(self, x: float, y: float) -> list[str]:
        """Return the likely colors of a point, `#rrggbb`, the likeliest first."""
        (hint,) = self._move([Hint(x, y, (0.0, 0.0))], self.preview)
        ((x, y),) = hint.points
        ab = self.preview.list_likely_colors(x, y, SWATCHES)
        l = np.clip(self.preview.l[int(y), int(x)], *_SWATCH_L)
        rgb = compose_rgb(np.full((1, len(ab)), l, np.float32), ab[None])[0]
        return list(dict.fromkeys("#{:02x}{:02x}{:02x}".format(*color) for color in rgb))

    def finish(self, **options: Unpack[ColorKeywords]) -> tuple[bytes, str]:
        """Return the colored photo's file, of full size and with its metadata, and its format.

        The format is the photo's own, or where that would not do, the one that
        `image_io.formats` has for its results.
        """
        photo = decode_photo(self.data, self.name, max_pixels=MAX_PIXELS, depth="auto")
        bits = 8 * photo.rgb.itemsize
        full = dataclasses.replace(self.preview, l=lightness(photo.rgb), bits=bits)
        kind = FORMATS[choose_suffix(sniff_kind(self.data[:START_BYTES], self.name))]
        return encode_photo(full.render(**self._fit(options, full)), kind, photo), kind

    def name_result(self, kind: str) -> str:
        """Return a name for the colored photo's file, of that format."""
        path = PurePath(self.name)
        suffix = path.suffix.lower()
        if FORMATS.get(suffix) != kind:
            suffix = next(each for each, format in FORMATS.items() if format == kind)
        return f"{path.stem}.colored{suffix}"

    def _fit(self, options: ColorKeywords, prediction: Prediction) -> ColorKeywords:
        return {**options, "hints": self._move(options.get("hints", ()), prediction)}

    def _move(self, hints: Iterable[AnyHint], prediction: Prediction) -> list[AnyHint]:
        """Return hints on the photo as hints on the same photo at another size."""
        hints = check_kind(hints)
        check_hints(hints, self.height, self.width)
        rows, columns = prediction.l.shape
        size = self.height, self.width
        return [resize_hint(hint, size, (rows, columns)) for hint in hints]


def open_photo(colorizer: Colorizer, data: bytes, name: str) -> OpenPhoto:
    """Decode and predict a photo and return it.

    Raises:
        PhotoError: the file is not a photo, or too large.
    """
    photo = decode_photo(data, name, max_pixels=MAX_PIXELS)
    seen = colorizer.predict(photo.rgb)
    height, width = seen.l.shape
    preview, thumbnail = (
        dataclasses.replace(seen, l=_shrink(seen.l, *_scale(height, width, pixels)))
        for pixels in (PREVIEW_PIXELS, THUMBNAIL_PIXELS)
    )
    size = preview.l.shape
    alpha = None if photo.alpha is None else _shrink(photo.alpha, *size)
    before = _encode(_shrink(photo.rgb, *size), alpha)
    return OpenPhoto(name, data, height, width, before, alpha, preview, thumbnail)


def draw_thumbnail(rgb: ByteArray) -> bytes:
    """Return a photo, uint8 (H, W, 3), as a small JPEG file."""
    return _encode(_shrink(rgb, *_scale(rgb.shape[0], rgb.shape[1], THUMBNAIL_PIXELS)))


def _scale(height: int, width: int, most_pixels: int) -> tuple[int, int]:
    """Return the height and width of the same photo within these pixels and `PREVIEW_SIDE`."""
    share = min(1.0, (most_pixels / (height * width)) ** 0.5, PREVIEW_SIDE / max(height, width))
    return max(1, int(height * share)), max(1, int(width * share))


def _shrink(picture: NDArray[T], height: int, width: int) -> NDArray[T]:
    """Return a picture at a smaller size by area.

    As `rendering.resampling.resize`, whose matrices of weights are for the network's sizes: from
    a strip to its preview they would take gigabytes.
    """
    return cast(NDArray[T], cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))


def _encode(rgb: ByteArray, alpha: ByteArray | None = None) -> bytes:
    if alpha is None:
        return encode_photo(rgb, "JPEG", quality=_QUALITY)
    return encode_photo(rgb, "PNG", Photo(rgb, alpha))
