"""The protocol's headline figure, of validation photos, at the end of each epoch."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from deepkoal.color import denormalize_l
from deepkoal.evaluation.fidelity import Row, match_colorfulness
from deepkoal.evaluation.metrics import colorfulness, psnr
from deepkoal.rendering.composition import compose_rgb
from deepkoal.training.devices import predict_here
from deepkoal.training.task import Batch, join_input, read_ab, rgb_to_l_ab

FloatArray = NDArray[np.float32]


class ValidationMetrics(keras.callbacks.Callback):
    """Log `val_psnr_at_cf` and `val_cf`.

    Like the protocol's PSNR@CF, but at the size of the training crops, with colors enlarged
    bilinearly. Colorfulness is that at vibrance 1.

    Args:
        trunk: takes what batches bring, as `ColorizationTask.trunk` does.
        batches: of validation photos.
    """

    def __init__(self, trunk: keras.Model, batches: Iterable[Batch]) -> None:
        super().__init__()
        self._trunk, self._batches = trunk, batches

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Measure, and add to the epoch's logs."""
        photos = [photo for batch in self._batches for photo in self._color(batch)]
        true_cf = float(np.mean([colorfulness(rgb) for _, _, rgb in photos]))

        def read(vibrance: float) -> Row:
            colored = [compose_rgb(l, np.float32(vibrance) * ab) for l, ab, _ in photos]
            cf = float(np.mean([colorfulness(rgb) for rgb in colored]))
            pairs = zip(colored, photos, strict=True)
            near = float(np.mean([psnr(rgb, truth) for rgb, (_, _, truth) in pairs]))
            return Row("validation", vibrance, near, cf, abs(cf - true_cf))

        if logs is not None:
            logs["val_psnr_at_cf"] = match_colorfulness(read, true_cf).psnr
            logs["val_cf"] = read(1.0).cf

    def _color(self, batch: Batch) -> Iterable[tuple[FloatArray, FloatArray, np.ndarray]]:
        """Return l (H, W), ab (H, W, 2) and the true rgb of each photo."""
        l_norm, _ = rgb_to_l_ab(batch["rgb"])
        ab = read_ab(predict_here(self._trunk, join_input(l_norm, batch)))
        ls = ops.convert_to_numpy(denormalize_l(l_norm))[..., 0]
        size = ls.shape[2], ls.shape[1]
        for l, coarse, rgb in zip(ls, ops.convert_to_numpy(ab), batch["rgb"], strict=True):
            yield l, cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR), np.asarray(rgb)
