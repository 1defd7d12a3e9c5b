"""What a recipe makes of a network: the task that `fit` trains, and what it must fit before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from deepkoal.atomic_files import replace_atomically
from deepkoal.color import encode_ab
from deepkoal.data import Manifest, evaluation_batches, load_manifest
from deepkoal.data.degradation import DegradeLightness
from deepkoal.data.film import FilmLightness
from deepkoal.errors import RecordsError, RunError
from deepkoal.guidance import DecodingConfig
from deepkoal.pretrained.recipe import Recipe
from deepkoal.pretrained.run_dir import PRIOR_FILE
from deepkoal.training.coordination import first_host_first
from deepkoal.training.devices import check_batch
from deepkoal.training.optimizer import RatedAdamW, build_schedule
from deepkoal.training.recipe_losses import build_losses, check_losses
from deepkoal.training.task import ColorizationTask, network_from_embedding, rgb_to_l_ab

IMAGENET_CLASSES = 1000


def check_fit(network: keras.Model, recipe: Recipe) -> None:
    """Make sure, before anything is written, that a recipe fits a network and the devices.

    Raises:
        RunError: it does not.
    """
    _check_precision(network, recipe.precision)
    check_batch(recipe.batch_size)
    check_losses(recipe, network)


def has_embedding(network: keras.Model) -> bool:
    """Return whether a frozen embedder feeds the network: its records stand in for it."""
    return any(layer.name == "embedding" for layer in network.layers)


def load_manifest_for(network: keras.Model, records: Path) -> Manifest:
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


def compile_task(
    network: keras.Model, recipe: Recipe, decoding: DecodingConfig, run_dir: Path, records: Path
) -> ColorizationTask:
    """Return what `fit` trains, as a recipe says, with its optimizer; `run_dir` keeps the prior."""
    trunk = network_from_embedding(network) if has_embedding(network) else network
    degrade = DegradeLightness(recipe.degradation, recipe.seed) if recipe.degradation else None
    film = FilmLightness(recipe.film, recipe.seed) if recipe.film else None
    losses = build_losses(recipe, network, lambda: _load_prior(run_dir / PRIOR_FILE, records))
    task = ColorizationTask(trunk, losses, decoding, degrade, film)
    encoders = [layer for layer in network.layers if layer.name == "encoder"]
    optimizer = RatedAdamW(
        build_schedule(recipe),
        beta_1=recipe.momentum,
        decay=recipe.weight_decay,
        rates={
            **dict.fromkeys(_list_paths(encoders), recipe.encoder_rate),
            **dict.fromkeys(_list_paths(task.discriminators), recipe.discriminator_rate),
        },
        waiting=_list_paths([trunk]),
        wait=recipe.discriminator_warmup,
        ema=recipe.ema,
    )
    if recipe.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    task.compile(optimizer)
    return task


def _check_precision(network: keras.Model, precision: str) -> None:
    own = [layer for layer in network.layers if not isinstance(layer, keras.Model)]
    mixed = {layer.dtype_policy.name for layer in own if layer.weights} - {"float32"}
    built = mixed.pop() if mixed else "float32"
    if built != precision:
        raise RunError(
            f"the recipe's precision is {precision}, but {network.name} was built in {built}: "
            "build it under keras.config.set_dtype_policy, or change the recipe"
        )


def _list_paths(layers: Sequence[keras.layers.Layer]) -> list[str]:
    return [variable.path for layer in layers for variable in layer.trainable_variables]


def _load_prior(path: Path, records: Path) -> np.ndarray:
    """Measure the records' color prior once a run."""
    with first_host_first():
        if not path.exists():
            with replace_atomically(path) as part:
                np.save(part, measure_prior(records))
    return np.asarray(np.load(path))


def measure_prior(records: str | Path, photos: int = 4096) -> np.ndarray:
    """Measure the distribution of ab over its bins, softly as `encode_ab` does.

    Args:
        records: a folder that `data.prepare` finished; its order is random already.
        photos: how many of them to look at, each at 64×64.

    Returns:
        float64 (Q,), positive, summing to 1.
    """
    batches = evaluation_batches(records, batch_size=64, size=64)
    histogram = np.zeros((221, 221))
    for batch in batches.take(-(-photos // 64)):
        ab = rgb_to_l_ab(batch["rgb"].numpy())[1].reshape(-1, 2)
        steps = np.clip(np.rint(ab), -110, 110).astype(int) + 110
        np.add.at(histogram, (steps[:, 0], steps[:, 1]), 1)
    found = np.argwhere(histogram)
    encoded = encode_ab((found - 110).astype("float32"))
    prior = histogram[tuple(found.T)] @ encoded.astype("float64") + 1e-6
    return np.asarray(prior / prior.sum())
