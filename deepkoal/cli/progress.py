"""Progress of a training run, drawn once there is some. Import it late: it imports Keras."""

from __future__ import annotations

from typing import Any

import keras
from tqdm.keras import TqdmCallback


class RunProgress(keras.callbacks.Callback):
    """tqdm's bars for Keras, which begin with training, so that an error before stands alone.

    Attributes:
        has_trained: whether an epoch has begun: a finished run has none left.
    """

    def __init__(self) -> None:
        super().__init__()
        self.has_trained = False
        self._bars: Any = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Draw the bars before the first epoch."""
        if self._bars is None:
            self._bars = TqdmCallback(verbose=1)
            self._bars.set_params(self.params)
            self._bars.on_train_begin()
        self.has_trained = True
        self._bars.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Move the bar of epochs."""
        self._bars.on_epoch_end(epoch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Move the bar of batches."""
        self._bars.on_batch_end(batch, logs)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Close the bars."""
        if self._bars is not None:
            self._bars.on_train_end(logs)
