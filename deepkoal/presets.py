"""Presets: networks as data, each a folder below `models/`.

Keras is imported where a network is built only: what a preset says is read without it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.config import Preset, Recipe, WeightsError
from deepkoal.engines import SUFFIXES, Engine, has_litert, open_engine
from deepkoal.weights import find_shipped, load_weights, shipped_models_dir

if TYPE_CHECKING:
    import keras

    from deepkoal.semantic import SemanticEmbedder

CONFIG_FILE = "config.json"
BEST_FILE = "best.keras"
DEFAULT_PRESET = "koala-lite"
ENGINE_FILE = "network"
"""Name, without its ending, of the files in a preset's folder that engines run."""


def list_presets() -> list[Preset]:
    """Return every preset that came with the library, by name."""
    return [
        load_preset(path.parent.name)
        for path in sorted(shipped_models_dir().glob(f"*/{CONFIG_FILE}"))
    ]


def load_preset(name: str) -> Preset:
    """Read a preset's description.

    Raises:
        WeightsError: there is no such preset, or its description is damaged.
    """
    try:
        path = find_shipped(name, CONFIG_FILE)
    except WeightsError as error:
        known = sorted(path.parent.name for path in shipped_models_dir().glob(f"*/{CONFIG_FILE}"))
        raise WeightsError(f"no preset {name!r}; there are: {', '.join(known)}") from error
    try:
        return Preset(name=name, **json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} is damaged ({error}); install deepkoal again") from error


def load_recipe(name: str, kind: str = "recipe") -> Recipe:
    """Read how a preset's weights were, or are to be, trained.

    Args:
        name: of the preset.
        kind: `recipe`, or another that it comes with, such as `adversarial`.

    Raises:
        WeightsError: there is no such preset, or it came without that recipe.
        RunError: the recipe is damaged.
    """
    load_preset(name)
    known = {path.stem: path for path in find_shipped(name, CONFIG_FILE).parent.glob("*.toml")}
    if kind not in known:
        raise WeightsError(
            f"{name} has no recipe {kind!r}; it has: {', '.join(sorted(known)) or 'none'}; choose "
            "one of these, or give a .toml file"
        )
    return Recipe.read(known[kind])


def build_untrained(
    name: str,
    *,
    embedder: SemanticEmbedder | None = None,
    precision: str = "float32",
    seed: int = 0,
) -> keras.Model:
    """Build a preset's network, ready to be trained: only its encoder or embedder knows anything.

    Args:
        name: of the preset.
        embedder: for `koala`; EfficientNet-Lite0 where None.
        precision: a Keras dtype policy for the network's layers.
        seed: of the initial weights; Python's, NumPy's and the backend's generators are set to it.

    Raises:
        WeightsError: there is no such preset, or the encoder's weights are missing or damaged.
    """
    import keras

    from deepkoal import models, semantic

    preset = load_preset(name)
    before = keras.config.dtype_policy()
    if preset.network == "koala" and embedder is None:
        embedder = semantic.SemanticEmbedder.efficientnet_lite0()
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(precision)
    try:
        if preset.network == "koala":
            return models.koala(embedder)
        if preset.network == "pix2pix":
            return models.pix2pix()
        encoder = semantic.efficientnet_lite0()
        load_weights(encoder, find_shipped("efficientnet-lite0"), semantic.LITE0_SHA256)
        return models.lite(encoder)
    finally:
        keras.config.set_dtype_policy(before)


def load_network(name: str, *, embedder: SemanticEmbedder | None = None) -> keras.Model:
    """Build a preset's network with its shipped weights.

    Args:
        name: of the preset.
        embedder: for `koala`: any of ImageNet-1k's classes; EfficientNet-Lite0 where None.

    Raises:
        WeightsError: there is no such preset, or its weights are missing, damaged or made for
            embeddings of another length.
    """
    from deepkoal import models, semantic

    preset = load_preset(name)
    if preset.sha256 is None:
        raise WeightsError(
            f"no weights are shipped for {name}: train it on your own photos "
            f"(deepkoal train RECORDS --preset {name} --run RUN) and pass --model RUN"
        )
    if preset.network == "koala":
        network = models.koala(embedder or semantic.SemanticEmbedder.efficientnet_lite0())
    elif preset.network == "pix2pix":
        network = models.pix2pix()
    else:
        network = models.lite(semantic.efficientnet_lite0())
    load_weights(network, find_shipped(name), preset.sha256, skip=_list_embedders(network))
    return network


def load_engine(name: str, kind: str) -> Engine:
    """Open the file that came with a preset for an engine other than Keras.

    Args:
        name: of the preset.
        kind: `litert` or `onnx`.

    Raises:
        WeightsError: there is no such preset or no such engine, it came without that file, the
            file is damaged, or the engine is not installed.
    """
    preset = load_preset(name)
    if kind not in SUFFIXES:
        raise WeightsError(f"no engine {kind!r}; there are: keras, {', '.join(SUFFIXES)}")
    if kind in preset.engines:
        file = find_shipped(name, ENGINE_FILE + SUFFIXES[kind])
        return open_engine(file, preset.engines[kind])
    if preset.network == "koala":
        raise WeightsError(
            f"{name} runs on Keras only, because its expert can be exchanged; use the keras "
            f"engine, or preset {DEFAULT_PRESET}"
        )
    raise WeightsError(
        f"{name} comes with no file for {kind}; make one (deepkoal export "
        f"{name}{SUFFIXES[kind]} --format {kind} --preset {name}) and open that, or use the "
        "keras engine"
    )


def choose_engine(name: str) -> str:
    """Return the kind of engine that a preset is there on soonest: LiteRT where that can be.

    Raises:
        WeightsError: there is no such preset.
    """
    return "litert" if "litert" in load_preset(name).engines and has_litert() else "keras"


def load_trained(path: str | Path) -> tuple[keras.Model, Path]:
    """Load a network that `training.train` wrote.

    Args:
        path: a `.keras` file, or the folder of a run (its `best.keras` is taken).

    Returns:
        The network and the file it came from.

    Raises:
        WeightsError: there is no such file, or it holds no network of this library.
    """
    import keras

    from deepkoal import layers, models  # noqa: F401 -- the layers of its file have to be known

    path = Path(path)
    file = path / BEST_FILE if path.is_dir() else path
    if not file.is_file():
        raise WeightsError(
            f"{file}: no such file; give a .keras file or the folder of a run that has "
            "finished an epoch"
        )
    try:
        network = keras.saving.load_model(file, compile=False)
    except Exception as error:  # Keras raises a different one for each kind of damage
        reason = str(error).partition("\n")[0]
        raise WeightsError(
            f"{file} cannot be loaded as a network ({reason}); give a .keras file that "
            "deepkoal train wrote"
        ) from error
    known = [preset.network for preset in list_presets()]
    if network.name not in known:
        raise WeightsError(
            f"{file} holds {network.name}, not one of {', '.join(known)}; give a .keras "
            "file that deepkoal train wrote"
        )
    return network, file


def is_preset(start: str | Path) -> bool:
    """Tell whether weights to begin with are a preset's rather than those of a file or a run.

    Raises:
        WeightsError: they are neither.
    """
    presets = [preset.name for preset in list_presets()]
    if start not in presets and not Path(start).exists():
        raise WeightsError(
            f"{start}: no such file, and no preset of that name; there are: {', '.join(presets)}"
        )
    return start in presets


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


def _list_embedders(network: keras.Model) -> list[str]:
    """Name the layers that are frozen embedders: exchangeable, and never part of the weights."""
    from deepkoal.semantic import SemanticEmbedder

    return [layer.name for layer in network.layers if isinstance(layer, SemanticEmbedder)]


def _list_learned(network: keras.Model) -> list[keras.Variable]:
    skip = _list_embedders(network)
    return [
        weight for layer in network.layers if layer.name not in skip for weight in layer.weights
    ]
