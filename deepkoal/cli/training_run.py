"""What `train` does: a recipe, photos or records, and a network that learns of them."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.cli.arguments.devices import choose_backend, choose_devices
from deepkoal.cli.arguments.embedders import (
    build_embedder,
    build_paper_embedder,
    build_recorded_embedder,
)
from deepkoal.cli.arguments.model_options import find_preset
from deepkoal.cli.console import UsageError, as_usage, count_things, report
from deepkoal.keras_runtime import start_tensorflow
from deepkoal.pretrained.presets import FINETUNE, Preset, has_recipe, is_preset, load_recipe
from deepkoal.pretrained.recipe import RENAMED, Recipe

if TYPE_CHECKING:
    import keras

    from deepkoal.models.embedder import SemanticEmbedder
    from deepkoal.training import OwnPhotos


def train_network(arguments: argparse.Namespace, run_dir: Path) -> None:
    """Train as the arguments say, or go on with it.

    Raises:
        UsageError: they make no sense together.
        DeepkoalError: as `deepkoal.training.train` and `fine_tune`.
    """
    from deepkoal.data import holds_records  # here, so that --help is quick
    from deepkoal.image_io.photo import check_folder
    from deepkoal.pretrained.networks import find_trained
    from deepkoal.pretrained.run_dir import check_run

    source, preset = arguments.source, find_preset(arguments.preset)
    choose_backend(arguments)
    # What can be refused is, before time goes into starting TensorFlow and building a network.
    check_folder(source)
    if arguments.start is not None and not is_preset(arguments.start):
        find_trained(arguments.start)
    has_records = holds_records(source)
    if arguments.hosts is not None and not has_records:
        raise UsageError("several hosts train on RECORDS; run deepkoal prepare on PHOTOS first")
    if arguments.validation and not has_records:
        raise UsageError("--validation goes with RECORDS; of PHOTOS one in ten is held back")
    recipe = _read_recipe(arguments, preset, has_records)
    check_run(run_dir, {"network": preset.network, "recipe": dataclasses.asdict(recipe)})
    start_tensorflow()
    choose_devices(arguments)
    _train(arguments, preset, recipe, run_dir, has_records)


def _train(
    arguments: argparse.Namespace,
    preset: Preset,
    recipe: Recipe,
    run_dir: Path,
    has_records: bool,
) -> None:
    from deepkoal.cli.progress import RunProgress
    from deepkoal.training import find_decoding, fine_tune, fit_photo_size, plan_photos, train
    from deepkoal.training.coordination import name_lost_host

    decoding = find_decoding(arguments.start, preset)
    embedder = _find_embedder(arguments, preset, has_records)
    plan = None
    if not has_records:
        size = fit_photo_size(recipe.size)
        plan = plan_photos(arguments.source, run_dir, size=size, embedder=embedder)
    is_first, bars = not arguments.host, RunProgress()
    callbacks = [bars] if is_first else []
    arguments.goes_on = True
    with name_lost_host():
        network = _build_network(arguments, preset, recipe, embedder)
        if plan is None:
            train(
                network,
                arguments.source,
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


def _read_recipe(arguments: argparse.Namespace, preset: Preset, has_records: bool) -> Recipe:
    asked = arguments.recipe
    if asked is None:
        fine_tunes = arguments.start and not has_records and has_recipe(preset.name, FINETUNE)
        asked = FINETUNE if fine_tunes else "recipe"
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
        f"{count_things(own.training_count)} to train on, {own.held_back_count} held back, "
        f"{own.grey} near-grey left out, {len(own.unreadable)} unreadable"
    )
    if own.validation is None:
        report("with no photo held back, nothing shows whether it learns more than these by heart")


def report_gain(run_dir: Path) -> None:
    """Print what fine-tuning gained, as the last line; nothing of a run on records."""
    from deepkoal.training import Gain

    gain = Gain.read(run_dir)
    if gain is None or not gain.held_back:
        return
    photos = f"{count_things(gain.held_back)} held back"
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
    from deepkoal.pretrained.beginnings import begin_with, find_start_things
    from deepkoal.pretrained.networks import build_untrained

    network = build_untrained(
        preset.name,
        embedder=embedder,
        precision=recipe.precision,
        seed=recipe.seed,
        things=() if arguments.start is None else find_start_things(arguments.start),
    )
    if arguments.start is not None:
        begin_with(network, arguments.start)
    return network
