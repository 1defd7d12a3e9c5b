"""Networks on Keras, whatever its backend: the backend that trains, and that takes any network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deepkoal.inference.backends.base import FloatArray

if TYPE_CHECKING:
    import keras


class KerasBackend:
    """Runs a Keras network.

    Args:
        network: see `deepkoal.models`.
    """

    kind = "keras"

    def __init__(self, network: keras.Model) -> None:
        self.network = network

    @property
    def name(self) -> str:
        """The network's name."""
        return str(self.network.name)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the network's outputs."""
        return tuple(self.network.output)

    def predict(self, l_norm: FloatArray) -> dict[str, FloatArray]:
        """Run the network, see `Backend.predict`."""
        outputs = self.network.predict_on_batch(l_norm)
        return {name: np.asarray(output, dtype=np.float32) for name, output in outputs.items()}
