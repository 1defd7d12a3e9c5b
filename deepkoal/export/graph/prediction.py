"""A photo that a network has seen, and the readings of it, in TensorFlow ops.

Each step repeats one of `prepared.Prediction`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from deepkoal.export.graph.coloring import (
    fit_chroma,
    fit_working_size,
    lightness,
    predict,
    render,
    resize_for_network,
)
from deepkoal.export.graph.file_decoding import decode_photo
from deepkoal.export.graph.guidance_inputs import Hints, lead, refuse_palette
from deepkoal.guidance import (
    AffinityPoints,
    DecodingConfig,
    VariationLatents,
    decode_outputs,
    draw_variations,
    make_affinity_points,
    spread,
    uncertainty,
)
from deepkoal.guidance.chroma_cleanup import cleanup
from deepkoal.rendering.upsampling import bend_chroma

Outputs = dict[str, tf.Tensor]


class Network:
    """All of a colorizer that becomes part of a graph; every signature calls the same functions.

    Args:
        model: a Keras model, see `Colorizer.network`.
        working_size: likewise.
        decoding: likewise.
        max_pixels: limit to width × height of a photo.
    """

    def __init__(
        self, model: Any, working_size: int, decoding: DecodingConfig, max_pixels: int
    ) -> None:
        self.model, self.decoding = model, decoding

        @tf.function(
            input_signature=[tf.TensorSpec([None, None, None, 1], tf.float32)], autograph=False
        )
        def predict_all(l: tf.Tensor) -> Outputs:
            return predict(model, l)

        @tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
        def see(photo_bytes: tf.Tensor) -> tuple[tf.Tensor, Outputs]:
            l = lightness(decode_photo(photo_bytes, max_pixels))
            size = tf.unstack(fit_working_size(tf.shape(l), working_size))
            outputs = predict_all(resize_for_network(l[None, ..., None], *size))
            return l, {name: output[0] for name, output in outputs.items()}

        self.predict, self._see = predict_all, see

    def open(self, photo_bytes: tf.Tensor) -> GraphPrediction:
        """Show a photo file, string (), to the network."""
        l, outputs = self._see(photo_bytes)
        return GraphPrediction(l, outputs, self.decoding)


@dataclass(frozen=True, eq=False)
class GraphPrediction:
    """A photo that the network has seen, see `prepared.Prediction`.

    Attributes:
        l: float32 (H, W), its lightness in 0…100.
        outputs: the network's, float32 (h, w, C) each.
        decoding: the constants of the network's readings.
    """

    l: tf.Tensor
    outputs: Outputs
    decoding: DecodingConfig

    @property
    def points(self) -> AffinityPoints:
        """The places of the features."""
        features = self.outputs["features"]
        return make_affinity_points(features, self._shrink_l(features))

    def read_ab(
        self,
        vibrance: tf.Tensor | float,
        *,
        palette: tf.Tensor | None = None,
        hints: Hints | None = None,
    ) -> tf.Tensor:
        """Return the coarse chroma, float32 (h, w, 2).

        Args:
            vibrance: float32 (), 0.2…5.
            palette: string (), the name of one, or empty.
            hints: what users ask for.
        """
        outputs = self.outputs if palette is None else self._lead(palette)
        ab = decode_outputs(outputs, self.decoding, vibrance)
        if "logits" in outputs:
            ab = self._clean_up(ab, outputs["logits"])
        return ab if hints is None else self._spread(ab, hints)

    def read_variations(self, latents: VariationLatents, vibrance: float) -> tf.Tensor:
        """Return float32 (n + 1, h, w, 2): the automatic colors, then n others, likeliest first."""
        logits = self.outputs["logits"]
        gain = self.decoding.gain * vibrance
        looks = draw_variations(logits, self.points, latents, self.decoding.temperature, gain)
        return tf.map_fn(lambda ab: self._clean_up(ab, logits), looks)

    def render(self, ab: tf.Tensor, hints: Hints | None = None) -> tf.Tensor:
        """Return the photo, uint8 (H, W, 3), with coarse chroma, float32 (h, w, 2)."""
        field = fit_chroma(self.l[None, ..., None], ab[None])
        if hints is not None:
            field = self._bend(field[0], hints)[None]
        return render(self.l, field)

    def _shrink_l(self, like: tf.Tensor) -> tf.Tensor:
        size = tf.unstack(tf.shape(like)[:2])
        return resize_for_network(self.l[None, ..., None], *size)[0, ..., 0]

    def _lead(self, palette: tf.Tensor) -> Outputs:
        prior = self.decoding.prior
        if "logits" in self.outputs and prior is not None:
            return {**self.outputs, "logits": lead(self.outputs["logits"], palette, prior)}
        return {name: refuse_palette(output, palette) for name, output in self.outputs.items()}

    def _clean_up(self, ab: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return cleanup(ab, self.outputs["features"], self._shrink_l(ab), uncertainty(logits))

    def _spread(self, ab: tf.Tensor, hints: Hints) -> tf.Tensor:
        """Return ab (h, w, 2) with what hints ask for."""
        grid = tf.shape(self.outputs["features"])[:2]
        cells, points = self._find_cells(hints, grid), self.points
        before = tf.reshape(resize_for_network(ab[None], *tf.unstack(grid)), [-1, 2])
        residuals = hints.ab - tf.gather(before, cells)
        change = spread(points, points.take(cells), residuals, self.decoding.kernel)
        change = tf.reshape(change, [1, *tf.unstack(grid), 2])
        return ab + resize_for_network(change, *tf.unstack(tf.shape(ab)[:2]))[0]

    def _find_cells(self, hints: Hints, grid: tf.Tensor) -> tf.Tensor:
        """As `guidance.find_cell`: int32 (K,), indices of the hints' places."""
        scale = tf.cast(grid, tf.float64) / tf.cast(tf.shape(self.l), tf.float64)
        cells = tf.cast(tf.cast(hints.points[:, ::-1], tf.float64) * scale, tf.int32)
        row, column = tf.unstack(tf.minimum(cells, grid - 1), axis=-1)
        return row * grid[1] + column

    def _bend(self, field: tf.Tensor, hints: Hints) -> tf.Tensor:
        """As `upsample.touch_chroma`, for each hint: float32 (h, w, 4) to the same."""
        size = tf.cast(tf.shape(self.l), tf.float32)

        def bend(field: tf.Tensor, hint: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            pixel = tf.cast(hint[0][::-1], tf.int32)
            place = tf.unstack((tf.cast(pixel, tf.float32) + 0.5) / size)
            return bend_chroma(field, place, tf.gather_nd(self.l, pixel), hint[1])

        return tf.foldl(bend, (hints.points, hints.ab), initializer=field)


def read_batch(network: Network, l: tf.Tensor) -> tf.Tensor:
    """Read the chroma of photos that need no resizing, as `GraphPrediction.read_ab` at vibrance 1.

    Args:
        network: see `Network`.
        l: float32 (N, H, W, 1), lightness in 0…100; H and W multiples of 32.

    Returns:
        float32 (N, h, w, 2), coarse ab in CIE Lab units.
    """
    outputs = network.predict(l)

    def read(photo: tuple[tf.Tensor, Outputs]) -> tf.Tensor:
        return GraphPrediction(photo[0], photo[1], network.decoding).read_ab(1.0)

    shape = tf.TensorSpec([None, None, 2], tf.float32)
    return tf.map_fn(read, (l[..., 0], outputs), fn_output_signature=shape)
