"""What an export of a network that predicts a distribution can be asked for as well."""

from __future__ import annotations

import tensorflow as tf

from deepkoal.export.folding import fold_normalization
from deepkoal.export.graph.assertions import demand, demand_one_batch
from deepkoal.export.graph.file_encoding import encode_png
from deepkoal.export.graph.network import Network
from deepkoal.export.graph.photo_batches import declare_inputs, map_photos, render_photo
from deepkoal.export.guided_signatures import GuidedModule
from deepkoal.guidance import compute_latents
from deepkoal.guidance.variation_latents import MOST_VARIATIONS
from deepkoal.inference.colorizer import Colorizer


class VariedModule(GuidedModule):
    """As `GuidedModule`, for a network that predicts a distribution of colors."""

    names = (*GuidedModule.names, "variations")

    @declare_inputs(
        photo_bytes=([None], tf.string), count=([None], tf.int32), seed=([None], tf.int32)
    )
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
            chromas = tf.concat([self._network.decode(photo, self._vibrance)[None], varied], axis=0)
            fields = photo.fit_field(chromas)
            files = map_photos(lambda field: encode_png(render_photo(photo, field)), fields)
            return tf.concat([files, tf.fill([columns - count], "")], axis=0)

        return {"image_bytes": map_photos(vary, (photo_bytes, count, seed), [None])}


def build_module(colorizer: Colorizer, *, vibrance: float, max_pixels: int) -> GuidedModule:
    """Build the module with all signatures that a colorizer's network can answer.

    Args:
        colorizer: the network and how it is read.
        vibrance: see `ColorizerModule`.
        max_pixels: limit to width × height of each photo.
    """
    model = fold_normalization(colorizer.network)
    network = Network(model, colorizer.working_sizes, colorizer.decoding, max_pixels)
    kind = VariedModule if "logits" in model.output else GuidedModule
    return kind(network, vibrance)
