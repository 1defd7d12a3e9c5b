"""What validation photos show after each epoch: figures, the best network, when to stop."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from deepkoal.arrays import ByteArray
from deepkoal.evaluation.figures.fidelity import Row, match_colorfulness
from deepkoal.evaluation.metrics import colorfulness, psnr
from deepkoal.evaluation.photos import Workers
from deepkoal.guidance import DecodingConfig
from deepkoal.inference.prediction import Prediction
from deepkoal.pretrained.recipe import Recipe
from deepkoal.training.optimizer import averaged_weights
from deepkoal.training.runs.previews import predict_photos
from deepkoal.training.task import Batch


class ValidationMetrics(keras.callbacks.Callback):
    """Log `val_psnr_at_cf` and `val_cf`.

    The protocol's PSNR@CF and its colorfulness at vibrance 1, but at the size of the training
    crops: the photos are decoded, cleaned up and rendered as `Colorizer` does it, at each vibrance
    anew.

    Args:
        trunk: takes what batches bring, as `ColorizationTask.trunk` does.
        batches: of validation photos.
        decoding: as in `Colorizer`.
    """

    def __init__(
        self, trunk: keras.Model, batches: Iterable[Batch], decoding: DecodingConfig
    ) -> None:
        super().__init__()
        self._trunk, self._batches, self._decoding = trunk, batches, decoding

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Measure, and add to the epoch's logs."""
        with averaged_weights(self.model):
            photos = [
                (_cast(prediction, np.float16), rgb)  # which halves what they take of memory
                for batch in self._batches
                for prediction, rgb in predict_photos(self._trunk, batch, self._decoding)
            ]
        true_cf = float(np.mean([colorfulness(rgb) for _, rgb in photos]))
        with Workers() as workers:

            @functools.cache  # vibrance 1 is asked for twice
            def measure(vibrance: float) -> Row:
                def measure_one(photo: tuple[Prediction, ByteArray]) -> tuple[float, float]:
                    colored = _cast(photo[0], np.float32).render(vibrance=vibrance)
                    return psnr(colored, photo[1]), colorfulness(colored)

                near, cf = np.mean(workers.map(measure_one, photos, ""), axis=0)
                return Row("validation", vibrance, float(near), float(cf), abs(float(cf) - true_cf))

            if logs is not None:
                logs["val_psnr_at_cf"] = match_colorfulness(measure, true_cf).psnr
                logs["val_cf"] = measure(1.0).cf


def _cast(prediction: Prediction, dtype: type[np.floating[Any]]) -> Prediction:
    """Return a prediction with outputs of another precision."""
    outputs: dict[str, Any] = dict(prediction.outputs)
    if dtype is np.float16 and "logits" in outputs:  # finest about zero; a softmax is the same
        outputs["logits"] = outputs["logits"] - outputs["logits"].max(axis=-1, keepdims=True)
    cast = {name: output.astype(dtype) for name, output in outputs.items()}
    return dataclasses.replace(prediction, outputs=cast)


class EarlyStopping:
    """The best epoch so far.

    Args:
        recipe: says what is best, and how long to wait for better.
        epochs: figures of the epochs that are done, by name, as numbers or text.
    """

    def __init__(self, recipe: Recipe, epochs: Sequence[Mapping[str, float | str]]) -> None:
        self._by, self._patience = recipe.best_by, recipe.patience
        # A network that stands still gets no better.
        self._waited = -(-recipe.discriminator_warmup // recipe.steps_per_epoch)
        self._best, self._best_epoch, self._done = math.inf, 0, 0
        for figures in epochs:
            self.add(figures)

    def add(self, figures: Mapping[str, float | str]) -> bool:
        """Take in the figures of one more epoch; return whether its network is the best so far."""
        self._done += 1
        score = self._score(figures)
        if score >= self._best:
            return False
        self._best, self._best_epoch = score, self._done
        return True

    @property
    def is_over(self) -> bool:
        """Whether the best is too long ago."""
        since = self._done - max(self._best_epoch, self._waited)
        return bool(self._patience) and since >= self._patience

    def _score(self, figures: Mapping[str, float | str]) -> float:
        """Return the figure that the least of is best; it is no number where it was not taken."""
        if self._by == "psnr_at_cf":
            return -float(figures["val_psnr_at_cf"])
        validated = figures.get("val_loss", "NA")  # as CSVLogger writes what was not validated
        return float(figures["loss"] if validated == "NA" else validated)
