"""Networks with weights: of a preset or of a run; and untrained ones.

Keras is imported where a network is built only, so that backends other than Keras start without.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.errors import WeightsError
from deepkoal.inference.backends import SUFFIXES, Backend, has_litert, open_backend
from deepkoal.keras_runtime import start_keras
from deepkoal.models.weights import find_shipped, load_weights, read_shapes
from deepkoal.pretrained.presets import (
    DEFAULT_PRESET,
    load_preset,
    presets_by_network,
)

if TYPE_CHECKING:
    import keras

    from deepkoal.models import SemanticEmbedder

BEST_FILE = "best.keras"
THINGS = ("things_4", "things")
"""Layers that tell things, of which a network has both or none."""
BACKEND_FILE = "network"
"""Name, without its suffix, of a preset's files for backends other than Keras."""
_EXPORTED = " or ".join(SUFFIXES.values())


def build_untrained(
    name: str,
    *,
    embedder: SemanticEmbedder | None = None,
    precision: str = "float32",
    seed: int = 0,
    things: Sequence[int] = (),
) -> keras.Model:
    """Build a preset's network, ready to be trained: only its encoder or embedder knows anything.

    Args:
        name: of the preset.
        embedder: for `koala`; EfficientNet-Lite0 where None.
        precision: a Keras dtype policy for the network's layers.
        seed: of the initial weights; Python's, NumPy's and the backend's generators are set to it.
        things: for `lite`, as `models.lite` has it; of weights to come, `find_things`.

    Raises:
        WeightsError: there is no such preset, or the encoder's weights are missing or damaged.
    """
    preset = load_preset(name)
    start_keras()
    import keras

    from deepkoal import models

    before = keras.config.dtype_policy()
    if preset.network == "koala" and embedder is None:
        embedder = models.SemanticEmbedder.efficientnet_lite0()
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(precision)
    try:
        if preset.network == "koala":
            return models.koala(embedder)
        if preset.network == "pix2pix":
            return models.pix2pix()
        return models.lite(models.imagenet_lite0(), things=things)
    finally:
        keras.config.set_dtype_policy(before)


def find_things(path: Path) -> list[int]:
    """Return `things` of `models.lite` for the network whose weights this file holds.

    Raises:
        WeightsError: the file is absent or unreadable.
    """
    shapes = read_shapes(path)
    keys = (f"{layer}/kernel" for layer in THINGS)
    return [shapes[key][-1] for key in keys if key in shapes]


def load_network(name: str, *, embedder: SemanticEmbedder | None = None) -> keras.Model:
    """Build a preset's network with its shipped weights.

    Args:
        name: of the preset.
        embedder: for `koala`: any of ImageNet-1k's classes; EfficientNet-Lite0 where None.

    Raises:
        WeightsError: there is no such preset, or its weights are missing, damaged or made for
            embeddings of another length.
    """
    preset = load_preset(name)
    start_keras()
    from deepkoal import models

    if preset.sha256 is None:
        raise WeightsError(
            f"no weights are shipped for {name}: train it on your own photos "
            f"(deepkoal train RECORDS --preset {name} --run RUN) and pass --model RUN"
        )
    if preset.network == "koala":
        network = models.koala(embedder or models.SemanticEmbedder.efficientnet_lite0())
    elif preset.network == "pix2pix":
        network = models.pix2pix()
    else:
        things = find_things(find_shipped(name))
        network = models.lite(models.efficientnet_lite0(), things=things)
    load_weights(network, find_shipped(name), preset.sha256, skip=list_embedders(network))
    return network


def load_backend(name: str, kind: str) -> Backend:
    """Open the file that came with a preset for a backend other than Keras.

    Args:
        name: of the preset.
        kind: `litert` or `onnx`.

    Raises:
        WeightsError: there is no such preset or no such backend, it came without that file, the
            file is damaged, or the backend is not installed.
    """
    preset = load_preset(name)
    if kind not in SUFFIXES:
        raise WeightsError(f"no backend {kind!r}; there are: keras, {', '.join(SUFFIXES)}")
    if kind in preset.backends:
        file = find_shipped(name, BACKEND_FILE + SUFFIXES[kind])
        return open_backend(file, preset.backends[kind])
    if preset.network == "koala":
        raise WeightsError(
            f"{name} runs on Keras only, because its expert can be exchanged; use the keras "
            f"backend, or preset {DEFAULT_PRESET}"
        )
    raise WeightsError(
        f"{name} comes with no file for {kind}; make one (deepkoal export "
        f"{name}{SUFFIXES[kind]} --format {kind} --preset {name}) and open that, or use the "
        "keras backend"
    )


def choose_backend(name: str) -> str:
    """Return the kind of backend that a preset is there on soonest: LiteRT where that can be.

    Raises:
        WeightsError: there is no such preset.
    """
    return "litert" if "litert" in load_preset(name).backends and has_litert() else "keras"


def find_trained(path: str | Path) -> Path:
    """Return the file of a network that `training.train` wrote, without starting Keras.

    Args:
        path: a `.keras` file, or the folder of a run (its `best.keras` is taken).

    Raises:
        WeightsError: there is no such file, or its name ends otherwise.
    """
    path = Path(path)
    file = path / BEST_FILE if path.is_dir() else path
    if not file.is_file():
        raise WeightsError(
            f"{file}: no such file; give a .keras file, the folder of a run that has finished an "
            f"epoch or, to color with, a {_EXPORTED} file"
        )
    if file.suffix.lower() != ".keras":
        raise WeightsError(
            f"{file} cannot be loaded as a network (its name ends in {file.suffix!r}); give a "
            f".keras file that deepkoal train wrote or, to color with, a {_EXPORTED} file"
        )
    return file


def load_trained(path: str | Path) -> tuple[keras.Model, Path]:
    """Load a network that `training.train` wrote.

    Args:
        path: a `.keras` file, or the folder of a run (its `best.keras` is taken).

    Returns:
        The network and the file it came from.

    Raises:
        WeightsError: there is no such file, or it holds no network of this library.
    """
    file = find_trained(path)
    start_keras()
    import keras

    from deepkoal.models import embedder, layers  # noqa: F401 -- its classes have to be known

    try:
        network = keras.saving.load_model(file, compile=False)
    except Exception as error:  # Keras raises a different one for each kind of damage
        reason = str(error).partition("\n")[0]
        raise WeightsError(
            f"{file} cannot be loaded as a network ({reason}); give a .keras file that "
            "deepkoal train wrote"
        ) from error
    known = presets_by_network()
    if network.name not in known:
        raise WeightsError(
            f"{file} holds {network.name}, not one of {', '.join(known)}; give a .keras "
            "file that deepkoal train wrote"
        )
    return network, file


def list_embedders(network: keras.Model) -> list[str]:
    """Name the layers that are frozen embedders: exchangeable, and never part of the weights."""
    from deepkoal.models.embedder import SemanticEmbedder

    return [layer.name for layer in network.layers if isinstance(layer, SemanticEmbedder)]
