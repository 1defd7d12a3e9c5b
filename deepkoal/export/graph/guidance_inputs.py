"""What a request asks for, validated and turned into what `PredictionCore` takes."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from deepkoal.export.graph.assertions import demand, make_printable
from deepkoal.guidance import VIBRANCE_RANGE, PaletteShift, list_palettes
from deepkoal.inference.prediction.working_size import DETAIL_RANGE


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


def check_detail(detail: tf.Tensor) -> tf.Tensor:
    """Return the working size, int32 (), or 0 for the network's own.

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, where it is out of range.
    """
    low, high = DETAIL_RANGE
    message = f"detail: expected {low} to {high} pixels, or 0 for the network's own, got"
    with demand((detail == 0) | ((low <= detail) & (detail <= high)), message, detail):
        return tf.identity(detail)
