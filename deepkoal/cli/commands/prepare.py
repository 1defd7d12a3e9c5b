"""`prepare`: from a folder of photos to records to train on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.cli.arguments.argument_types import add_number, whole_number
from deepkoal.cli.arguments.embedders import NAMES, build_embedder, build_paper_embedder
from deepkoal.cli.arguments.model_options import find_preset
from deepkoal.cli.console import count_things, report, show, start_tensorflow
from deepkoal.cli.files.input_files import refuse_own_folder
from deepkoal.cli.files.targets import result_place

if TYPE_CHECKING:
    from deepkoal.models.embedder import SemanticEmbedder


def add_verbs(verbs: Any) -> None:
    """Add the verb to the parser's."""
    prepare = verbs.add_parser(
        "prepare",
        help="turn a folder of photos into records to train on",
        description="Turn a folder of color photos into records to train on. Run again after an "
        "interruption, the same command goes on where it stopped.",
    )
    prepare.add_argument("photos", metavar="PHOTOS", help="folder of color photos, at any depth")
    prepare.add_argument(
        "records", type=result_place, metavar="RECORDS", help="folder for the records"
    )
    prepare.add_argument("--preset", default="koala-lite", help="what to train (%(default)s)")
    short_side = "short side in pixels that photos are scaled down to (9/8 of the recipe's crops)"
    add_number(prepare, "--size", "N", short_side)
    prepare.add_argument(
        "--embedder",
        action="append",
        metavar=f"none|{NAMES}",
        help="also store semantic embeddings; FILE.h5 holds weights of Inception-ResNet-v2; given "
        "several times, each photo is embedded by one of them (none; for koala "
        "inception-resnet-v2, or where it cannot be had efficientnet-lite0)",
    )
    add_number(prepare, "--workers", "N", "threads (one per processor)")
    prepare.add_argument(
        "--seed",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="of the photos' order (%(default)s)",
    )
    prepare.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from deepkoal.image_io.photo import check_folder  # here, so that --help is quick

    preset = find_preset(arguments.preset)
    refuse_own_folder("RECORDS", Path(arguments.records), Path(arguments.photos))
    check_folder(arguments.photos)  # before time goes into starting TensorFlow
    start_tensorflow()
    from deepkoal.data import prepare
    from deepkoal.pretrained.presets import load_recipe
    from deepkoal.training import fit_photo_size

    embedders: list[SemanticEmbedder] = []
    if arguments.embedder is None and preset.network == "koala":
        embedders = [build_paper_embedder()]
    elif arguments.embedder not in (None, ["none"]):
        embedders = [build_embedder(name) for name in arguments.embedder]
    arguments.goes_on = True
    manifest = prepare(
        arguments.photos,
        arguments.records,
        size=arguments.size or fit_photo_size(load_recipe(preset.name).size),
        embedder=embedders,
        workers=arguments.workers,
        seed=arguments.seed,
        progress=True,
    )
    for photo in manifest.unreadable:
        report(f"{photo.file}: {photo.cause}")
    kept = f"{count_things(manifest.count)} stored"
    if embedders:
        kept += f" with embeddings of {manifest.settings.embedder}"
    show(
        f"{arguments.records}: {kept}, {manifest.grey} near-grey left out, "
        f"{len(manifest.unreadable)} unreadable"
    )
    if not manifest.count:
        report(f"{arguments.photos} holds no color photo that can be read: nothing to train on")
    return 1 if manifest.unreadable or not manifest.count else 0
