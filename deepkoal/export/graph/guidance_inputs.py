"""A caller's wishes, as they come in a request: hints, palettes and vibrance in TensorFlow ops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from deepkoal.color import rgb_to_lab
from deepkoal.export.graph.assertions import demand, make_printable
from deepkoal.guidance import VIBRANCE_RANGE, list_palettes, shift_prior


@dataclass(frozen=True, eq=False)
class Hints:
    """Colors for K places of a photo.

    Attributes:
        points: float32 (K, 2), x and y in pixels, inside the photo.
        ab: float32 (K, 2), in CIE Lab units.
    """

    points: tf.Tensor
    ab: tf.Tensor


def read_hints(points: tf.Tensor, colors: tf.Tensor, size: tf.Tensor) -> Hints:
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
        return Hints(tf.identity(points), read_colors(colors))


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


def lead(logits: tf.Tensor, palette: tf.Tensor, prior: np.ndarray) -> tf.Tensor:
    """Lead a distribution toward a palette that came with the library.

    Args:
        logits: float32 (..., Q).
        palette: string (), its name; empty for none.
        prior: float32 (Q,), see `guidance.DecodingConfig`.

    Returns:
        float32 (..., Q); without a palette the very logits.

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, where there is none of that name.
    """
    palettes = list_palettes()
    names = [found.name for found in palettes]
    message = f"palette: expected an empty text or one of {', '.join(names)}, got"
    is_named = tf.constant(["", *names]) == palette
    with demand(tf.reduce_any(is_named), message, make_printable(palette)):
        index = tf.argmax(tf.cast(is_named, tf.int32))
    probabilities = np.stack([prior, *(found.probabilities for found in palettes)])
    strengths = np.array([0, *(found.strength for found in palettes)], np.float32)
    smoothings = np.array([1, *(found.smoothing for found in palettes)], np.float32)
    chosen = (tf.gather(table, index) for table in (probabilities, strengths, smoothings))
    share, strength, smoothing = chosen
    return shift_prior(logits, share, tf.constant(prior), strength, smoothing)


def refuse_palette(logits: tf.Tensor, palette: tf.Tensor) -> tf.Tensor:
    """Return the network's output as it is, where there is nothing a palette could lead.

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, where one is asked for.
    """
    message = (
        "palette: expected an empty text, for this network tells no distribution of colors with "
        "their frequencies in training, got"
    )
    with demand(palette == "", message, make_printable(palette)):
        return tf.identity(logits)


def check_vibrance(vibrance: tf.Tensor) -> tf.Tensor:
    """Return the vibrance, float32 ().

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, where it is out of range.
    """
    low, high = VIBRANCE_RANGE
    message = f"vibrance: expected {low:g} to {high:g} (1 is neutral), got"
    with demand((low <= vibrance) & (vibrance <= high), message, vibrance):
        return tf.identity(vibrance)
