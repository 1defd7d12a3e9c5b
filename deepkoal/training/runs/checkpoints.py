"""Checkpoints that a killed run continues from, and the best network so far."""

from __future__ import annotations

import contextlib
import csv
import errno
import hashlib
import math
import os
import re
import shutil
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras

from deepkoal.atomic_files import replace_atomically
from deepkoal.errors import RunError
from deepkoal.training.coordination import alone
from deepkoal.training.optimizer import averaged_weights
from deepkoal.training.runs.validation_metrics import EarlyStopping

CHECKPOINTS_DIR = "checkpoints"
KEPT = 2
_NAME = re.compile(r"epoch-(\d+)-([0-9a-f]{16})\.weights\.h5")


def find_checkpoint(run_dir: Path) -> tuple[Path | None, int]:
    """Find the newest whole checkpoint of a run.

    A file's name holds the hash of its content, so that one which a kill, a full disk or a bad
    block tore is known. It is left out with a warning.

    Returns:
        Its path and the number of finished epochs; `(None, 0)` where there is none.

    Raises:
        RunError: there are checkpoints, and none is whole.
    """
    torn = []
    for epoch, path in reversed(_list_checkpoints(run_dir / CHECKPOINTS_DIR)):
        if _hash(path) != _match(path)[2]:
            torn.append(path)
            continue
        for damaged in torn:
            warnings.warn(f"{damaged} is damaged: going on from {path.name}", stacklevel=2)
        return path, epoch
    if torn:
        raise RunError(
            f"{torn[0].parent}: every checkpoint is damaged; delete that folder to begin anew (the "
            "best network beside it is of use as it is)"
        )
    return None, 0


def load_checkpoint(task: keras.Model, path: Path) -> None:
    """Bring a compiled and built task to the state of a checkpoint, its optimizer included.

    Raises:
        RunError: it is whole, but of another task.
    """
    try:
        task.load_weights(path)
    except Exception as error:  # h5py and Keras raise a different one for each kind of trouble
        reason = str(error).partition("\n")[0]
        raise RunError(
            f"{path} does not fit what is trained ({reason}); another version of deepkoal or "
            "Keras wrote it: go on with that one, or choose another run folder"
        ) from error


def trim_log(path: Path, epochs: int) -> list[dict[str, str]]:
    """Drop the rows, whole or not, that a killed run wrote after its last checkpoint.

    Args:
        path: a log of `keras.callbacks.CSVLogger`; may be absent.
        epochs: how many epochs the checkpoint has finished.

    Returns:
        The rows kept.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as log:
        reader = csv.DictReader(log)
        rows = list(reader)[:epochs]
        fields = list(reader.fieldnames or [])
    if not rows:
        path.unlink()
        return []

    with replace_atomically(path) as part, part.open("w", newline="", encoding="utf-8") as log:
        writer = csv.DictWriter(log, fields)
        writer.writeheader()
        writer.writerows(rows)
    return rows


class Checkpoints(keras.callbacks.Callback):
    """Keep the best network and the last states of a run, each file whole or absent.

    Args:
        network: what is kept where it is the best.
        run_dir: the run's folder.
        stopping: knows the epochs before; where the run is over by it, training stops.
        best_name: file of the best network.
    """

    def __init__(
        self, network: keras.Model, run_dir: Path, stopping: EarlyStopping, best_name: str
    ) -> None:
        super().__init__()
        self._network = network
        self._best_path = run_dir / best_name
        self._folder = run_dir / CHECKPOINTS_DIR
        self._stopping = stopping

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
            self._folder.mkdir(exist_ok=True)
            with alone():
                if self._stopping.add(logs) or not self._best_path.exists():
                    self._write_best()
                self._write_checkpoint(epoch + 1)
        except OSError as error:
            raise RunError(
                f"{self._folder.parent}: the checkpoint of epoch {epoch + 1} cannot be written "
                f"({error.strerror or error}); make room and run the same command again"
            ) from error
        for _, old in _list_checkpoints(self._folder)[:-KEPT]:
            old.unlink()
        if self._stopping.is_over:
            self.model.stop_training = True

    def _write_best(self) -> None:
        _check_room(self._folder, self._network.variables)
        with (
            averaged_weights(self.model),
            replace_atomically(self._best_path) as part,
            _name_full_disk(part),
        ):
            self._network.save(part)

    def _write_checkpoint(self, epochs: int) -> None:
        optimizer = getattr(self.model, "optimizer", None)
        _check_room(self._folder, [*self.model.variables, *getattr(optimizer, "variables", [])])
        newest = self._folder / "newest.weights.h5"
        with replace_atomically(newest) as part, _name_full_disk(part):
            self.model.save_weights(part, overwrite=True)
        newest.replace(self._folder / f"epoch-{epochs:04d}-{_hash(newest)}.weights.h5")


def _list_checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """Return finished epochs and file of each checkpoint, the newest last."""
    paths = (path for path in folder.glob("epoch-*") if _NAME.fullmatch(path.name))
    return sorted(((int(_match(path)[1]), path) for path in paths), key=_age)


def _age(found: tuple[int, Path]) -> tuple[int, int]:
    epoch, path = found
    return epoch, path.stat().st_mtime_ns  # of one epoch there are two where one was torn


def _match(path: Path) -> re.Match[str]:
    match = _NAME.fullmatch(path.name)
    assert match
    return match


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _check_room(folder: Path, variables: Sequence[keras.Variable]) -> None:
    """Raise what the system would: h5py stumbles where a disk is full, and says so at length."""
    needed = sum(4 * math.prod(variable.shape) + 1024 for variable in variables)
    if shutil.disk_usage(folder).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


@contextlib.contextmanager
def _name_full_disk(path: Path) -> Iterator[None]:
    """Raise the system's error where h5py, closing a file, puts it within a text of its own."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        number = re.search(r"errno = (\d+)", str(error))
        if isinstance(error, OSError) or number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
