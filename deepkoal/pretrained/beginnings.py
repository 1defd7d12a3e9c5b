"""What a network begins training with: the weights of a preset or of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.errors import WeightsError
from deepkoal.models.weights import find_shipped
from deepkoal.pretrained.networks import (
    THINGS,
    find_things,
    list_embedders,
    load_network,
    load_trained,
)
from deepkoal.pretrained.presets import is_preset, load_preset

if TYPE_CHECKING:
    import keras


def find_start_things(start: str | Path) -> list[int]:
    """Return `things` that a network has to be built with to begin with other weights.

    Args:
        start: as in `begin_with`.

    Raises:
        WeightsError: as there.
    """
    if is_preset(start):
        preset = load_preset(str(start))
        has_things = preset.network == "lite" and preset.sha256 is not None
        return find_things(find_shipped(str(start))) if has_things else []
    trained, _ = load_trained(start)
    layers = {layer.name: layer for layer in trained.layers}
    return [layers[name].filters for name in THINGS if name in layers]


def begin_with(network: keras.Model, start: str | Path) -> None:
    """Give a network the weights to begin training with.

    Args:
        network: built as the weights' own network was; its embedder may be another.
        start: the name of a preset that has weights, a `.keras` file or the folder of a run.

    Raises:
        WeightsError: there are no such weights, they are damaged or another network's.
    """
    if is_preset(start):
        trained = load_network(str(start))
    else:
        trained, _ = load_trained(start)
    try:
        for own, given in zip(_list_learned(network), _list_learned(trained), strict=True):
            own.assign(given)
    except ValueError as error:
        raise WeightsError(
            f"{start} holds weights of {trained.name}, which do not fit {network.name} as it was "
            "built; begin with a network of the same kind"
        ) from error


def _list_learned(network: keras.Model) -> list[keras.Variable]:
    skip = list_embedders(network)
    return [
        weight for layer in network.layers if layer.name not in skip for weight in layer.weights
    ]
