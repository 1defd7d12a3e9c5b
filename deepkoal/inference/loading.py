"""What a `Colorizer` is made of, by the name of a preset or of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deepkoal.errors import WeightsError
from deepkoal.guidance import DecodingConfig
from deepkoal.inference.backends import Backend, find_backend, open_backend
from deepkoal.inference.options_file import NetworkIdentity, hash_file
from deepkoal.inference.prediction.working_size import LEAST_SIDE
from deepkoal.pretrained.networks import load_backend, load_network, load_trained
from deepkoal.pretrained.presets import Preset, load_preset, load_recipe, presets_by_network
from deepkoal.pretrained.run_dir import load_decoding, read_training_size

if TYPE_CHECKING:
    import keras

    from deepkoal.models.embedder import SemanticEmbedder


class Loaded(NamedTuple):
    """A network and what it needs to color photos, see `Colorizer`."""

    network: keras.Model | Backend
    working_size: int | list[int]
    decoding: DecodingConfig
    identity: NetworkIdentity


def load_from_preset(name: str, embedder: SemanticEmbedder | None, backend: str) -> Loaded:
    """Load a preset, see `Colorizer.from_preset`."""
    preset = load_preset(name)
    if backend == "keras":
        network: keras.Model | Backend = load_network(name, embedder=embedder)
    elif embedder is not None:
        raise WeightsError(f"an embedder can be given on the keras backend only, not {backend}")
    else:
        network = load_backend(name, backend)
    sha256 = preset.sha256 if backend == "keras" else preset.backends[backend]
    identity = NetworkIdentity(name, sha256 or "")
    decoding = DecodingConfig.from_config(preset.decoding)
    return Loaded(network, preset.working_size, decoding, identity)


def load_from_file(path: str | Path) -> Loaded:
    """Load a network of one's own, see `Colorizer.from_file`."""
    if find_backend(path) != "keras":
        backend = open_backend(path)
        found = backend.description
        decoding = DecodingConfig.from_config(found.decoding)
        identity = NetworkIdentity(Path(path).name, hash_file(path))
        return Loaded(backend, found.working_size, decoding, identity)
    network, file = load_trained(path)
    preset = presets_by_network()[network.name]
    size = fit_to_crops(preset, read_training_size(file.parent))
    decoding = load_decoding(file.parent, DecodingConfig.from_config(preset.decoding))
    return Loaded(network, size, decoding, NetworkIdentity(file.name, hash_file(file)))


def fit_to_crops(preset: Preset, crop: int | None) -> int | list[int]:
    """Return the working size or sizes of a network of one's own, by its training crops.

    Args:
        preset: whose network it is. Where it has several sizes, they are kept in their proportion
            to the crops of its own recipe.
        crop: side in pixels of the crops that the network was trained on; None where unknown.
    """
    sizes = preset.working_size
    if crop is None:
        return sizes
    if isinstance(sizes, int):
        return crop
    scale = crop / load_recipe(preset.name).size
    return [max(LEAST_SIDE, round(scale * size)) for size in sizes]
