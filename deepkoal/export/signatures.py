"""What an export can be asked for: each signature as a TensorFlow function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from deepkoal.export.graph.assertions import demand, demand_one_batch
from deepkoal.export.graph.full_size import render
from deepkoal.export.graph.guidance_inputs import (
    check_vibrance,
    read_hints,
    read_palette,
    refuse_palette,
)
from deepkoal.export.graph.network import Network
from deepkoal.guidance import compute_latents
from deepkoal.guidance.color_options import MOST_VARIATIONS
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction_core import PredictionCore
from deepkoal.models import NETWORK_STRIDE

PARALLEL_PHOTOS = 2
PNG_COMPRESSION = 1
"""zlib's level: 3 takes twice as long for files 6 % smaller."""


def _signature(**inputs: tuple[list[int | None], tf.DType]) -> Any:
    specs = [tf.TensorSpec(shape, dtype, name) for name, (shape, dtype) in inputs.items()]
    return tf.function(input_signature=specs, autograph=False)


class ColorizerModule(tf.Module):
    """All of a colorizer as TensorFlow functions and variables, to be saved or called.

    Args:
        network: what is traced; later changes to its weights show here, too.
        vibrance: 0.2…5, fixed in the functions that take none.
    """

    names: tuple[str, ...] = ("serving_default", "colorize_guided", "ab")

    def __init__(self, network: Network, vibrance: float) -> None:
        super().__init__(name="colorizer")
        # Bare variables, for a Keras model would be saved with all its own functions.
        self.network_variables = [variable.value for variable in network.model.variables]
        self._network = network
        self._vibrance = vibrance
        self._can_lead = "logits" in network.model.output and network.decoding.prior is not None

    def list_signatures(self) -> dict[str, Any]:
        """Return the functions by name."""
        return {name: getattr(self, name) for name in self.names}

    @_signature(photo_bytes=([None], tf.string))
    def serving_default(self, photo_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Color photo files.

        Args:
            photo_bytes: string (N,), JPEG or PNG files of any sizes; N may be 0.

        Returns:
            `image_bytes`: string (N,), PNG files, 8-bit RGB.
        """

        def color(data: tf.Tensor) -> tf.Tensor:
            photo = self._network.predict(data)
            ab = photo.decode(self._vibrance)
            return _encode(_render(photo, photo.fit_field(ab)))

        return {"image_bytes": _map_photos(color, photo_bytes)}

    @_signature(
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
            shift = read_palette(palette) if self._can_lead else None
            data = data if self._can_lead else refuse_palette(palette, data)
            photo = self._network.predict(data)
            hints = read_hints(points, colors, tf.shape(photo.l))
            ab = photo.decode(check_vibrance(vibrance), palette=shift)
            return _encode(_render(photo, photo.fit_field(ab, hints)))

        return {"image_bytes": _map_photos(color, (photo_bytes, *options.values()))}

    @_signature(l=([None, None, None, 1], tf.float32))
    def ab(self, l: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return chroma for lightness, at the size that the network is to see.

        Args:
            l: float32 (N, H, W, 1), lightness in 0…100; N is 1 or more, H and W multiples of 32.

        Returns:
            `ab`: float32 (N, h, w, 2), coarse chroma in CIE Lab units at vibrance 1, after
            `deepkoal.guidance.chroma_cleanup`; h and w are a quarter of H and W for koala-lite.
        """
        size = tf.shape(l)[1:3]
        message = f"l: expected height and width in multiples of {NETWORK_STRIDE}, got"
        with demand((size % NETWORK_STRIDE == 0) & (size > 0), message, size):
            l = tf.identity(l)
        return {"ab": self._network.decode_batch(l[..., 0])}


class VariedModule(ColorizerModule):
    """As `ColorizerModule`, for a network that predicts a distribution of colors."""

    names = (*ColorizerModule.names, "variations")

    @_signature(photo_bytes=([None], tf.string), count=([None], tf.int32), seed=([None], tf.int32))
    def variations(
        self, photo_bytes: tf.Tensor, count: tf.Tensor, seed: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Color photo files in several plausible ways, see `Colorizer.variations`.

        Args:
            photo_bytes: string (N,), JPEG or PNG files of any sizes; N is 1 or more.
            count: int32 (N,), 1…16, how many of each photo.
            seed: int32 (N,), from 0 up; the same photos come of a seed as in Python.

        Returns:
            `image_bytes`: string (N, largest count), PNG files, 8-bit RGB; of each photo first
            that of `serving_default`, then alternatives, most likely first. Rows of a smaller
            count end in empty strings.
        """
        with demand_one_batch(photo_bytes, [("count", count), ("seed", seed)]):
            photo_bytes = tf.identity(photo_bytes)
        message = f"count: expected 1 to {MOST_VARIATIONS}, got"
        with demand((count >= 1) & (count <= MOST_VARIATIONS), message, count):
            count = tf.identity(count)
        with demand(seed >= 0, "seed: expected numbers from 0 up, got", seed):
            seed = tf.identity(seed)
        depth = self._network.model.output["features"].shape[-1]
        kernel = self._network.decoding.kernel
        columns = tf.reduce_max(tf.concat([count, [0]], axis=0))

        def vary(parts: tuple[tf.Tensor, ...]) -> tf.Tensor:
            data, count, seed = parts
            photo = self._network.predict(data)
            latents = compute_latents(count, tf.cast(seed[None], tf.uint32), depth, kernel)
            varied = photo.decode(self._vibrance, variation=photo.sort_variations(latents))
            chromas = tf.concat([photo.decode(self._vibrance)[None], varied], axis=0)
            fields = photo.fit_field(chromas)
            files = _map_photos(lambda field: _encode(_render(photo, field)), fields)
            return tf.concat([files, tf.fill([columns - count], "")], axis=0)

        return {"image_bytes": _map_photos(vary, (photo_bytes, count, seed), [None])}


def build_module(colorizer: Colorizer, *, vibrance: float, max_pixels: int) -> ColorizerModule:
    """Build the module with all signatures that a colorizer's network can answer.

    Args:
        colorizer: the network and how it is read.
        vibrance: see `ColorizerModule`.
        max_pixels: limit to width × height of each photo.
    """
    model = colorizer.network
    network = Network(model, colorizer.working_sizes, colorizer.decoding, max_pixels)
    kind = VariedModule if "logits" in model.output else ColorizerModule
    return kind(network, vibrance)


def _render(photo: PredictionCore, field: tf.Tensor) -> tf.Tensor:
    """Return a photo, uint8 (H, W, 3), whose border, where it has one, is neutral."""
    inside = render(photo.inner_l, field)
    top, bottom, left, right = tf.unstack(photo.box)
    height, width = tf.unstack(tf.shape(photo.l))

    def frame() -> tf.Tensor:
        around = [[top, height - bottom], [left, width - right], [0, 0]]
        grey = render(photo.l, tf.zeros([1, 1, 4]))
        return tf.where(tf.pad(tf.ones_like(inside, tf.bool), around), tf.pad(inside, around), grey)

    return tf.cond(tf.reduce_all(tf.shape(inside)[:2] == [height, width]), lambda: inside, frame)


def _encode(rgb: tf.Tensor) -> tf.Tensor:
    return tf.io.encode_png(rgb, compression=PNG_COMPRESSION)


def _map_photos(
    function: Callable[[Any], tf.Tensor], inputs: Any, shape: list[int | None] | None = None
) -> tf.Tensor:
    """Return the strings that a function makes of each photo, (N, *shape)."""
    return tf.map_fn(
        function,
        inputs,
        fn_output_signature=tf.TensorSpec(shape or [], tf.string),
        parallel_iterations=PARALLEL_PHOTOS,
    )
