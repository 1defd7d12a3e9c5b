"""Fine-tuning: a network that colors photos already learns those of one's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from deepkoal.data import evaluation_batches
from deepkoal.evaluation import calibrate
from deepkoal.guidance import DecodingConfig
from deepkoal.inference.colorizer import Colorizer
from deepkoal.models.weights import shipped_models_dir
from deepkoal.pretrained.presets import Preset, is_preset, list_presets, load_recipe
from deepkoal.pretrained.recipe import Recipe
from deepkoal.pretrained.run_dir import load_decoding, save_decoding
from deepkoal.training.own_photos import OwnPhotos, fit_photo_size, prepare_photos
from deepkoal.training.recipe_losses import check_losses
from deepkoal.training.run import has_embedding, train

RECIPE_KIND = "finetune"
FEWEST_JUDGES = 16
"""Photos that a reading is calibrated on, where there are as many."""
MOST_JUDGES = 64
"""Held-back photos that it is calibrated on at most."""


def has_finetune_recipe(preset: str) -> bool:
    """Tell whether a preset came with a recipe for fine-tuning."""
    return (shipped_models_dir() / preset / f"{RECIPE_KIND}.toml").is_file()


def find_decoding(start: str | Path | None, preset: Preset) -> DecodingConfig:
    """Return the reading of the weights that training begins with.

    Args:
        start: as in `presets.begin_with`; None for an untrained network.
        preset: of the network that is trained, whose reading is for what keeps none.

    Raises:
        WeightsError: there are no such weights, or the reading of the run is damaged.
    """
    decoding = DecodingConfig.from_config(preset.decoding)
    if start is None or is_preset(start):
        return decoding
    path = Path(start)
    return load_decoding(path if path.is_dir() else path.parent, decoding)


class KeepDecoding(keras.callbacks.Callback):
    """Write down, when a run begins, how its network is to be read.

    Args:
        run_dir: the run's folder.
        decoding: of the weights that the run begins with.
    """

    def __init__(self, run_dir: str | Path, decoding: DecodingConfig) -> None:
        super().__init__()
        self._run_dir = Path(run_dir)
        self._reading = decoding

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Write it."""
        save_decoding(self._run_dir, self._reading)


def fine_tune(
    network: keras.Model,
    photos: str | Path,
    run_dir: str | Path,
    *,
    recipe: Recipe | None = None,
    decoding: DecodingConfig | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: bool = False,
) -> Colorizer:
    """Train a network further on a folder of photos; called again, go on where it stopped.

    Photos are recorded in the run's folder first, one in ten of them held back as validation
    photos (see `prepare_photos`); then `train` does its work there, and at last the reading is
    calibrated, so that at vibrance 1 photos are as colorful as they should be: on those held back
    and, where they are fewer than sixteen, on some that were trained on.

    Args:
        network: with the weights to begin with, such as `presets.load_network("koala-lite")`.
        photos: a folder of color photos, at any depth.
        run_dir: the run's folder, made where there is none.
        recipe: the settings; the preset's `finetune.toml` where None.
        decoding: how the weights were read so far; as the preset tells where None.
        callbacks: further Keras callbacks.
        progress: draw bars on stderr while photos are read and measured.

    Returns:
        The run's best network, as `Colorizer.from_file(run_dir)` loads it.

    Raises:
        PhotoError, RecordsError: there are no photos that can be trained on.
        RunError: `run_dir` belongs to another network, recipe or other photos, or as in `train`.
        WeightsError: the network's preset has no recipe for fine-tuning.
    """
    preset = {preset.network: preset for preset in list_presets()}[network.name]
    recipe = recipe or load_recipe(preset.name, RECIPE_KIND)
    decoding = decoding or DecodingConfig.from_config(preset.decoding)
    check_losses(recipe, network)
    own = prepare_photos(
        photos,
        run_dir,
        size=fit_photo_size(recipe.size),
        embedder=network.get_layer("embedding") if has_embedding(network) else None,
        progress=progress,
    )
    train(
        network,
        own.records,
        run_dir,
        recipe=recipe,
        validation=own.validation,
        callbacks=[KeepDecoding(run_dir, decoding), *callbacks],
    )
    colorizer = Colorizer.from_file(run_dir)
    colorizer.decoding = dataclasses.replace(decoding, prior=colorizer.decoding.prior)
    judges = read_judges(own, fit_photo_size(recipe.size))
    colorizer.decoding = calibrate(colorizer, judges, progress=progress)
    save_decoding(Path(run_dir), colorizer.decoding)
    return colorizer


def read_judges(own: OwnPhotos, size: int) -> list[np.ndarray]:
    """Return the photos to calibrate on as squares, uint8 (size, size, 3) sRGB."""
    judges: list[np.ndarray] = []
    for records, most in ((own.validation, MOST_JUDGES), (own.records, FEWEST_JUDGES)):
        if records is not None and len(judges) < most:
            batches = evaluation_batches(records, batch_size=most - len(judges), size=size)
            judges += list(next(iter(batches))["rgb"].numpy())
    return judges
