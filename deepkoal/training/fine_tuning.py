"""Fine-tuning: a network that colors photos already learns those of one's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from deepkoal.data import evaluation_batches
from deepkoal.errors import RunError
from deepkoal.evaluation import calibrate
from deepkoal.guidance import DecodingConfig
from deepkoal.inference.colorizer import Colorizer
from deepkoal.models.weights import shipped_models_dir
from deepkoal.pretrained.presets import Preset, is_preset, load_recipe, presets_by_network
from deepkoal.pretrained.recipe import Recipe
from deepkoal.pretrained.run_dir import (
    check_run,
    describe_task,
    load_decoding,
    lock_run,
    save_decoding,
)
from deepkoal.training.compilation import check_fit, has_embedding
from deepkoal.training.own_photos import (
    OwnPhotos,
    PhotoPlan,
    fit_photo_size,
    plan_photos,
    record_photos,
)
from deepkoal.training.run import train_locked

RECIPE_KIND = "finetune"
FEWEST_PHOTOS = 16
"""Photos that a decoding is calibrated on, where there are as many."""
MOST_PHOTOS = 64
"""Held-back photos that it is calibrated on at most."""


def has_finetune_recipe(preset: str) -> bool:
    """Return whether a preset came with a recipe for fine-tuning."""
    return (shipped_models_dir() / preset / f"{RECIPE_KIND}.toml").is_file()


def find_decoding(start: str | Path | None, preset: Preset) -> DecodingConfig:
    """Return the decoding of the weights that training begins with.

    Args:
        start: as in `networks.begin_with`; None for an untrained network.
        preset: of the network that is trained, whose decoding is for what keeps none.

    Raises:
        WeightsError: there are no such weights, or the decoding of the run is damaged.
    """
    decoding = DecodingConfig.from_config(preset.decoding)
    if start is None or is_preset(start):
        return decoding
    path = Path(start)
    return load_decoding(path if path.is_dir() else path.parent, decoding)


def fine_tune(
    network: keras.Model,
    photos: str | Path | PhotoPlan,
    run_dir: str | Path,
    *,
    recipe: Recipe | None = None,
    decoding: DecodingConfig | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: bool = False,
    report: Callable[[OwnPhotos], None] | None = None,
) -> Colorizer:
    """Train a network further on a folder of photos; called again, go on where it stopped.

    Photos are recorded in the run's folder first, one in ten of them held back as validation
    photos (see `plan_photos`); then the network is trained there as `train` does it, and at last
    its decoding is calibrated, so that at vibrance 1 photos are as colorful as they should be: on
    those held back and, where they are fewer than sixteen, on some that were trained on. Nothing
    is written where the run is refused.

    Args:
        network: with the weights to begin with, such as `networks.load_network("koala-lite")`.
        photos: a folder of color photos, at any depth; or what `plan_photos` returned for it.
        run_dir: the run's folder, made where there is none.
        recipe: the settings; the preset's `finetune.toml` where None.
        decoding: how the weights' outputs were decoded so far; as the preset's where None.
        callbacks: further Keras callbacks.
        progress: draw bars on stderr while photos are read and measured.
        report: called, before training begins, with what has become of the photos.

    Returns:
        The run's best network, as `Colorizer.from_file(run_dir)` loads it.

    Raises:
        PhotoError, RecordsError: there are no photos that can be trained on.
        RunError: `run_dir` belongs to another network, recipe or other photos, or as in `train`.
        WeightsError: the network's preset has no recipe for fine-tuning.
    """
    run_dir = Path(run_dir)
    preset = presets_by_network()[network.name]
    recipe = recipe or load_recipe(preset.name, RECIPE_KIND)
    decoding = decoding or DecodingConfig.from_config(preset.decoding)
    check_fit(network, recipe)
    check_run(run_dir, describe_task(network, recipe))
    size = fit_photo_size(recipe.size)
    if not isinstance(photos, PhotoPlan):
        embedder = network.get_layer("embedding") if has_embedding(network) else None
        photos = plan_photos(photos, run_dir, size=size, embedder=embedder)
    with lock_run(run_dir):
        own = record_photos(photos, run_dir, progress=progress)
        if own.validation is None and recipe.best_by == "psnr_at_cf":
            raise RunError(
                "best_by psnr_at_cf needs photos held back, of which there are none; use loss"
            )
        if report is not None:
            report(own)
        train_locked(
            network,
            own.records,
            run_dir,
            recipe=recipe,
            validation=own.validation,
            decoding=decoding,
            callbacks=callbacks,
        )
        colorizer = Colorizer.from_file(run_dir)
        colorizer.decoding = dataclasses.replace(decoding, prior=colorizer.decoding.prior)
        photos_to_match = read_calibration_photos(own, size)
        colorizer.decoding = calibrate(colorizer, photos_to_match, progress=progress)
        save_decoding(run_dir, colorizer.decoding)
    return colorizer


def read_calibration_photos(own: OwnPhotos, size: int) -> list[np.ndarray]:
    """Return the photos to calibrate on as squares, uint8 (size, size, 3) sRGB."""
    chosen: list[np.ndarray] = []
    for records, most in ((own.validation, MOST_PHOTOS), (own.records, FEWEST_PHOTOS)):
        if records is not None and len(chosen) < most:
            batches = evaluation_batches(records, batch_size=most - len(chosen), size=size)
            chosen += list(next(iter(batches))["rgb"].numpy())
    return chosen
