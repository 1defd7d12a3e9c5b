"""A photo that is being worked on: previews, thumbnails, doubts, likely colors, the result."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from deepkoal.arrays import ByteArray, FloatArray, SampleArray
from deepkoal.guidance import ColorOptions, VariationLatents
from deepkoal.hints import AnyHint, Hint, check_hints, check_kind, resize_hint
from deepkoal.image_io import Photo, decode_photo
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.hint_gamut import list_unshowable
from deepkoal.inference.prediction import Prediction
from deepkoal.rendering.composition import compose_rgb
from deepkoal.studio.choices import DETAILS
from deepkoal.studio.photos.drawing import (
    PREVIEW_PIXELS,
    THUMBNAIL_PIXELS,
    encode,
    fit_size,
    shrink,
)

VARIATIONS = 6
"""In a row, the automatic colors included."""
SUGGESTIONS = 5
SWATCHES = 6

MAX_PIXELS = 100_000_000

_DOUBT_INK = (226, 20, 160)  # hardly any photo has it
_DOUBT_OPACITY = 190
_LEAST_CONTRAST = 0.1  # of the map of doubt: evenly doubted photos should look so
_SWATCH_L = (35.0, 80.0)  # darker or lighter, colors cannot be told apart


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
        predict: returns the prediction at a working size, None for the colorizer's own.
        read_lightness: returns the L that the result is to have: the photo's own, or repaired.
        rotation: in degrees clockwise, of the photo as its file has it upright: all else is of the
            rotated one.
    """

    name: str
    data: bytes
    height: int
    width: int
    before: bytes
    alpha: ByteArray | None
    predict: Callable[[int | None], Prediction]
    read_lightness: Callable[[SampleArray], FloatArray]
    rotation: int = 0

    @functools.cached_property
    def preview(self) -> Prediction:
        """The photo at the size of the screen."""
        return self._resize(None, PREVIEW_PIXELS)

    @functools.cached_property
    def thumbnail(self) -> Prediction:
        """The photo small."""
        return self._resize(None, THUMBNAIL_PIXELS)

    def render(
        self, options: ColorOptions, detail: int | None = None, pixels: int = PREVIEW_PIXELS
    ) -> ByteArray:
        """Return the colored photo at the size of the screen or smaller, uint8 (H, W, 3)."""
        kept = {PREVIEW_PIXELS: self.preview, THUMBNAIL_PIXELS: self.thumbnail}
        is_kept = detail is None and pixels in kept
        prediction = kept[pixels] if is_kept else self._resize(detail, pixels)
        return prediction.render(self._fit(options, prediction))

    def encode(self, rgb: ByteArray) -> bytes:
        """Return a picture of the photo as a JPEG file, or as a PNG file if the photo has alpha."""
        return encode(rgb, None if self.alpha is None else shrink(self.alpha, *rgb.shape[:2]))

    def draw_thumbnail(self, options: ColorOptions, detail: int | None = None) -> bytes:
        """Return the colored photo as a small JPEG file."""
        return encode(self.render(options, detail, THUMBNAIL_PIXELS))

    @functools.cached_property
    def list_variations(self) -> Callable[[int, int], list[VariationLatents]]:
        """A function from count and seed to the variations beside the automatic colors."""
        preview = self.preview  # not self, which would hold itself in a cycle
        return functools.lru_cache(maxsize=8)(
            lambda count, seed: preview.list_variations(count, seed=seed)
        )

    def fit_preview(self, options: ColorOptions) -> ColorOptions:
        """Return options with their hints in pixels of the preview."""
        return self._fit(options, self.preview)

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
        return encode(ink, alpha)

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

    def list_nearest(self, hints: Sequence[AnyHint]) -> list[str | None]:
        """Return of each hint the nearest color that its place can show, see `list_unshowable`.

        Returns:
            `#rrggbb` for each; None where that is the very color.
        """
        found = [list_unshowable(self.preview, [hint]) for hint in self._move(hints, self.preview)]
        return [each[0][1] if each else None for each in found]

    def render_full(self, options: ColorOptions, detail: int | None = None) -> SampleArray:
        """Return the colored photo in all its pixels, as its file has it but for a style."""
        return self.color_full(self.decode().rgb, options, detail)

    def decode(self) -> Photo:
        """Return the photo as it was, in all its pixels and its own depth."""
        return decode_photo(
            self.data, self.name, max_pixels=MAX_PIXELS, depth="auto", rotate=self.rotation
        )

    def color_full(
        self, rgb: SampleArray, options: ColorOptions, detail: int | None = None
    ) -> SampleArray:
        """Return all pixels of the photo, as `decode` gives them, colored."""
        seen, l = self.predict(detail), self.read_lightness(rgb)
        full = dataclasses.replace(seen, l=l, bits=8 * rgb.itemsize)
        return full.render(self._fit(options, full))

    def _resize(self, detail: int | None, pixels: int) -> Prediction:
        seen = self.predict(detail)
        size = fit_size(self.height, self.width, pixels)
        return seen if seen.l.shape == size else dataclasses.replace(seen, l=shrink(seen.l, *size))

    def _fit(self, options: ColorOptions, prediction: Prediction) -> ColorOptions:
        return dataclasses.replace(options, hints=self._move(options.hints, prediction))

    def _move(self, hints: Iterable[AnyHint], prediction: Prediction) -> list[AnyHint]:
        """Return hints on the photo as hints on the same photo at another size."""
        hints = check_kind(hints)
        check_hints(hints, self.height, self.width)
        rows, columns = prediction.l.shape
        size = self.height, self.width
        return [resize_hint(hint, size, (rows, columns)) for hint in hints]


def open_photo(colorizer: Colorizer, data: bytes, name: str, rotation: int = 0) -> OpenPhoto:
    """Decode and predict a photo, rotated by degrees clockwise, and return it.

    Raises:
        PhotoError: the file is not a photo, or too large.
    """
    photo = decode_photo(data, name, max_pixels=MAX_PIXELS, rotate=rotation)
    height, width = photo.rgb.shape[:2]
    size = fit_size(height, width, PREVIEW_PIXELS)
    alpha = None if photo.alpha is None else shrink(photo.alpha, *size)
    before = encode(shrink(photo.rgb, *size), alpha)
    own = _keep_small(colorizer.predict(photo.rgb))

    @functools.lru_cache(maxsize=len(DETAILS))
    def predict(detail: int | None) -> Prediction:
        if detail is None:
            return own
        at_size = colorizer.with_detail(detail)
        return _keep_small(at_size.predict(read_pixels(data, name, rotation)))

    read_lightness = colorizer.read_lightness
    return OpenPhoto(
        name, data, height, width, before, alpha, predict, read_lightness, rotation=rotation
    )


def read_pixels(data: bytes, name: str, rotation: int = 0) -> ByteArray:
    """Return all pixels of a photo's file, uint8 (H, W, 3), rotated by degrees clockwise.

    Raises:
        PhotoError: the file is not a photo, or too large.
    """
    return decode_photo(data, name, max_pixels=MAX_PIXELS, rotate=rotation).rgb


def _keep_small(seen: Prediction) -> Prediction:
    """Return a prediction at the size of the screen: at full size it takes a lot of memory."""
    height, width = seen.l.shape
    l: FloatArray = shrink(seen.l, *fit_size(height, width, PREVIEW_PIXELS))
    return dataclasses.replace(seen, l=l)
