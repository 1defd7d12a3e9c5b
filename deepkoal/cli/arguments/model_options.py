"""The choice of network and of what runs it, which several commands offer in the same words."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.cli.arguments.embedders import NAMES, build_embedder, build_paper_embedder
from deepkoal.cli.console import UsageError
from deepkoal.keras_runtime import start_tensorflow

if TYPE_CHECKING:
    from deepkoal.inference.colorizer import Colorizer
    from deepkoal.pretrained.presets import Preset


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add `--preset` and `--model`, one of which may be given, and `--embedder`."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--preset",
        default="koala-lite",
        metavar="NAME",
        help="a network that came with deepkoal (%(default)s)",
    )
    group.add_argument(
        "--model",
        type=Path,
        metavar="RUN|FILE",
        help="a network of your own: a run's folder, or a .keras, .tflite or .onnx file",
    )
    parser.add_argument(
        "--embedder",
        metavar=NAMES,
        help="the semantic expert of --preset koala (inception-resnet-v2, or where it cannot be "
        "had efficientnet-lite0)",
    )
    parser.set_defaults(backend=None)


def add_backend_option(parser: argparse.ArgumentParser, *, auto: bool) -> None:
    """Add `--backend`.

    Args:
        parser: that has the options of `add_model_options`.
        auto: whether a preset runs on whatever is there soonest unless one is chosen.
    """
    parser.add_argument(
        "--backend",
        choices=["auto", "keras", "litert", "onnx"],
        default="auto" if auto else None,
        help="what runs the network; auto is litert where it is installed and the preset has a "
        f"file for it, else keras ({'auto' if auto else 'keras'}, or what --model FILE is for)",
    )


def find_preset(name: str) -> Preset:
    """Read the description of the preset that an option names.

    Raises:
        UsageError: there is none of that name.
        WeightsError: it is damaged.
    """
    from deepkoal.pretrained.presets import list_presets

    presets = {preset.name: preset for preset in list_presets()}
    if name not in presets:
        raise UsageError(f"no preset {name!r}; there are: {', '.join(presets)}")
    return presets[name]


def load_colorizer(arguments: argparse.Namespace) -> Colorizer:
    """Load the network that the options name, on the backend that they name.

    TensorFlow is started only where Keras runs the network.

    Raises:
        UsageError: there is no such preset or embedder, the network takes none, or the file is
            for another backend.
        WeightsError: there is no such file, it has no weights or none for the backend,
            they are damaged, or the backend is not installed.
    """
    from deepkoal.inference.colorizer import Colorizer  # here, so that --help is quick
    from deepkoal.pretrained.networks import find_trained

    preset = find_preset(arguments.preset) if arguments.model is None else None
    backend, chosen = _choose_backend(arguments), arguments.embedder
    if backend != "keras":
        if chosen:
            raise UsageError(f"--embedder goes with the keras backend, not {backend}")
        if arguments.model is not None:
            return Colorizer.from_file(arguments.model)
        return Colorizer.from_preset(arguments.preset, backend=backend)
    if arguments.model is not None:
        find_trained(arguments.model)  # before time goes into starting TensorFlow
    start_tensorflow()
    if preset is not None and preset.network == "koala" and preset.sha256 is not None:
        embedder = build_embedder(chosen) if chosen else build_paper_embedder()
        return Colorizer.from_preset(preset.name, embedder=embedder)
    if chosen:
        raise UsageError("--embedder goes with --preset koala, whose expert can be exchanged")
    if arguments.model is not None:
        return Colorizer.from_file(arguments.model)
    return Colorizer.from_preset(arguments.preset)


def _choose_backend(arguments: argparse.Namespace) -> str:
    from deepkoal.inference.backends import find_backend
    from deepkoal.pretrained.networks import choose_backend

    asked: str | None = arguments.backend
    if arguments.model is not None:
        made_for = find_backend(arguments.model)
        if asked not in (None, "auto", made_for):
            hint = f"; export it with --format {asked}" if made_for == "keras" else ""
            raise UsageError(f"{arguments.model} runs on {made_for}, not {asked}{hint}")
        return made_for
    if asked == "auto":
        return "keras" if arguments.embedder else choose_backend(arguments.preset)
    return asked or "keras"
