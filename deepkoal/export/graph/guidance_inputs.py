"""What a request asks for, validated and turned into what `PredictionCore` takes."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from deepkoal.color import rgb_to_lab
from deepkoal.export.graph.assertions import demand, make_printable
from deepkoal.guidance import VIBRANCE_RANGE, HintArrays, PaletteShift, list_palettes


def read_hints(points: tf.Tensor, colors: tf.Tensor, size: tf.Tensor) -> HintArrays:
    """Read the hints for one photo.

    Args:
        points: float32 (K, 2), x and y in pixels. A row of NaN is no hint.
        colors: string (K,), `#rrggbb` each. An empty one is no hint.
        size: int32 (2,), the photo's height and width.

    Returns:
        The hints, in order, without the rows that are none.

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, where a hint lies outside the photo, is
            no color, or there are more points than colors or fewer.
    """
    counts = [tf.shape(points)[0], tf.shape(colors)[0]]
    message = "expected as many hint_points as hint_colors, got this many"
    with demand(counts[0] == counts[1], message, *counts):
        is_padding = tf.reduce_all(tf.math.is_nan(points), axis=-1) | (colors == "")
    points, colors = (tf.boolean_mask(x, ~is_padding) for x in (points, colors))
    is_inside = (points >= 0) & (points < tf.cast(size[::-1], tf.float32))
    message = (
        "hint_points: expected x and y inside the photo, counted in pixels from its upper left "
        "corner, got these points on a photo of this width and height"
    )
    outside = tf.boolean_mask(points, ~tf.reduce_all(is_inside, axis=-1))
    with demand(is_inside, message, outside, size[::-1]):
        ab = read_colors(colors)
    own = tf.zeros(tf.shape(ab)[:1])
    none = tf.zeros([0])
    return HintArrays(
        tf.identity(points),
        ab,
        own,
        own + 1,
        edges=none[:, None] + tf.zeros([4]),
        sides=tf.zeros([0, 0]),
        region_ab=tf.zeros([0, 2]),
        region_own=none,
    )


def read_colors(colors: tf.Tensor) -> tf.Tensor:
    """Read colors, string (K,), `#rrggbb` each, as float32 (K, 2), ab in CIE Lab units.

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, where one is none.
    """
    is_color = tf.strings.regex_full_match(colors, "#[0-9a-fA-F]{6}")
    message = "hint_colors: expected colors as #rrggbb, or empty texts for no hint, got"
    wrong = make_printable(tf.boolean_mask(colors, ~is_color))
    with demand(is_color, message, wrong):
        digits = tf.io.decode_raw(tf.strings.lower(colors), tf.uint8, fixed_length=8)[:, 1:7]
    digits = tf.cast(digits, tf.int32)
    digits = digits - tf.where(digits >= ord("a"), ord("a") - 10, ord("0"))
    rgb = tf.reduce_sum(tf.reshape(digits, [-1, 3, 2]) * [16, 1], axis=-1)
    return rgb_to_lab(tf.cast(rgb, tf.float32) / 255)[:, 1:]


def read_palette(palette: tf.Tensor) -> PaletteShift:
    """Look up a palette that came with the library.

    Args:
        palette: string (), its name; empty for none, which is a palette of strength 0.

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, where there is none of that name.
    """
    palettes = list_palettes()
    names = [found.name for found in palettes]
    message = f"palette: expected an empty text or one of {', '.join(names)}, got"
    is_named = tf.constant(["", *names]) == palette
    with demand(tf.reduce_any(is_named), message, make_printable(palette)):
        index = tf.argmax(tf.cast(is_named, tf.int32))
    none = PaletteShift(np.zeros_like(palettes[0].probabilities), 0.0, 1.0)
    columns = zip(none, *(found.shift for found in palettes), strict=True)
    return PaletteShift(*(tf.gather(np.array(column, np.float32), index) for column in columns))


def refuse_palette(palette: tf.Tensor, photo_bytes: tf.Tensor) -> tf.Tensor:
    """Return a photo's bytes as they are, for a network that no palette could lead.

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, where one is asked for.
    """
    message = (
        "palette: expected an empty text, for this network predicts no distribution of colors with "
        "their frequencies in training, got"
    )
    with demand(palette == "", message, make_printable(palette)):
        return tf.identity(photo_bytes)


def check_vibrance(vibrance: tf.Tensor) -> tf.Tensor:
    """Return the vibrance, float32 ().

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, where it is out of range.
    """
    low, high = VIBRANCE_RANGE
    message = f"vibrance: expected {low:g} to {high:g} (1 is neutral), got"
    with demand((low <= vibrance) & (vibrance <= high), message, vibrance):
        return tf.identity(vibrance)
