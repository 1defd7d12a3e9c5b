"""The network that ships with the library, on LiteRT where that is installed, else on Keras."""

from __future__ import annotations

import functools
import json
from typing import Any

from deepkoal.errors import WeightsError
from deepkoal.inference.backends import (
    SUFFIXES,
    Backend,
    KerasBackend,
    has_litert,
    open_backend,
)
from deepkoal.models.weights import find_shipped, load_weights

FOLDER = "restorer"
DESCRIPTION_FILE = "restorer.json"
"""Not `config.json`, which a preset has: this network colors nothing."""
NETWORK_FILE = "network"


def load_restorer(backend: str = "auto") -> Backend:
    """Load the restoration network, see `models.restorer`.

    Args:
        backend: `litert`, `keras`, or `auto` for the first of them that is installed.

    Returns:
        What runs it: from l_norm (B, H, W, 1), H and W multiples of 32, to `clean` and `damage`.

    Raises:
        WeightsError: it is missing or damaged, or the backend is not installed or unknown.
    """
    if backend not in ("auto", "litert", "keras"):
        raise WeightsError(f"no backend {backend!r} for restoration; there are: litert, keras")
    if backend == "auto":
        backend = "litert" if has_litert() else "keras"
    return _load(backend)


@functools.cache
def _load(backend: str) -> Backend:
    described = read_description()
    if backend == "litert":
        file = find_shipped(FOLDER, NETWORK_FILE + SUFFIXES["litert"])
        return open_backend(file, described["litert"])
    from deepkoal.keras_runtime import start_keras

    start_keras()
    from deepkoal.models.restorer import restorer

    network = restorer(widths=described["widths"])
    load_weights(network, find_shipped(FOLDER), described["sha256"])
    return KerasBackend(network)


def read_description() -> dict[str, Any]:
    """Return what is kept of the network: `widths`, `sha256` of its weights, `litert` of that file.

    Raises:
        WeightsError: it is missing or damaged.
    """
    path = find_shipped(FOLDER, DESCRIPTION_FILE)
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        return {key: described[key] for key in ("widths", "sha256", "litert")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} is damaged ({error}); install deepkoal again") from error
