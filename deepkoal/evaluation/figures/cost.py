"""What a network costs: parameters, multiply-adds, seconds."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from deepkoal.arrays import ByteArray
from deepkoal.evaluation.photos import SIZE, Bench
from deepkoal.evaluation.scorecard import Figure, Line
from deepkoal.inference.backends import KerasBackend
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction.working_size import find_stride, fit_working_size

_TIMED = 16
_COUNTED = (
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.DepthwiseConv2D,
    keras.layers.Dense,
)


@dataclass(frozen=True)
class Cost(Figure):
    """What a network costs.

    Attributes:
        backend: that ran the network.
        parameters: of the network, trained or not; None where the backend is not Keras.
        multiply_adds: of one pass over a 256×256 input; likewise.
        working_multiply_adds: of all passes at the sizes at which the network sees a square photo;
            likewise.
        working_sizes: these sizes, sides in pixels.
        seconds_per_photo: median of network and rendering, a photo of 256×256 at a time.
    """

    backend: str
    parameters: int | None
    multiply_adds: int | None
    working_multiply_adds: int | None
    working_sizes: tuple[int, ...]
    seconds_per_photo: float

    def lines(self) -> Sequence[Line]:
        """Return a line for each."""
        sides = " and ".join(map(str, self.working_sizes))
        counts = [
            ("parameters", self.parameters, 1e6, "M"),
            (f"multiply-adds at {SIZE}×{SIZE}", self.multiply_adds, 1e9, "G"),
            (
                f"multiply-adds at the working size, {sides}",
                self.working_multiply_adds,
                1e9,
                "G",
            ),
        ]
        known = [
            Line(name, f"{count / unit:.2f} {letter}")
            for name, count, unit, letter in counts
            if count is not None
        ]
        seconds = f"seconds a photo of {SIZE}×{SIZE}, on {self.backend}"
        return [*known, Line(seconds, f"{self.seconds_per_photo:.3f} s")]


def measure_cost(bench: Bench) -> Cost:
    """Count the network's parameters and multiply-adds, and time it with nothing else running."""
    backend = bench.colorizer.backend
    network = backend.network if isinstance(backend, KerasBackend) else None
    square = np.array([SIZE, SIZE])
    working = [fit_working_size(square, size).tolist() for size in bench.colorizer.working_sizes]
    stride = find_stride(backend.name)  # photos are padded to it
    padded = [[side + -side % stride for side in size] for size in working]
    return Cost(
        backend=backend.kind,
        parameters=None if network is None else network.count_params(),
        multiply_adds=None if network is None else count_multiply_adds(network, SIZE, SIZE),
        working_multiply_adds=(
            None if network is None else sum(count_multiply_adds(network, *size) for size in padded)
        ),
        working_sizes=tuple(side for side, _ in working),
        seconds_per_photo=_time(
            bench.colorizer, [photo.truth for photo in bench.photos.photos[:_TIMED]]
        ),
    )


def count_multiply_adds(network: keras.Model, height: int, width: int) -> int:
    """Count the multiplications of convolutions and dense layers, each followed by an addition.

    Biases, normalization (which folds into convolutions), activations and resizing are left out,
    as is usual. Nothing is computed: shapes alone are carried through the graph.

    Args:
        network: functional, its one input (B, H, W, C); networks inside it are counted too.
        height: of the input in pixels.
        width: likewise.

    Returns:
        The count for one photo.
    """
    counts: list[int] = []
    _walk(network, keras.Input((height, width, network.inputs[0].shape[-1])), counts)
    return sum(counts)


class _Stand(keras.Operation):
    """Stands for a layer in a copy of a network's graph: has its shapes and none of its weights."""

    def __init__(self, layer: keras.Operation, counts: list[int]) -> None:
        super().__init__(name=layer.name)
        self._layer = layer
        self._counts = counts

    def compute_output_spec(self, *inputs: Any, **settings: Any) -> Any:
        """Return what the layer would, and note its multiply-adds."""
        if isinstance(self._layer, keras.Model):
            return _walk(self._layer, inputs[0], self._counts)
        outputs = self._layer.compute_output_spec(*inputs, **settings)
        if isinstance(self._layer, _COUNTED):  # each weight is used once at each place
            spreads = isinstance(self._layer, keras.layers.Conv2DTranspose)
            places = math.prod((inputs[0] if spreads else outputs).shape[1:-1])
            self._counts.append(places * math.prod(self._layer.kernel.shape))
        return outputs


def _walk(network: keras.Model, inputs: Any, counts: list[int]) -> Any:
    """Carry inputs of known size through a copy of the graph; return its outputs."""
    copy = keras.models.clone_model(
        network, input_tensors=inputs, clone_function=lambda layer: _Stand(layer, counts)
    )
    return copy.output


def _time(colorizer: Colorizer, photos: Sequence[ByteArray]) -> float:
    """Return the median of seconds from a photo to its colored copy."""
    seconds = []
    for photo in photos:
        start = time.perf_counter()
        colorizer.predict(photo).render()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)
