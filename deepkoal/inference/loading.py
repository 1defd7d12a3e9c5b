"""What a `Colorizer` is made of, by the name of a preset or of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deepkoal.errors import WeightsError
from deepkoal.guidance import DecodingConfig
from deepkoal.inference.backends import Backend, find_backend, open_backend
from deepkoal.pretrained.networks import load_backend, load_network, load_trained
from deepkoal.pretrained.presets import load_preset, presets_by_network
from deepkoal.pretrained.run_dir import load_decoding, read_training_size

if TYPE_CHECKING:
    import keras

    from deepkoal.models.embedder import SemanticEmbedder


class Loaded(NamedTuple):
    """A network and what it needs to color photos, see `Colorizer`."""

    network: keras.Model | Backend
    working_size: int | list[int]
    decoding: DecodingConfig


def load_from_preset(name: str, embedder: SemanticEmbedder | None, backend: str) -> Loaded:
    """Load a preset, see `Colorizer.from_preset`."""
    preset = load_preset(name)
    if backend == "keras":
        network: keras.Model | Backend = load_network(name, embedder=embedder)
    elif embedder is not None:
        raise WeightsError(f"an embedder can be given on the keras backend only, not {backend}")
    else:
        network = load_backend(name, backend)
    return Loaded(network, preset.working_size, DecodingConfig.from_config(preset.decoding))


def load_from_file(path: str | Path) -> Loaded:
    """Load a network of one's own, see `Colorizer.from_file`."""
    if find_backend(path) != "keras":
        backend = open_backend(path)
        found = backend.description
        decoding = DecodingConfig.from_config(found.decoding)
        return Loaded(backend, found.working_size, decoding)
    network, file = load_trained(path)
    preset = presets_by_network()[network.name]
    size = read_training_size(file.parent) or preset.working_size
    decoding = load_decoding(file.parent, DecodingConfig.from_config(preset.decoding))
    return Loaded(network, size, decoding)
