"""`train`: from a folder of photos, or records of them, to a trained network."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.cli.arguments.argument_types import named_numbers
from deepkoal.cli.arguments.devices import add_device_options, choose_backend, choose_devices
from deepkoal.cli.arguments.embedders import (
    NAMES,
    build_embedder,
    build_paper_embedder,
    build_recorded_embedder,
)
from deepkoal.cli.arguments.model_options import find_preset
from deepkoal.cli.arguments.targets import result_place
from deepkoal.cli.console import UsageError, as_usage, count_photos, report, show
from deepkoal.keras_runtime import start_tensorflow
from deepkoal.pretrained.presets import Preset, is_preset
from deepkoal.pretrained.recipe import RENAMED, Recipe

if TYPE_CHECKING:
    import keras

    from deepkoal.models.embedder import SemanticEmbedder
    from deepkoal.training import OwnPhotos


def add_verbs(verbs: Any) -> None:
    """Add the verb to the parser's."""
    train = verbs.add_parser(
        "train",
        help="train a preset's network; run again to go on",
        description="Train a network on a folder of color photos, or on records. Photos are "
        "recorded in the run's folder first, one in ten is held back for validation, and files "
        "that cannot be read are listed. Run again, the same command goes on where it stopped.",
    )
    train.add_argument(
        "source", metavar="PHOTOS|RECORDS", help="color photos, or what `deepkoal prepare` wrote"
    )
    train.add_argument(
        "--run",
        dest="run_dir",
        type=result_place,
        metavar="DIR",
        help="the run's folder (runs/ and PHOTOS' name)",
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
        help="another recipe of the preset's, such as adversarial, or a TOML file (recipe; "
        "for PHOTOS with --from finetune, where the preset has it)",
    )
    train.add_argument(
        "--embedder", metavar=NAMES, help="of koala: for PHOTOS, or of RECORDS made with a file's"
    )
    add_device_options(train)
    settings = train.add_argument_group(
        "the recipe's settings", "instead of its own; see docs/training.md"
    )
    read_losses = named_numbers("NAME=WEIGHT", "mse=1,colorfulness=0.1")
    for name, value in vars(Recipe()).items():
        is_table = isinstance(value, dict)
        settings.add_argument(
            f"--{name.replace('_', '-')}",
            type=read_losses if is_table else type(value),
            metavar="NAME=WEIGHT,…" if is_table else type(value).__name__.upper(),
            help=f"the recipe's {name}",
        )
    for old, name in RENAMED.items():
        value = getattr(Recipe(), name)
        settings.add_argument(
            f"--{old.replace('_', '-')}", type=type(value), help=argparse.SUPPRESS
        )
    train.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from deepkoal.image_io.photo import check_folder  # here, so that --help is quick
    from deepkoal.pretrained.networks import find_trained

    source, preset = arguments.source, find_preset(arguments.preset)
    choose_backend(arguments)
    check_folder(source)  # before time goes into starting TensorFlow
    if arguments.start is not None and not is_preset(arguments.start):
        find_trained(arguments.start)
    start_tensorflow()
    choose_devices(arguments)
    from deepkoal.cli.progress import RunProgress
    from deepkoal.pretrained.run_dir import check_run
    from deepkoal.training import (
        find_decoding,
        fine_tune,
        fit_photo_size,
        holds_records,
        plan_photos,
        train,
    )
    from deepkoal.training.coordination import name_lost_host

    run_dir = choose_run_dir(arguments)
    has_records = holds_records(source)
    if arguments.hosts is not None and not has_records:
        raise UsageError("several hosts train on RECORDS; run deepkoal prepare on PHOTOS first")
    if arguments.validation and not has_records:
        raise UsageError("--validation goes with RECORDS; of PHOTOS one in ten is held back")
    recipe = _read_recipe(arguments, preset, has_records)
    decoding = find_decoding(arguments.start, preset)
    # Refusals come before a network is built.
    check_run(run_dir, {"network": preset.network, "recipe": dataclasses.asdict(recipe)})
    embedder = _find_embedder(arguments, preset, has_records)
    plan = None
    if not has_records:
        size = fit_photo_size(recipe.size)
        plan = plan_photos(source, run_dir, size=size, embedder=embedder)
    is_first, bars = not arguments.host, RunProgress()
    callbacks = [bars] if is_first else []
    arguments.goes_on = True
    with name_lost_host():
        network = _build_network(arguments, preset, recipe, embedder)
        if plan is None:
            train(
                network,
                source,
                run_dir,
                recipe=recipe,
                validation=arguments.validation,
                decoding=decoding,
                callbacks=callbacks,
            )
        else:
            fine_tune(
                network,
                plan,
                run_dir,
                recipe=recipe,
                decoding=decoding,
                callbacks=callbacks,
                is_trained=arguments.start is not None,
                progress=True,
                report=_report_photos,
            )
    if is_first and not bars.has_trained:
        report(f"{run_dir} was finished before: nothing was left to train")
    show(run_dir)
    if plan is not None:
        _report_gain(run_dir)
    return 0


def choose_run_dir(arguments: argparse.Namespace) -> Path:
    """Return the run's folder, named after what is trained on where none is given."""
    name = Path(arguments.source).resolve().name or "photos"
    return Path(arguments.run_dir or Path("runs", name))


def _read_recipe(arguments: argparse.Namespace, preset: Preset, has_records: bool) -> Recipe:
    from deepkoal.pretrained.presets import load_recipe
    from deepkoal.training import has_finetune_recipe

    asked = arguments.recipe
    if asked is None:
        fine_tunes = arguments.start and not has_records and has_finetune_recipe(preset.name)
        asked = "finetune" if fine_tunes else "recipe"
    if asked.endswith(".toml"):
        recipe = Recipe.read(asked)
    else:
        with as_usage():
            recipe = load_recipe(preset.name, asked)
    with as_usage():
        return recipe.replace(
            **{name: getattr(arguments, name) for name in (*vars(recipe), *RENAMED)}
        )


def _find_embedder(
    arguments: argparse.Namespace, preset: Preset, has_records: bool
) -> SemanticEmbedder | None:
    """Return the embedder to train with, of records the one that they were made with."""
    from deepkoal.data import load_manifest

    manifest = load_manifest(arguments.source) if has_records else None
    if preset.network != "koala":
        return None
    if manifest is not None:
        return build_recorded_embedder(manifest, arguments.source, arguments.embedder)
    return build_embedder(arguments.embedder) if arguments.embedder else build_paper_embedder()


def _report_photos(own: OwnPhotos) -> None:
    """Print what became of the photos."""
    for photo in own.unreadable:
        report(f"{photo.file}: {photo.cause}")
    report(
        f"{count_photos(own.training_count)} to train on, {own.held_back_count} held back, "
        f"{own.grey} near-grey left out, {len(own.unreadable)} unreadable"
    )
    if own.validation is None:
        report("with no photo held back, nothing shows whether it learns more than these by heart")


def _report_gain(run_dir: Path) -> None:
    """Print what the run's training gained, as the last line."""
    from deepkoal.training import Gain

    gain = Gain.read(run_dir)
    if gain is None or not gain.held_back:
        return
    photos = f"{count_photos(gain.held_back)} held back"
    if gain.before is None:
        reached = "none" if gain.trained is None else f"{gain.trained:.2f} dB"
        report(f"PSNR@CF on {photos}: {reached}")
    elif gain.is_kept and gain.trained is not None:
        difference = gain.trained - gain.before
        report(
            f"gained {difference:.2f} dB: PSNR@CF on {photos} went from {gain.before:.2f} to "
            f"{gain.trained:.2f} dB"
        )
    else:
        reached = "could not be reached" if gain.trained is None else f"{gain.trained:.2f} dB"
        report(
            f"nothing gained, so the weights it began with are kept: PSNR@CF on {photos} was "
            f"{gain.before:.2f} dB before and {reached} after"
        )


def _build_network(
    arguments: argparse.Namespace,
    preset: Preset,
    recipe: Recipe,
    embedder: SemanticEmbedder | None,
) -> keras.Model:
    from deepkoal.pretrained.networks import begin_with, build_untrained

    network = build_untrained(
        preset.name, embedder=embedder, precision=recipe.precision, seed=recipe.seed
    )
    if arguments.start is not None:
        begin_with(network, arguments.start)
    return network
