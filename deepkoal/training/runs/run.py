"""Training a network with plain `fit`, in a folder that a later call can continue."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from deepkoal.atomic_files import remove_parts
from deepkoal.data import evaluation_batches, name_damage, stay_on_processor, training_batches
from deepkoal.errors import RunError
from deepkoal.guidance import DecodingConfig
from deepkoal.memory import keep_freed_memory
from deepkoal.pretrained.networks import BEST_FILE
from deepkoal.pretrained.presets import presets_by_network
from deepkoal.pretrained.recipe import Recipe
from deepkoal.pretrained.run_dir import (
    begin_run,
    check_run,
    describe_run,
    has_decoding,
    load_decoding,
    lock_run,
    save_decoding,
)
from deepkoal.training.compilation import (
    check_fit,
    compile_task,
    has_embedding,
    load_manifest_for,
)
from deepkoal.training.coordination import (
    StopTogether,
    agree,
    ask_first_host,
    first_host_first,
    name_lost_host,
)
from deepkoal.training.devices import count_devices, host_share, is_first_host
from deepkoal.training.optimizer import ValidateAverage
from deepkoal.training.runs.checkpoints import (
    CHECKPOINTS_DIR,
    Checkpoints,
    find_checkpoint,
    load_checkpoint,
    trim_log,
)
from deepkoal.training.runs.previews import Previews
from deepkoal.training.runs.validation_metrics import EarlyStopping, ValidationMetrics

LOG_FILE = "log.csv"
MEASURED = 256
"""Validation photos, at most, that PSNR@CF is measured on at the end of an epoch."""


def train(
    network: keras.Model,
    records: str | Path,
    run_dir: str | Path,
    *,
    recipe: Recipe | None = None,
    epochs: int | None = None,
    validation: str | Path | None = None,
    decoding: DecodingConfig | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> keras.Model:
    """Train a network on prepared records; called again, go on where the run stopped.

    `run_dir` receives `run.json` (what is trained, on what, how), `decoding.json`, `log.csv`,
    `best.keras` (the best network by the recipe's `best_by`; without validation records by the
    training loss), `checkpoints/` (the last two epochs, with the optimizer), `previews/` and
    `tensorboard/` (before, after and truth of the same photos at each epoch).

    A run that was killed at any moment goes on as if nothing had happened: weights, optimizer,
    schedule, order and crops of the photos and all random draws come back, and on a CPU the last
    weights are the same to the last bit.

    After `spread_over`, and perhaps `join_hosts`, all devices share the work. Several hosts read
    records and `run_dir` from a shared file system; the first of them alone writes.

    Args:
        network: `models.koala`, `models.lite` or one with their inputs and outputs, built in the
            recipe's precision. Networks with a layer `embedding`, a frozen embedder, need
            records that hold its embeddings.
        records: a folder that `data.prepare` finished.
        run_dir: the run's folder, made where there is none.
        recipe: the settings; `Recipe()` where None.
        epochs: instead of the recipe's; part of the run's identity, as all of the recipe is.
        validation: another such folder, of photos that are not trained on.
        decoding: how the network's outputs become colors, in losses, figures and pictures, and
            wherever the run's network is used; its preset's where None. A run keeps the decoding
            that it began with.
        callbacks: further Keras callbacks.

    Returns:
        `network`, with the weights of the last epoch, averaged where the recipe has `ema`.

    Raises:
        RecordsError: the records are missing, damaged or without the network's embeddings.
        RunError: `run_dir` belongs to another network, recipe or records, is in use by another
            process, cannot be written, or has damaged checkpoints only; the recipe does not fit
            the network, or its batches the devices; the loss is no longer a number; or another
            host was lost.
    """
    recipe = (recipe or Recipe()).replace(epochs=epochs)
    run_dir, records = Path(run_dir), Path(records)
    validation = Path(validation) if validation else None
    check_fit(network, recipe)
    if recipe.best_by == "psnr_at_cf" and validation is None:
        raise RunError("best_by psnr_at_cf needs validation records; give some, or use loss")
    check_run(run_dir, _describe(network, recipe, records, validation))
    with name_lost_host(), lock_run(run_dir) if is_first_host() else contextlib.nullcontext():
        train_locked(
            network,
            records,
            run_dir,
            recipe=recipe,
            validation=validation,
            decoding=decoding,
            callbacks=callbacks,
        )
    return network


def train_locked(
    network: keras.Model,
    records: Path,
    run_dir: Path,
    *,
    recipe: Recipe,
    validation: Path | None,
    decoding: DecodingConfig | None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Do what `train` does, in a folder that this process has locked, after `check_fit`."""
    description = _describe(network, recipe, records, validation)
    keras.utils.set_random_seed(recipe.seed)
    keep_freed_memory()
    stay_on_processor()
    try:
        with name_damage(records, *([validation] if validation else [])):
            with first_host_first():
                if is_first_host():
                    remove_parts(run_dir, run_dir / CHECKPOINTS_DIR)
                begin_run(run_dir, description)
                decoding = settle_decoding(network, run_dir, decoding)
            _fit(network, records, run_dir, recipe, validation, decoding, callbacks)
    except OSError as error:
        raise RunError(
            f"{run_dir}: cannot be written ({error.strerror or error}); make room or go elsewhere"
        ) from error


def _describe(
    network: keras.Model, recipe: Recipe, records: Path, validation: Path | None
) -> dict[str, Any]:
    held_back = load_manifest_for(network, validation) if validation else None
    return describe_run(network, recipe, load_manifest_for(network, records), held_back)


def settle_decoding(
    network: keras.Model, run_dir: Path, decoding: DecodingConfig | None
) -> DecodingConfig:
    """Return how a run's network is decoded, and have the run keep it from its first call on.

    Args:
        network: that is trained; its preset's decoding is used where none is given.
        run_dir: the run's folder, whose own decoding goes before any other.
        decoding: of the weights that the run begins with.
    """
    if decoding is None:
        preset = presets_by_network().get(network.name)
        decoding = DecodingConfig.from_config(preset.decoding if preset else {})
    if not has_decoding(run_dir):
        save_decoding(run_dir, decoding)
    return load_decoding(run_dir, decoding)


def _fit(
    network: keras.Model,
    records: Path,
    run_dir: Path,
    recipe: Recipe,
    validation: Path | None,
    decoding: DecodingConfig,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    checkpoint, epoch = find_checkpoint(run_dir)
    agree("finished epochs", epoch)
    done = trim_log(run_dir / LOG_FILE, epoch) if is_first_host() else []
    stopping = EarlyStopping(recipe, done)
    task = compile_task(network, recipe, decoding, run_dir, records)
    share, embedded = host_share(), has_embedding(network)
    training = training_batches(
        records,
        batch_size=recipe.batch_size,
        size=recipe.size,
        seed=recipe.seed,
        start_step=epoch * recipe.steps_per_epoch,
        with_embedding=embedded,
        share=share,
    )
    read_validation = functools.partial(
        evaluation_batches,
        validation or records,
        batch_size=recipe.batch_size,
        size=recipe.size,
        with_embedding=embedded,
    )
    # Shapes alone: a host of several cannot call the network by itself.
    spec = training.element_spec
    task({name: keras.KerasTensor(part.shape, part.dtype.name) for name, part in spec.items()})
    task.optimizer.build(task.trainable_variables)
    if checkpoint is not None:
        load_checkpoint(task, checkpoint)
    if ask_first_host(stopping.is_over):
        task.optimizer.finalize_variable_values(task.trainable_variables)  # as `fit` does
        return
    writers: list[keras.callbacks.Callback] = []
    if is_first_host():
        batches = read_validation()
        if validation:
            measured = batches.take(-(-MEASURED // recipe.batch_size))
            writers.append(ValidationMetrics(task.trunk, measured, decoding))
        writers += [
            Previews(task.trunk, next(iter(batches)), run_dir, decoding),
            keras.callbacks.CSVLogger(run_dir / LOG_FILE, append=True),
            Checkpoints(network, run_dir, stopping, BEST_FILE),
        ]
    try:
        task.fit(
            training,
            epochs=recipe.epochs,
            steps_per_epoch=recipe.steps_per_epoch,
            initial_epoch=epoch,
            validation_data=(
                read_validation(share=share, devices=count_devices()) if validation else None
            ),
            shuffle=False,  # the stream is shuffled already
            verbose=0,
            callbacks=[ValidateAverage(), *callbacks, *writers, StopTogether()],
        )
    finally:
        for writer in writers:
            if isinstance(writer, keras.callbacks.CSVLogger):
                writer.on_train_end()  # closes the file, which `fit` does only where it succeeds
