"""Training a network with plain `fit`, in a folder that a later call can continue."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from deepkoal.data import (
    Manifest,
    evaluation_batches,
    load_manifest,
    name_damage,
    stay_on_processor,
    training_batches,
)
from deepkoal.data.degradation import DegradeLightness
from deepkoal.errors import RecordsError, RunError
from deepkoal.memory import keep_freed_memory
from deepkoal.pretrained.networks import BEST_FILE
from deepkoal.pretrained.recipe import Recipe
from deepkoal.pretrained.run_dir import PRIOR_FILE, claim_run, describe_run
from deepkoal.training.checkpoints import (
    Checkpoints,
    find_checkpoint,
    load_checkpoint,
    trim_log,
    write_whole,
)
from deepkoal.training.color_prior import measure_prior
from deepkoal.training.devices import (
    StopTogether,
    agree,
    ask_first_host,
    check_batch,
    count_devices,
    first_host_first,
    host_share,
    is_first_host,
    name_lost_host,
)
from deepkoal.training.early_stopping import EarlyStopping
from deepkoal.training.optimizer import RatedAdamW
from deepkoal.training.previews import Previews
from deepkoal.training.recipe_losses import build_losses, check_losses
from deepkoal.training.task import ColorizationTask, network_from_embedding
from deepkoal.training.validation_metrics import ValidationMetrics

LOG_FILE = "log.csv"
IMAGENET_CLASSES = 1000
JUDGED = 256
"""Validation photos, at most, that PSNR@CF is measured on at the end of an epoch."""


def train(
    network: keras.Model,
    records: str | Path,
    run_dir: str | Path,
    *,
    recipe: Recipe | None = None,
    epochs: int | None = None,
    validation: str | Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> keras.Model:
    """Train a network on prepared records; called again, go on where the run stopped.

    `run_dir` receives `run.json` (what is trained, on what, how), `log.csv`, `best.keras` (the
    best network by the recipe's `best_by`; without validation records by the training loss),
    `checkpoints/` (the last two epochs, with the optimizer), `previews/` and `tensorboard/`
    (before, after and truth of the same photos at each epoch).

    A run that was killed at any moment goes on as if nothing had happened: weights, optimizer,
    schedule, order and crops of the photos and all random draws come back, and on a CPU the last
    weights are the same to the last bit.

    After `spread_over`, and perhaps `join_hosts`, all devices share the work. Several hosts read
    records and `run_dir` from a shared file system; the first of them alone writes.

    Args:
        network: `models.koala`, `models.lite` or one with their inputs and outputs, built in the
            recipe's precision. Networks with a layer `embedding`, a frozen embedder, need
            records that hold its embeddings.
        records: a folder that `dataset.prepare` finished.
        run_dir: the run's folder, made where there is none.
        recipe: the settings; `Recipe()` where None.
        epochs: instead of the recipe's; part of the run's identity, as all of the recipe is.
        validation: another such folder, of photos that are not trained on.
        callbacks: further Keras callbacks.

    Returns:
        `network`, with the weights of the last epoch.

    Raises:
        RecordsError: the records are missing, damaged or without the network's embeddings.
        RunError: `run_dir` belongs to another network, recipe or records, cannot be written, or
            has damaged checkpoints only; the recipe does not fit the network, or its batches the
            devices; the loss is no longer a number; or another host was lost.
    """
    recipe = (recipe or Recipe()).replace(epochs=epochs)
    run_dir, records = Path(run_dir), Path(records)
    validation = Path(validation) if validation else None
    _check_precision(network, recipe.precision)
    check_batch(recipe.batch_size)
    check_losses(recipe, network)
    if recipe.best_by == "psnr_at_cf" and validation is None:
        raise RunError("best_by psnr_at_cf needs validation records; give some, or use loss")
    description = describe_run(
        network,
        recipe,
        _load_manifest_for(network, records),
        _load_manifest_for(network, validation) if validation else None,
    )
    keras.utils.set_random_seed(recipe.seed)
    keep_freed_memory()
    stay_on_processor()
    try:
        with name_lost_host(), name_damage(records, *([validation] if validation else [])):
            with first_host_first():
                claim_run(run_dir, description)
            _fit(network, records, run_dir, recipe, validation, callbacks)
    except OSError as error:
        raise RunError(
            f"{run_dir}: cannot be written ({error}); make room or choose another folder"
        ) from error
    return network


def _fit(
    network: keras.Model,
    records: Path,
    run_dir: Path,
    recipe: Recipe,
    validation: Path | None,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    checkpoint, epoch = find_checkpoint(run_dir)
    agree("finished epochs", epoch)
    standing = EarlyStopping(recipe, trim_log(run_dir / LOG_FILE, epoch) if is_first_host() else [])
    task = compile_task(network, recipe, run_dir, records)
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
    read_judged = functools.partial(
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
    if ask_first_host(standing.is_over):
        return
    writers: list[keras.callbacks.Callback] = []
    if is_first_host():
        judged = read_judged()
        if validation:
            writers.append(
                ValidationMetrics(task.trunk, judged.take(-(-JUDGED // recipe.batch_size)))
            )
        writers += [
            Previews(task.trunk, next(iter(judged)), run_dir),
            keras.callbacks.CSVLogger(run_dir / LOG_FILE, append=True),
            Checkpoints(network, run_dir, standing, BEST_FILE),
        ]
    try:
        task.fit(
            training,
            epochs=recipe.epochs,
            steps_per_epoch=recipe.steps_per_epoch,
            initial_epoch=epoch,
            validation_data=(
                read_judged(share=share, devices=count_devices()) if validation else None
            ),
            shuffle=False,  # the stream is shuffled already
            verbose=0,
            callbacks=[*callbacks, *writers, StopTogether()],
        )
    finally:
        for writer in writers:
            if isinstance(writer, keras.callbacks.CSVLogger):
                writer.on_train_end()  # closes the file, which `fit` does only where it succeeds


def has_embedding(network: keras.Model) -> bool:
    """Tell whether a frozen embedder feeds the network: its records stand in for it."""
    return any(layer.name == "embedding" for layer in network.layers)


def _load_manifest_for(network: keras.Model, records: Path) -> Manifest:
    """Read the records' manifest and make sure that they hold embeddings for the network."""
    manifest = load_manifest(records)
    if has_embedding(network):
        embedder = network.get_layer("embedding")
        stored, dim = manifest.settings.embedder, manifest.settings.embedding_dim
        needed, needed_dim = getattr(embedder, "identity", stored), embedder.output.shape[-1]
        known = needed in (stored or "").split("+")
        # Standardized logits of the same classes stand in for each other.
        if dim != needed_dim or not (known or dim == IMAGENET_CLASSES):
            raise RecordsError(
                f"{records} holds embeddings of {stored} (dimension {dim}), but the "
                f"network needs those of {needed} (dimension {needed_dim}): prepare the photos "
                "again with the network's embedder"
            )
    return manifest


def _check_precision(network: keras.Model, precision: str) -> None:
    own = [layer for layer in network.layers if not isinstance(layer, keras.Model)]
    mixed = {layer.dtype_policy.name for layer in own if layer.weights} - {"float32"}
    built = mixed.pop() if mixed else "float32"
    if built != precision:
        raise RunError(
            f"the recipe's precision is {precision}, but {network.name} was built in {built}: "
            "build it under keras.config.set_dtype_policy, or change the recipe"
        )


def compile_task(
    network: keras.Model, recipe: Recipe, run_dir: Path, records: Path
) -> ColorizationTask:
    """Return what `fit` trains, as a recipe says, with its optimizer; `run_dir` keeps the prior."""
    trunk = network_from_embedding(network) if has_embedding(network) else network
    degrade = DegradeLightness(recipe.degradation, recipe.seed) if recipe.degradation else None
    losses = build_losses(recipe, network, lambda: _load_prior(run_dir / PRIOR_FILE, records))
    task = ColorizationTask(trunk, losses, degrade)
    steps = recipe.epochs * recipe.steps_per_epoch
    warmup = round(recipe.warmup * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / 25,
        decay_steps=max(1, steps - warmup),
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    encoders = [layer for layer in network.layers if layer.name == "encoder"]
    optimizer = RatedAdamW(
        schedule,
        beta_1=recipe.momentum,
        decay=recipe.weight_decay,
        rates={
            **dict.fromkeys(_list_paths(encoders), recipe.encoder_rate),
            **dict.fromkeys(_list_paths(task.discriminators), recipe.discriminator_rate),
        },
        waiting=_list_paths([trunk]),
        wait=recipe.discriminator_warmup,
    )
    if recipe.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    task.compile(optimizer)
    return task


def _list_paths(layers: Sequence[keras.layers.Layer]) -> list[str]:
    return [variable.path for layer in layers for variable in layer.trainable_variables]


def _load_prior(path: Path, records: Path) -> np.ndarray:
    """Measure the records' color prior once a run."""
    with first_host_first():
        if not path.exists():
            write_whole(path, lambda part: np.save(part, measure_prior(records)))
    return np.asarray(np.load(path))
