"""Fine-tuning: a network that colors photos already learns those of one's own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import keras
import numpy as np

from deepkoal.arrays import ByteArray
from deepkoal.atomic_files import replace_atomically, write_json_atomically
from deepkoal.data import evaluation_batches
from deepkoal.errors import RunError
from deepkoal.evaluation import calibrate, measure_psnr_at_cf
from deepkoal.guidance import DecodingConfig
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.loading import fit_to_crops
from deepkoal.pretrained.networks import BEST_FILE
from deepkoal.pretrained.presets import (
    FINETUNE,
    Preset,
    is_preset,
    load_recipe,
    presets_by_network,
)
from deepkoal.pretrained.recipe import Recipe
from deepkoal.pretrained.run_dir import (
    check_run,
    describe_task,
    load_decoding,
    lock_run,
    save_decoding,
)
from deepkoal.training.compilation import check_fit, has_embedding
from deepkoal.training.runs.own_photos import (
    OwnPhotos,
    PhotoPlan,
    fit_photo_size,
    plan_photos,
    record_photos,
)
from deepkoal.training.runs.run import train_locked

FEWEST_PHOTOS = 16
"""Photos that a decoding is calibrated on, where there are as many."""
MOST_PHOTOS = 64
"""Held-back photos that it is calibrated and judged on at most."""
GAIN_FILE = "gain.json"


@dataclass(frozen=True)
class Gain:
    """What fine-tuning gained on photos held back.

    Attributes:
        before: PSNR@CF in dB of the weights that training began with; None where there were no
            photos to judge by, or no vibrance made them as colorful as they are.
        trained: the same of the best network of the training.
        held_back: photos that both were measured on.
    """

    before: float | None
    trained: float | None
    held_back: int

    @property
    def is_kept(self) -> bool:
        """Whether the run's network is the trained one, and not what it began with."""
        return self.before is None or (self.trained is not None and self.trained > self.before)

    @classmethod
    def read(cls, run_dir: str | Path) -> Self | None:
        """Read what a finished run gained; None where it is not finished.

        Raises:
            RunError: the file is damaged.
        """
        path = Path(run_dir) / GAIN_FILE
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None
        except (OSError, ValueError, TypeError) as error:
            raise RunError(
                f"{path} is damaged ({error}); delete it to judge the run anew"
            ) from error


def find_decoding(start: str | Path | None, preset: Preset) -> DecodingConfig:
    """Return the decoding of the weights that training begins with.

    Args:
        start: as in `beginnings.begin_with`; None for an untrained network.
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
    is_trained: bool = True,
    progress: bool = False,
    report: Callable[[OwnPhotos], None] | None = None,
) -> Colorizer:
    """Train a network further on a folder of photos; called again, go on where it stopped.

    Photos are recorded in the run's folder first, one in ten of them held back as validation
    photos (see `plan_photos`); then the network is trained there as `train` does it, and at last
    its decoding is calibrated, so that at vibrance 1 photos are as colorful as they should be: on
    those held back and, where they are fewer than sixteen, on some that were trained on. Where
    PSNR@CF on the photos held back is no higher than it was before, the run keeps the weights and
    the decoding that it began with; `Gain.read(run_dir)` says so. Nothing is written where the run
    is refused.

    Args:
        network: with the weights to begin with, such as `networks.load_network("koala-lite")`.
        photos: a folder of color photos, at any depth; or what `plan_photos` returned for it.
        run_dir: the run's folder, made where there is none.
        recipe: the settings; the preset's `finetune.toml` where None.
        decoding: how the weights' outputs were decoded so far; as the preset's where None.
        callbacks: further Keras callbacks.
        is_trained: whether the network knows colors already, so that it is judged beforehand.
        progress: draw bars on stderr while photos are read and measured.
        report: called, before training begins, with what has become of the photos.

    Returns:
        The run's network, as `Colorizer.from_file(run_dir)` loads it.

    Raises:
        PhotoError, RecordsError: there are no photos that can be trained on.
        RunError: `run_dir` belongs to another network, recipe or other photos, or as in `train`.
        WeightsError: the network's preset has no recipe for fine-tuning.
    """
    run_dir = Path(run_dir)
    preset = presets_by_network()[network.name]
    recipe = recipe or load_recipe(preset.name, FINETUNE)
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
        if Gain.read(run_dir) is None:
            measured = _read_measured(own, size)
            first = [weight.numpy() for weight in network.weights]
            before = None
            if is_trained and measured:
                sizes = fit_to_crops(preset, recipe.size)
                began = Colorizer(network, working_size=sizes, decoding=decoding)
                before = measure_psnr_at_cf(began, measured, progress=progress)
            train_locked(
                network,
                own.records,
                run_dir,
                recipe=recipe,
                validation=own.validation,
                decoding=decoding,
                callbacks=callbacks,
            )
            calibrated = calibrate_run(run_dir, own, size, decoding, progress=progress)
            trained = (
                measure_psnr_at_cf(calibrated, measured, progress=progress) if measured else None
            )
            gain = Gain(before, trained, len(measured))
            if not gain.is_kept:
                _go_back(network, first, run_dir)
            save_decoding(run_dir, calibrated.decoding if gain.is_kept else decoding)
            write_json_atomically(run_dir / GAIN_FILE, dataclasses.asdict(gain))
            if gain.is_kept:
                # As it would be loaded now, but ready: it has colored photos.
                calibrated.decoding = load_decoding(run_dir, calibrated.decoding)
                return calibrated
    return Colorizer.from_file(run_dir)


def calibrate_run(
    run_dir: Path, own: OwnPhotos, size: int, decoding: DecodingConfig, *, progress: bool = False
) -> Colorizer:
    """Return a run's best network with its decoding calibrated, see `calibrate`.

    Args:
        run_dir: the run's folder.
        own: its photos.
        size: side in pixels of the squares that are measured.
        decoding: to begin with, but for the prior, which is the run's own.
        progress: draw bars on stderr.
    """
    colorizer = Colorizer.from_file(run_dir)
    colorizer.decoding = dataclasses.replace(decoding, prior=colorizer.decoding.prior)
    photos = _read_measured(own, size)
    if len(photos) < FEWEST_PHOTOS:
        photos = photos + read_squares(own.records, FEWEST_PHOTOS - len(photos), size)
    colorizer.decoding = calibrate(colorizer, photos, progress=progress)
    return colorizer


def _go_back(network: keras.Model, weights: Sequence[np.ndarray], run_dir: Path) -> None:
    """Make the weights that a run began with its network."""
    for variable, value in zip(network.weights, weights, strict=True):
        variable.assign(value)
    with replace_atomically(run_dir / BEST_FILE) as part:
        network.save(part)


def _read_measured(own: OwnPhotos, size: int) -> list[ByteArray]:
    return read_squares(own.validation, MOST_PHOTOS, size) if own.validation else []


def read_squares(records: Path, count: int, size: int) -> list[ByteArray]:
    """Return the first photos of records as squares, uint8 (size, size, 3) sRGB."""
    batches = evaluation_batches(records, batch_size=count, size=size)
    return list(next(iter(batches))["rgb"].numpy())
