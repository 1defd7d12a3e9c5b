"""What an export of any network can be asked for: signatures as TensorFlow functions."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from deepkoal.export.graph.assertions import demand
from deepkoal.export.graph.file_encoding import encode_png
from deepkoal.export.graph.network import Network
from deepkoal.export.graph.photo_batches import declare_inputs, map_photos, render_photo
from deepkoal.models import NETWORK_STRIDE


class ColorizerModule(tf.Module):
    """A colorizer as TensorFlow functions and variables, to be saved or called.

    Args:
        network: what is traced; later changes to its weights show here, too.
        vibrance: 0.2…5, fixed in the functions that take none.
    """

    names: tuple[str, ...] = ("serving_default", "ab")

    def __init__(self, network: Network, vibrance: float) -> None:
        super().__init__(name="colorizer")
        # Bare variables, for a Keras model would be saved with all its own functions.
        self.network_variables = [variable.value for variable in network.model.variables]
        self._network = network
        self._vibrance = vibrance

    def list_signatures(self) -> dict[str, Any]:
        """Return the functions by name."""
        return {name: getattr(self, name) for name in self.names}

    @declare_inputs(photo_bytes=([None], tf.string))
    def serving_default(self, photo_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Color photo files.

        Args:
            photo_bytes: string (N,), JPEG or PNG files of any sizes; N may be 0.

        Returns:
            `image_bytes`: string (N,), PNG files, 8-bit RGB.
        """

        def color(data: tf.Tensor) -> tf.Tensor:
            photo = self._network.predict(data)
            ab = self._network.decode(photo, self._vibrance)
            return encode_png(render_photo(photo, photo.fit_field(ab)))

        return {"image_bytes": map_photos(color, photo_bytes)}

    @declare_inputs(l=([None, None, None, 1], tf.float32))
    def ab(self, l: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return chroma for lightness, at the size that the network is to see.

        Args:
            l: float32 (N, H, W, 1), lightness in 0…100; N is 1 or more, H and W multiples of 32.

        Returns:
            `ab`: float32 (N, h, w, 2), coarse chroma in CIE Lab units at vibrance 1, after
            `deepkoal.chroma_cleanup`; h and w are a quarter of H and W for koala-lite.
        """
        size = tf.shape(l)[1:3]
        message = f"l: expected height and width in multiples of {NETWORK_STRIDE}, got"
        with demand((size % NETWORK_STRIDE == 0) & (size > 0), message, size):
            l = tf.identity(l)
        return {"ab": self._network.decode_batch(l[..., 0])}
