"""What an export takes beside photos: hints, palettes, vibrance, and how files are written."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from deepkoal.export.graph.assertions import demand_one_batch
from deepkoal.export.graph.file_encoding import check_format, encode_photo, encode_png
from deepkoal.export.graph.guidance_inputs import (
    check_detail,
    check_vibrance,
    read_palette,
    refuse_palette,
)
from deepkoal.export.graph.hint_inputs import read_marks, read_points
from deepkoal.export.graph.photo_batches import declare_inputs, map_photos
from deepkoal.export.signatures import ColorizerModule
from deepkoal.hints import HintArrays
from deepkoal.inference.prediction.core import PredictionCore


class GuidedModule(ColorizerModule):
    """As `ColorizerModule`, with all guidance that a graph can follow."""

    names = (*ColorizerModule.names, "colorize_guided", "colorize_full")

    @declare_inputs(
        photo_bytes=([None], tf.string),
        hint_points=([None, None, 2], tf.float32),
        hint_colors=([None, None], tf.string),
        palette=([None], tf.string),
        vibrance=([None], tf.float32),
    )
    def colorize_guided(
        self,
        photo_bytes: tf.Tensor,
        hint_points: tf.Tensor,
        hint_colors: tf.Tensor,
        palette: tf.Tensor,
        vibrance: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Color photo files as asked, see `Colorizer.colorize`.

        Args:
            photo_bytes: string (N,), JPEG or PNG files of any sizes.
            hint_points: float32 (N, K, 2), x and y of hints in pixels of the upright photo; K may
                be 0. A row of NaN, or any with an empty color, is no hint, so that photos with
                fewer share a batch.
            hint_colors: string (N, K), `#rrggbb` each, or empty.
            palette: string (N,), names of palettes that came with the library; empty for none.
            vibrance: float32 (N,), 0.2…5; 1 is neutral.

        Returns:
            `image_bytes`: string (N,), PNG files, 8-bit RGB.
        """
        options = {
            "hint_points": hint_points,
            "hint_colors": hint_colors,
            "palette": palette,
            "vibrance": vibrance,
        }
        with demand_one_batch(photo_bytes, list(options.items())):
            photo_bytes = tf.identity(photo_bytes)

        def color(parts: tuple[tf.Tensor, ...]) -> tf.Tensor:
            data, points, colors, palette, vibrance = parts
            photo = self._network.predict(self._check_palette(palette, data))
            hints = read_points(points, colors, tf.shape(photo.l))
            return encode_png(self._guide(photo, hints, palette, check_vibrance(vibrance)))

        return {"image_bytes": map_photos(color, (photo_bytes, *options.values()))}

    @declare_inputs(
        photo_bytes=([None], tf.string),
        hint_points=([None, None, 2], tf.float32),
        hint_marks=([None, None], tf.int32),
        hint_kinds=([None, None], tf.string),
        hint_colors=([None, None], tf.string),
        hint_relative=([None, None], tf.bool),
        palette=([None], tf.string),
        vibrance=([None], tf.float32),
        detail=([None], tf.int32),
        format=([None], tf.string),
        quality=([None], tf.int32),
    )
    def colorize_full(
        self,
        photo_bytes: tf.Tensor,
        hint_points: tf.Tensor,
        hint_marks: tf.Tensor,
        hint_kinds: tf.Tensor,
        hint_colors: tf.Tensor,
        hint_relative: tf.Tensor,
        palette: tf.Tensor,
        vibrance: tf.Tensor,
        detail: tf.Tensor,
        format: tf.Tensor,
        quality: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Color photo files with all that a graph can be asked for, see `Colorizer.colorize`.

        Photos with fewer points or hints than others of the batch have rows that are none.

        Args:
            photo_bytes: string (N,), JPEG or PNG files of any sizes.
            hint_points: float32 (N, K, 2), x and y of the points of all hints, in pixels of the
                upright photo; K may be 0.
            hint_marks: int32 (N, K), of which of the M hints each point is, from 0 up and not
                falling; −1 for no point.
            hint_kinds: string (N, M), `hint` for a point, `stroke` or `region`; empty for none.
            hint_colors: string (N, M), `#rrggbb`, `grey`, `own`, or `a,b` in CIE Lab units.
            hint_relative: bool (N, M), whether its points are shares of width and height, 0…1.
            palette: string (N,), as in `colorize_guided`.
            vibrance: float32 (N,), 0.2…5; 0 for that of the export.
            detail: int32 (N,), the working size in pixels; 0 for the network's own.
            format: string (N,), `png` or `jpeg`.
            quality: int32 (N,), 1…100, of JPEG.

        Returns:
            `image_bytes`: string (N,), files of that format, 8-bit RGB.
        """
        marks = {
            "hint_points": hint_points,
            "hint_marks": hint_marks,
            "hint_kinds": hint_kinds,
            "hint_colors": hint_colors,
            "hint_relative": hint_relative,
        }
        options = {
            "palette": palette,
            "vibrance": vibrance,
            "detail": detail,
            "format": format,
            "quality": quality,
        }
        with demand_one_batch(photo_bytes, list((marks | options).items())):
            photo_bytes = tf.identity(photo_bytes)

        def color(parts: Any) -> tf.Tensor:
            data, marks, (palette, vibrance, detail, format, quality) = parts
            is_jpeg = check_format(format, quality)
            photo = self._network.predict(self._check_palette(palette, data), check_detail(detail))
            hints = read_marks(tf.shape(photo.l), *marks)
            vibrance = check_vibrance(tf.where(vibrance == 0, self._vibrance, vibrance))
            return encode_photo(self._guide(photo, hints, palette, vibrance), is_jpeg, quality)

        inputs = photo_bytes, tuple(marks.values()), tuple(options.values())
        return {"image_bytes": map_photos(color, inputs)}

    def _check_palette(self, palette: tf.Tensor, photo_bytes: tf.Tensor) -> tf.Tensor:
        """Return a photo's bytes, where its palette can be had."""
        return photo_bytes if self._network.can_lead else refuse_palette(palette, photo_bytes)

    def _guide(
        self, photo: PredictionCore, hints: HintArrays, palette: tf.Tensor, vibrance: tf.Tensor
    ) -> tf.Tensor:
        """Return a photo as asked, uint8 (H, W, 3)."""
        shift = read_palette(palette) if self._network.can_lead else None
        return self._network.guide(photo, hints, vibrance, shift)
