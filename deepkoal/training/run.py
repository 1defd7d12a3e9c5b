"""Training a network with plain `fit`, in a folder that a later call can continue."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

import deepkoal
from deepkoal.config import Recipe, RunError
from deepkoal.dataset import evaluation_batches, load_manifest, training_batches
from deepkoal.losses import AbMeanSquaredError, RebalancedCrossEntropy, rebalancing_weights
from deepkoal.training.checkpoints import Checkpoints, newest_checkpoint, trim_log
from deepkoal.training.memory import keep_freed_memory
from deepkoal.training.previews import Previews
from deepkoal.training.prior import measure_prior
from deepkoal.training.task import ColorizationTask, RatedAdamW, network_from_embedding

RUN_FILE = "run.json"
LOG_FILE = "log.csv"
BEST_FILE = "best.keras"
PRIOR_FILE = "prior.npy"


def train(
    network: keras.Model,
    records: str | Path,
    run_dir: str | Path,
    *,
    recipe: Recipe | None = None,
    validation: str | Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> keras.Model:
    """Train a network on prepared records; called again, go on where the run stopped.

    `run_dir` receives `run.json` (what is trained, on what, how), `log.csv`, `best.keras` (the
    network at its lowest validation loss, or training loss without validation records),
    `checkpoints/` (the last two epochs, with the optimizer), `previews/` and `tensorboard/`
    (before, after and truth of the same photos at each epoch).

    Args:
        network: `models.koala`, `models.lite` or one with their inputs and outputs. Networks with
            a layer `embedding` fed by a frozen embedder need records that hold its embeddings.
        records: a folder that `dataset.prepare` finished.
        run_dir: the run's folder, made where there is none.
        recipe: the settings; `Recipe()` where None.
        validation: another such folder, of photos that are not trained on.
        callbacks: further Keras callbacks.

    Returns:
        `network`, with the weights of the last epoch.

    Raises:
        RecordsError: the records are missing, damaged or without the network's embeddings.
        RunError: `run_dir` belongs to another network, recipe or records, or cannot be written.
    """
    recipe = recipe or Recipe()
    run_dir = Path(run_dir)
    embedded = _needs_embedding(network)
    manifest = load_manifest(records)
    _claim(run_dir, _describe(network, recipe, manifest))
    keras.utils.set_random_seed(recipe.seed)
    keep_freed_memory()

    task = _compile(network, recipe, run_dir, Path(records), embedded)
    checkpoint, epoch = newest_checkpoint(run_dir)
    training = training_batches(
        records,
        batch_size=recipe.batch_size,
        size=recipe.size,
        seed=recipe.seed,
        start_step=epoch * recipe.steps_per_epoch,
        with_embedding=embedded,
    )
    judged = evaluation_batches(
        validation or records, batch_size=recipe.batch_size, size=recipe.size,
        with_embedding=embedded,
    )
    task(next(iter(training)))
    task.optimizer.build(task.trainable_variables)
    if checkpoint is not None:
        task.load_weights(checkpoint)
    best = trim_log(run_dir / LOG_FILE, epoch)
    task.fit(
        training,
        epochs=recipe.epochs,
        steps_per_epoch=recipe.steps_per_epoch,
        initial_epoch=epoch,
        validation_data=judged if validation else None,
        shuffle=False,  # the stream is shuffled already
        verbose=0,
        callbacks=[
            *callbacks,
            Previews(task.trunk, next(iter(judged)), run_dir),
            keras.callbacks.CSVLogger(run_dir / LOG_FILE, append=True),
            Checkpoints(network, run_dir, best, BEST_FILE),
        ],
    )
    return network


def _needs_embedding(network: keras.Model) -> bool:
    """Tell whether a frozen embedder feeds the network: its records stand in for it."""
    return any(layer.name == "embedding" for layer in network.layers)


def _compile(
    network: keras.Model, recipe: Recipe, run_dir: Path, records: Path, embedded: bool
) -> ColorizationTask:
    trunk = network_from_embedding(network) if embedded else network
    if "logits" in network.output:
        prior = _load_prior(run_dir / PRIOR_FILE, records)
        weights = rebalancing_weights(prior, recipe.rebalance_mix, recipe.rebalance_power)
        task = ColorizationTask(trunk, "logits", RebalancedCrossEntropy(weights))
    else:
        task = ColorizationTask(trunk, "ab_norm", AbMeanSquaredError())
    steps = recipe.epochs * recipe.steps_per_epoch
    warmup = round(recipe.warmup * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / 25,
        decay_steps=steps - warmup,
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    encoder = [layer for layer in network.layers if layer.name == "encoder"]
    slow = encoder[0].trainable_variables if encoder else []
    task.compile(RatedAdamW(slow, recipe.encoder_rate, schedule, recipe.weight_decay))
    return task


def _load_prior(path: Path, records: Path) -> np.ndarray:
    """Measure the records' color prior once a run."""
    if not path.exists():
        np.save(path, measure_prior(records))
    return np.asarray(np.load(path))


def _describe(network: keras.Model, recipe: Recipe, manifest: Any) -> dict[str, Any]:
    return {
        "network": network.name,
        "parameters": network.count_params(),
        "recipe": dataclasses.asdict(recipe),
        "records": {"count": manifest.count, **dataclasses.asdict(manifest.settings)},
        "version": deepkoal.__version__,
    }


def _claim(run_dir: Path, description: dict[str, Any]) -> None:
    """Make the run's folder this run's, or make sure that it is."""
    path = run_dir / RUN_FILE
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
            return
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{run_dir}: cannot be used as a run's folder ({error})") from error
    for key in ("network", "parameters", "recipe", "records"):
        if found.get(key) != json.loads(json.dumps(description[key])):
            raise RunError(
                f"{run_dir} is a run of {found.get('network')} with other {key} "
                f"({_difference(found.get(key), description[key])}); "
                "choose another folder, or the same settings to go on"
            )


def _difference(found: Any, asked: Any) -> str:
    if not isinstance(found, dict):
        return f"{found} there, {asked} asked"
    changed = [name for name in asked if found.get(name) != json.loads(json.dumps(asked[name]))]
    return ", ".join(f"{name}: {found.get(name)} there, {asked[name]} asked" for name in changed)
