"""Checkpoints that a killed run continues from, and the best network so far."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import keras

from deepkoal.config import RunError

CHECKPOINTS_DIR = "checkpoints"
KEPT = 2
_NAME = re.compile(r"epoch-(\d+)\.weights\.h5")


def _list_checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """Return finished epochs and file of each checkpoint, the newest last."""
    matches = ((_NAME.fullmatch(path.name), path) for path in folder.glob("epoch-*"))
    return sorted((int(match[1]), path) for match, path in matches if match)


def newest_checkpoint(run_dir: Path) -> tuple[Path | None, int]:
    """Find the newest checkpoint of a run.

    Returns:
        Its path and the number of finished epochs; `(None, 0)` where there is none.
    """
    found = _list_checkpoints(run_dir / CHECKPOINTS_DIR)
    return (found[-1][1], found[-1][0]) if found else (None, 0)


def load_checkpoint(task: keras.Model, path: Path) -> None:
    """Bring a compiled and built task to the state of a checkpoint, its optimizer included.

    Raises:
        RunError: the file is damaged.
    """
    try:
        task.load_weights(path)
    except Exception as error:  # h5py and Keras raise a different one for each kind of damage
        reason = str(error).partition("\n")[0]
        raise RunError(
            f"{path} cannot be loaded ({reason}); delete it, and the same command goes on from "
            "the checkpoint before it"
        ) from error


def trim_log(path: Path, epochs: int) -> float:
    """Drop the rows a killed run wrote after its last checkpoint.

    Args:
        path: a log of `keras.callbacks.CSVLogger`; may be absent.
        epochs: how many epochs the checkpoint has finished.

    Returns:
        The lowest loss among the rows kept (validation's where it was measured), or infinity.
    """
    if not path.exists():
        return math.inf
    with path.open(newline="", encoding="utf-8") as log:
        reader = csv.DictReader(log)
        rows = [row for row in reader if int(row["epoch"]) < epochs]
        fields = list(reader.fieldnames or [])
    if not rows:
        path.unlink()
        return math.inf
    part = path.with_name(f"part-{path.name}")
    with part.open("w", newline="", encoding="utf-8") as log:
        writer = csv.DictWriter(log, fields)
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)
    # CSVLogger writes NA where nothing was validated.
    judged = "loss" if any(row["val_loss"] == "NA" for row in rows) else "val_loss"
    return min(float(row[judged]) for row in rows)


class Checkpoints(keras.callbacks.Callback):
    """Keep the best network and the last states of a run, each file whole or absent.

    Args:
        network: what is kept where it is the best.
        run_dir: the run's folder.
        best: lowest loss so far.
        best_name: file of the best network.
    """

    def __init__(self, network: keras.Model, run_dir: Path, best: float, best_name: str) -> None:
        super().__init__()
        self._network = network
        self._best_path = run_dir / best_name
        self._folder = run_dir / CHECKPOINTS_DIR
        self._best = best

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the best network where it is one, then the state to go on from."""
        logs = logs or {}
        loss = logs.get("val_loss", logs["loss"])
        if not math.isfinite(loss):
            raise RunError(
                f"the loss became {loss} in epoch {epoch + 1}: lower the learning rate or use "
                "float32; the last checkpoint is kept"
            )
        try:
            if loss < self._best or not self._best_path.exists():
                self._best = loss
                part = self._best_path.with_name(f"part-{self._best_path.name}")
                self._network.save(part)
                part.replace(self._best_path)
            self._folder.mkdir(exist_ok=True)
            path = self._folder / f"epoch-{epoch + 1:04d}.weights.h5"
            part = path.with_name(f"part-{path.name}")
            self.model.save_weights(part, overwrite=True)
            part.replace(path)
        except OSError as error:
            raise RunError(
                f"{self._folder.parent}: the checkpoint of epoch {epoch + 1} cannot be written "
                f"({error}); make room and run the same command again"
            ) from error
        for _, old in _list_checkpoints(self._folder)[:-KEPT]:
            old.unlink()
