"""`prepare` and `train`: from a folder of photos to a trained network."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from deepkoal.cli.console import as_usage, count_photos, show, start_tensorflow, tell
from deepkoal.cli.embedders import (
    NAMES,
    build_embedder,
    build_paper_embedder,
    build_recorded_embedder,
)
from deepkoal.cli.options import find_preset
from deepkoal.cli.values import read_weights, whole_number
from deepkoal.config import Preset, Recipe

if TYPE_CHECKING:
    import keras

    from deepkoal.semantic import SemanticEmbedder

SPARE = 9 / 8
"""Short side of prepared photos over the side of the crops trained on."""


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the parser's."""
    _add_prepare(verbs)
    _add_train(verbs)


def _add_prepare(verbs: Any) -> None:
    prepare = verbs.add_parser(
        "prepare",
        help="turn a folder of photos into records to train on",
        description="Turn a folder of color photos into records to train on. Run again after an "
        "interruption, the same command goes on where it stopped.",
    )
    prepare.add_argument("photos", metavar="PHOTOS", help="folder of color photos, at any depth")
    prepare.add_argument("records", metavar="RECORDS", help="folder for the records")
    prepare.add_argument("--preset", default="koala-lite", help="what to train (%(default)s)")
    prepare.add_argument(
        "--size",
        type=whole_number(1),
        metavar="N",
        help="short side in pixels that photos are scaled down to (9/8 of the recipe's crops)",
    )
    prepare.add_argument(
        "--embedder",
        action="append",
        metavar=f"none|{NAMES}",
        help="also store semantic embeddings; FILE.h5 holds weights of Inception-ResNet-v2; given "
        "several times, each photo is embedded by one of them (none; for koala "
        "inception-resnet-v2, or where it cannot be had efficientnet-lite0)",
    )
    prepare.add_argument(
        "--workers", type=whole_number(1), metavar="N", help="threads (one per processor)"
    )
    prepare.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the photos' order (%(default)s)"
    )
    prepare.set_defaults(run=_run_prepare)


def _add_train(verbs: Any) -> None:
    train = verbs.add_parser(
        "train",
        help="train a preset's network; run again to go on",
        description="Train a network on records. Run again, the same command goes on where it "
        "stopped.",
    )
    train.add_argument("records", metavar="RECORDS", help="what `deepkoal prepare` wrote")
    train.add_argument(
        "--run", required=True, dest="run_dir", metavar="DIR", help="the run's folder"
    )
    train.add_argument("--preset", default="koala-lite", help="network to train (%(default)s)")
    train.add_argument(
        "--from",
        dest="start",
        metavar="PRESET|FILE",
        help="weights to begin with: of a preset, a .keras file or a run's folder (an untrained "
        "network)",
    )
    train.add_argument("--validation", metavar="RECORDS", help="records of photos held back")
    train.add_argument(
        "--recipe",
        metavar="NAME|FILE",
        help="another recipe of the preset's, such as adversarial, or a TOML file (recipe)",
    )
    train.add_argument(
        "--embedder", metavar=NAMES, help="of koala, where the records were made with a file's"
    )
    for name, value in vars(Recipe()).items():
        is_table = isinstance(value, dict)
        train.add_argument(
            f"--{name.replace('_', '-')}",
            type=read_weights if is_table else type(value),
            metavar="NAME=WEIGHT,…" if is_table else type(value).__name__.upper(),
            help=f"the recipe's {name}",
        )
    train.set_defaults(run=_run_train)


def _run_prepare(arguments: argparse.Namespace) -> int:
    start_tensorflow()
    from deepkoal.dataset import prepare
    from deepkoal.presets import load_recipe

    preset = find_preset(arguments.preset)
    embedders: list[SemanticEmbedder] = []
    if arguments.embedder is None and preset.network == "koala":
        embedders = [build_paper_embedder()]
    elif arguments.embedder not in (None, ["none"]):
        embedders = [build_embedder(name) for name in arguments.embedder]
    manifest = prepare(
        arguments.photos,
        arguments.records,
        size=arguments.size or round(SPARE * load_recipe(preset.name).size),
        embedder=embedders,
        workers=arguments.workers,
        seed=arguments.seed,
        progress=True,
    )
    for photo in manifest.unreadable:
        tell(f"{photo.file}: {photo.cause}")
    kept = f"{count_photos(manifest.count)} stored"
    if embedders:
        kept += f" with embeddings of {manifest.settings.embedder}"
    show(
        f"{arguments.records}: {kept}, {manifest.grey} near-grey left out, "
        f"{len(manifest.unreadable)} unreadable"
    )
    if not manifest.count:
        tell(f"{arguments.photos} holds no color photo that can be read: nothing to train on")
    return 1 if manifest.unreadable or not manifest.count else 0


def _run_train(arguments: argparse.Namespace) -> int:
    start_tensorflow()
    from tqdm.keras import TqdmCallback

    from deepkoal.presets import load_recipe
    from deepkoal.training import train

    preset = find_preset(arguments.preset)
    asked = arguments.recipe or "recipe"
    is_file = asked.endswith(".toml")
    recipe = Recipe.read(asked) if is_file else load_recipe(preset.name, asked)
    with as_usage():
        recipe = recipe.replace(**{name: getattr(arguments, name) for name in vars(recipe)})
    train(
        _build_network(arguments, preset, recipe),
        arguments.records,
        arguments.run_dir,
        recipe=recipe,
        validation=arguments.validation,
        callbacks=[TqdmCallback(verbose=1)],
    )
    show(arguments.run_dir)
    return 0


def _build_network(arguments: argparse.Namespace, preset: Preset, recipe: Recipe) -> keras.Model:
    from deepkoal.dataset import load_manifest
    from deepkoal.presets import begin_with, build_untrained

    manifest = load_manifest(arguments.records)  # before minutes go into building a network
    embedder: SemanticEmbedder | None = None
    if preset.network == "koala":
        embedder = build_recorded_embedder(manifest, arguments.records, arguments.embedder)
    network = build_untrained(
        preset.name, embedder=embedder, precision=recipe.precision, seed=recipe.seed
    )
    if arguments.start is not None:
        begin_with(network, arguments.start)
    return network
