"""A network and a photo's way to it, in TensorFlow ops: what each signature of an export calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from deepkoal.export.graph.file_decoding import decode_photo
from deepkoal.export.graph.full_size import lightness
from deepkoal.export.graph.photo_batches import render_photo
from deepkoal.guidance import DecodingConfig, PaletteShift
from deepkoal.hints import HintArrays
from deepkoal.hints.arrays import HINT_SHAPES
from deepkoal.inference.prediction.core import PredictionCore
from deepkoal.inference.prediction.working_size import (
    find_stride,
    finish_merging,
    fit_working_size,
    name_color_output,
    prepare_merging,
    run_network,
)
from deepkoal.inference.scene import find_border
from deepkoal.rendering.resampling import resize

Outputs = dict[str, tf.Tensor]


class Network:
    """All of a colorizer that becomes part of a graph; every signature calls the same functions.

    Args:
        model: a Keras model, see `Colorizer.network`.
        working_sizes: likewise.
        decoding: likewise.
        max_pixels: limit to width × height of a photo.
    """

    def __init__(
        self, model: Any, working_sizes: Sequence[int], decoding: DecodingConfig, max_pixels: int
    ) -> None:
        self.model, self.decoding = model, decoding

        @tf.function(
            input_signature=[tf.TensorSpec([None, None, None], tf.float32)], autograph=False
        )
        def predict_all(l: tf.Tensor) -> Outputs:
            return run_network(
                lambda l_norm: model(l_norm, training=False), l, find_stride(model.name)
            )

        @tf.function(
            input_signature=[tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.int32)],
            autograph=False,
        )
        def predict_file(
            photo_bytes: tf.Tensor, detail: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, Outputs]:
            l = lightness(decode_photo(photo_bytes, max_pixels))
            border = find_border(l)
            inside = PredictionCore(l, {}, decoding, border).inner_l
            outputs = self._predict_sizes(inside, sorted(working_sizes, reverse=True), detail)
            return l, border, {name: output[0] for name, output in outputs.items()}

        self._predict_all, self._predict_file = predict_all, predict_file
        # Traced for the first signature, and called by the others: half of an export is tracing.
        self._decode = tf.function(self._decode_parts, autograph=False)
        self._guide = tf.function(
            self._guide_parts, input_signature=self._declare_guidance(), autograph=False
        )

    @property
    def can_lead(self) -> bool:
        """Whether palettes can lead the network."""
        return "logits" in self.model.output and self.decoding.prior is not None

    def _declare_guidance(self) -> list[Any]:
        """Return what `_guide_parts` is given: of any sizes, so that all signatures share it."""

        def declare(*shape: int | None) -> tf.TensorSpec:
            return tf.TensorSpec(shape, tf.float32)

        channels = {name: output.shape[-1] for name, output in self.model.output.items()}
        outputs = {name: declare(None, None, count) for name, count in channels.items()}
        hints = {name: declare(*shape) for name, shape in HINT_SHAPES.items()}
        seen = declare(None, None), declare(4), outputs
        shift = PaletteShift(declare(channels.get("logits")), declare(), declare())
        return [*seen, hints, declare(), *([shift] if self.can_lead else [])]

    def _predict_sizes(
        self, l: tf.Tensor, working_sizes: Sequence[int], detail: tf.Tensor
    ) -> Outputs:
        """Return the outputs, (1, h, w, C) each, of L (H, W), as `working_size.merge_outputs`.

        In a loop, for a server makes a plan of all that a graph holds as it loads: of the network,
        which is most of it, there is one copy.

        Args:
            l: float32 (H, W).
            working_sizes: the largest first.
            detail: int32 (), the one instead of these, or 0.
        """
        count = tf.where(detail > 0, 1, len(working_sizes))
        asked = tf.where(detail > 0, detail[None], list(working_sizes))[:count]
        sizes = fit_working_size(tf.shape(l), tf.cast(asked, tf.float64)[:, None])
        if len(working_sizes) == 1:
            return dict(self._predict_all(resize(l, *tf.unstack(sizes[0]))[None]))
        channels = {name: output.shape[-1] for name, output in self.model.output.items()}
        name = name_color_output(channels)

        def add(number: tf.Tensor, total: tf.Tensor, kept: Outputs) -> tuple[Any, ...]:
            outputs = self._predict_all(resize(l, *tf.unstack(sizes[number]))[None])
            color = outputs.pop(name)
            grid = tf.unstack(tf.shape(total)[1:3])
            total, found = tf.cond(
                number == 0,  # the largest, whose place is the merged one's
                lambda: (prepare_merging(color, name), outputs),
                lambda: (total + prepare_merging(color, name, grid), kept),
            )
            return number + 1, total, found

        start = {key: tf.zeros([1, 0, 0, count]) for key, count in channels.items() if key != name}
        _, total, kept = tf.while_loop(
            lambda number, *_: number < count,
            add,
            (0, tf.zeros([1, 1, 1, channels[name]]), start),
            (
                tf.TensorShape([]),
                tf.TensorShape([None, None, None, channels[name]]),
                {
                    key: tf.TensorShape([None, None, None, value.shape[-1]])
                    for key, value in start.items()
                },
            ),
        )
        return {**kept, name: finish_merging(total, name, tf.cast(count, tf.float32))}

    def predict(self, photo_bytes: tf.Tensor, detail: tf.Tensor | int = 0) -> PredictionCore:
        """Return what the network predicts of a photo file.

        Args:
            photo_bytes: string ().
            detail: int32 (), the working size in pixels, or 0 for the network's own.
        """
        l, border, outputs = self._predict_file(photo_bytes, tf.convert_to_tensor(detail))
        return PredictionCore(l, outputs, self.decoding, border)

    def decode(self, photo: PredictionCore, vibrance: float) -> tf.Tensor:
        """Return a photo's coarse chroma, see `PredictionCore.decode`."""
        ab: tf.Tensor = self._decode(photo.l, photo.border, dict(photo.outputs), vibrance)
        return ab

    def _decode_parts(
        self, l: tf.Tensor, border: tf.Tensor, outputs: Outputs, vibrance: float
    ) -> tf.Tensor:
        return PredictionCore(l, outputs, self.decoding, border).decode(vibrance)

    def guide(
        self,
        photo: PredictionCore,
        hints: HintArrays,
        vibrance: tf.Tensor,
        palette: PaletteShift | None,
    ) -> tf.Tensor:
        """Return a photo as asked, uint8 (H, W, 3); with a palette exactly where it `can_lead`."""
        seen = photo.l, photo.border, dict(photo.outputs)
        led = () if palette is None else (palette,)
        rgb: tf.Tensor = self._guide(*seen, vars(hints), vibrance, *led)
        return rgb

    def _guide_parts(
        self,
        l: tf.Tensor,
        border: tf.Tensor,
        outputs: Outputs,
        hints: dict[str, tf.Tensor],
        vibrance: tf.Tensor,
        palette: PaletteShift | None = None,
    ) -> tf.Tensor:
        photo = PredictionCore(l, outputs, self.decoding, border)
        ab = photo.decode(vibrance, palette=palette)
        return render_photo(photo, photo.fit_field(ab, HintArrays(**hints)))

    def decode_batch(self, l: tf.Tensor) -> tf.Tensor:
        """Return the chroma of photos that need no resizing, at vibrance 1.

        Args:
            l: float32 (N, H, W), lightness in 0…100; H and W multiples of 32.

        Returns:
            float32 (N, h, w, 2), coarse ab in CIE Lab units.
        """

        def decode(photo: tuple[tf.Tensor, Outputs]) -> tf.Tensor:
            return PredictionCore(photo[0], photo[1], self.decoding).decode()

        shape = tf.TensorSpec([None, None, 2], tf.float32)
        return tf.map_fn(decode, (l, self._predict_all(l)), fn_output_signature=shape)
