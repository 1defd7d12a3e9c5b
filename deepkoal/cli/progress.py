"""Progress of a training run, shown once there is some. Import it late: it imports Keras."""

from __future__ import annotations

from typing import Any

import keras
from tqdm.keras import TqdmCallback

from deepkoal.cli.console import report
from deepkoal.progress_bars import can_move


class RunProgress(keras.callbacks.Callback):
    """tqdm's bars for Keras, which begin with training, so that an error before stands alone.

    Where no bar could move, as in a log file, it is one line for each epoch.

    Attributes:
        has_trained: whether an epoch has begun: a finished run has none left.
    """

    def __init__(self) -> None:
        super().__init__()
        self.has_trained = False
        self._bars: Any = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Draw the bars before the first epoch."""
        self.has_trained = True
        if not can_move():
            return
        if self._bars is None:
            self._bars = TqdmCallback(verbose=1)
            self._bars.set_params(self.params)
            self._bars.on_train_begin()
        self._bars.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Move the bar of epochs."""
        if self._bars is not None:
            self._bars.on_epoch_end(epoch, logs)
            return
        figures = "".join(f", {name} {value:.4g}" for name, value in (logs or {}).items())
        report(f"epoch {epoch + 1} of {self.params['epochs']}{figures}")

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Move the bar of batches."""
        if self._bars is not None:
            self._bars.on_batch_end(batch, logs)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Close the bars."""
        if self._bars is not None:
            self._bars.on_train_end(logs)
