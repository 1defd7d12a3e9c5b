"""Networks on Keras, whatever its backend: the backend that trains, and that takes any network."""

from __future__ import annotations

import pickle
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from deepkoal.arrays import FloatArray
from deepkoal.keras_runtime import refuse_forked, start_keras
from deepkoal.traced_once import trace_for_all_sizes

if TYPE_CHECKING:
    import keras


class _Shared:
    """What all backends of a network share.

    JAX hands a network's state over to each step, so that another thread's finds it deleted;
    TensorFlow traces on the first.
    """

    def __init__(self, network: keras.Model) -> None:
        self.lock = threading.Lock()
        self.run: Callable[[FloatArray], Mapping[str, FloatArray]] = trace_for_all_sizes(network)


_ALL_SHARED: weakref.WeakKeyDictionary[keras.Model, _Shared] = weakref.WeakKeyDictionary()
_SHARING = threading.Lock()


class KerasBackend:
    """Runs a Keras network. Calls from several threads wait for each other.

    It can be pickled, but not used in a process that was forked off: see
    `keras_runtime.refuse_forked`.

    Args:
        network: see `deepkoal.models`.
    """

    kind = "keras"

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        with _SHARING:
            if network not in _ALL_SHARED:
                _ALL_SHARED[network] = _Shared(network)
            self._shared = _ALL_SHARED[network]

    @property
    def name(self) -> str:
        """The network's name."""
        return str(self.network.name)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the network's outputs."""
        return tuple(self.network.output)

    def predict(self, l_norm: FloatArray) -> dict[str, FloatArray]:
        """Return the network's outputs, see `Backend.predict`.

        Raises:
            DeepkoalError: as `keras_runtime.refuse_forked`.
        """
        refuse_forked()  # before the lock, which the other process may have held
        with self._shared.lock:
            outputs = self._shared.run(np.asarray(l_norm, np.float32))
        return {name: np.asarray(output, dtype=np.float32) for name, output in outputs.items()}

    def __reduce__(self) -> tuple[Callable[[bytes], KerasBackend], tuple[bytes]]:
        """Pickle the network as Keras does: as the bytes of a `.keras` file."""
        return _unpickle, (pickle.dumps(self.network),)

    def __repr__(self) -> str:
        return f"KerasBackend({self.name!r})"


def _unpickle(data: bytes) -> KerasBackend:
    start_keras()
    from deepkoal.models import embedder, layers  # noqa: F401 -- its layers have to be known

    return KerasBackend(pickle.loads(data))
