"""The hints of a request, validated and turned into what `PredictionCore` takes."""

from __future__ import annotations

from dataclasses import replace

import tensorflow as tf

from deepkoal.color import rgb_to_lab
from deepkoal.export.graph.assertions import demand, make_printable
from deepkoal.hints import HintArrays, HintLayout, arrange_hints
from deepkoal.hints.bounds import LEAST_AREA, measure_areas, meets
from deepkoal.hints.kinds import OWN
from deepkoal.hints.layout import BELOW_ONE, KINDS
from deepkoal.hints.values import AB_LIMIT

MOST_POINTS = 500
"""Of all strokes and regions of a photo: what a stroke costs grows with the cube of its points."""

_NUMBER = r"[-+]?[0-9]+(\.[0-9]*)?(e[-+]?[0-9]+)?"
_POINT, _, _REGION = range(len(KINDS))


def read_points(points: tf.Tensor, colors: tf.Tensor, size: tf.Tensor) -> HintArrays:
    """Read hints that are points.

    Args:
        points: float32 (K, 2), x and y in pixels. A row of NaN is no hint.
        colors: string (K,), see `read_colors`. An empty one is no hint.
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
    count = tf.shape(points)[0]
    return _arrange(points, tf.range(count), tf.fill([count], _POINT), colors, size)


def read_marks(
    size: tf.Tensor,
    points: tf.Tensor,
    marks: tf.Tensor,
    kinds: tf.Tensor,
    colors: tf.Tensor,
    relative: tf.Tensor,
) -> HintArrays:
    """Read hints of all kinds, M marks of K points together.

    Args:
        size: int32 (2,), the photo's height and width.
        points: float32 (K, 2), x and y in pixels, or in shares of the photo's width and height.
        marks: int32 (K,), which mark each is of, from 0 up, not falling; −1 for no point.
        kinds: string (M,), `hint`, `stroke` or `region`. An empty one is no hint.
        colors: string (M,), see `read_colors`; of what is no hint empty or not.
        relative: bool (M,), whether its points are shares.

    Returns:
        The hints, in order.

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, where a hint is none of a kind, no
            color, has too few points or too many, or lies outside the photo.
    """
    counts = [tf.shape(each)[0] for each in (points, marks, kinds, colors, relative)]
    message = (
        "expected as many hint_points as hint_marks, and as many hint_kinds as hint_colors and "
        "hint_relative, got this many"
    )
    is_right = (counts[0] == counts[1]) & (counts[2] == counts[3]) & (counts[3] == counts[4])
    with demand(is_right, message, *counts):
        given = marks >= 0
    points, marks = tf.boolean_mask(points, given), tf.boolean_mask(marks, given)
    is_sorted = tf.reduce_all(marks[1:] >= marks[:-1]) & tf.reduce_all(marks < counts[2])
    message = "hint_marks: expected numbers of hint_kinds that do not fall, or -1, got"
    with demand(is_sorted, message, marks):
        marks = tf.identity(marks)  # so that nothing looks anything up by a wrong one before
        known = kinds[:, None] == tf.constant(KINDS)
    message = f"hint_kinds: expected {', '.join(KINDS)} or empty texts for no hint, got"
    is_known = tf.reduce_any(known, axis=-1)
    is_none = kinds == ""
    with demand(is_known | is_none, message, make_printable(kinds)):
        numbers = tf.argmax(known, axis=-1, output_type=tf.int32)
    message = f"hint_points: expected at most {MOST_POINTS} for all hints of a photo, got this many"
    with demand(tf.shape(points)[0] <= MOST_POINTS, message, tf.shape(points)[0]):
        of_each = tf.math.bincount(marks, minlength=counts[2], maxlength=counts[2])
    message = "hint_points: expected 1 for a hint, 1 or more for a stroke, 3 for a region, got"
    fits = (of_each >= tf.gather([1, 1, 3], numbers)) & ((numbers != _POINT) | (of_each == 1))
    with demand(fits | is_none, message, of_each):
        shares = tf.gather(relative, marks)
    message = "hint_points: expected relative ones in 0 to 1, got"
    is_share = ~shares | tf.reduce_all((points >= 0) & (points <= 1), axis=-1)
    with demand(is_share, message, tf.boolean_mask(points, ~is_share)):
        sides = tf.cast(size[::-1], tf.float32)
    # The far edge, 1, is the last pixel's.
    placed = tf.minimum(points * sides, sides * BELOW_ONE)
    points = tf.where(shares[:, None], placed, points)
    kept = tf.boolean_mask(tf.range(counts[2]), ~is_none)
    is_kept = tf.gather(~is_none, marks)
    renumbered = tf.gather(tf.cumsum(tf.cast(~is_none, tf.int32)) - 1, marks)
    return _arrange(
        tf.boolean_mask(points, is_kept),
        tf.boolean_mask(renumbered, is_kept),
        tf.gather(numbers, kept),
        tf.gather(colors, kept),
        size,
    )


def read_colors(colors: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Read colors as ab, float32 (M, 2), in CIE Lab units, and which are `own`, float32 (M,).

    Args:
        colors: string (M,), `#rrggbb`, `grey`, `own`, or `a,b` in CIE Lab units.

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, where one is none.
    """
    own = colors == OWN
    is_pair = tf.strings.regex_full_match(colors, f"{_NUMBER},{_NUMBER}")
    pairs = tf.where(is_pair, colors, "0,0")
    parts = [tf.strings.regex_replace(pairs, cut, "") for cut in (",.*", ".*,")]
    pair = tf.stack([tf.strings.to_number(part) for part in parts], axis=-1)
    hexadecimal = tf.where(own | is_pair | (colors == "grey"), "#808080", colors)
    is_color = tf.strings.regex_full_match(hexadecimal, "#[0-9a-fA-F]{6}")
    is_color &= tf.reduce_all(tf.abs(pair) <= AB_LIMIT, axis=-1)
    message = (
        "hint_colors: expected colors as #rrggbb, grey, own or a,b up to 128, or empty texts for "
        "no hint, got"
    )
    wrong = make_printable(tf.boolean_mask(colors, ~is_color))
    with demand(is_color, message, wrong):
        digits = tf.io.decode_raw(tf.strings.lower(hexadecimal), tf.uint8, fixed_length=8)[:, 1:7]
    digits = tf.cast(digits, tf.int32)
    digits = digits - tf.where(digits >= ord("a"), ord("a") - 10, ord("0"))
    rgb = tf.reduce_sum(tf.reshape(digits, [-1, 3, 2]) * [16, 1], axis=-1)
    ab = rgb_to_lab(tf.cast(rgb, tf.float32) / 255)[:, 1:]
    return tf.where(is_pair[:, None], pair, ab), tf.cast(own, tf.float32)


def _arrange(
    points: tf.Tensor, marks: tf.Tensor, kinds: tf.Tensor, colors: tf.Tensor, size: tf.Tensor
) -> HintArrays:
    """Return hints that have to lie on their photo: outlines may reach over its edges."""
    last = tf.cast(size[::-1], tf.float32) * BELOW_ONE
    is_number = tf.reduce_all(tf.math.is_finite(points), axis=-1)
    goes_on = tf.concat([marks[1:] == marks[:-1], tf.zeros_like(marks[:1], bool)], axis=0)
    following = tf.where(goes_on[:, None], tf.roll(points, -1, axis=0), points)
    lies = tf.cast(meets(points, following, last), tf.int32)
    is_region = kinds == _REGION
    on_photo = is_region | (tf.math.unsorted_segment_max(lies, marks, tf.shape(kinds)[0]) > 0)
    is_right = is_number & tf.gather(on_photo, marks)
    message = (
        "hint_points: expected x and y inside the photo, counted in pixels from its upper left "
        "corner, got these points on a photo of this width and height"
    )
    with demand(is_right, message, tf.boolean_mask(points, ~is_right), size[::-1]):
        ab, own = read_colors(colors)
    layout = HintLayout(tf.identity(points), marks, kinds, ab, own)
    hints = arrange_hints(layout, tf.unstack(size))
    message = "hint_points: expected regions that hold a pixel of the photo, got these areas"
    areas = [measure_areas(hints.edges, hints.sides, end) for end in (None, last)]
    smallest = tf.minimum(*areas)
    with demand(smallest >= LEAST_AREA, message, smallest):
        return replace(hints, edges=tf.identity(hints.edges))
