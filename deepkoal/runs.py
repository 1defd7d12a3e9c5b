"""What a run's folder tells beside its network: its crops' size, and how to read its outputs."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np

from deepkoal.config import RunError, WeightsError
from deepkoal.guidance import Reading

RUN_FILE = "run.json"
PRIOR_FILE = "prior.npy"
READING_FILE = "reading.json"


def read_training_size(folder: Path) -> int | None:
    """Read the side in pixels of a run's crops, or None where the folder is no run's.

    Raises:
        WeightsError: `run.json` is damaged.
    """
    path = folder / RUN_FILE
    if not path.is_file():
        return None
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["recipe"]["size"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _damaged(path, error) from error


def save_reading(folder: Path, reading: Reading) -> None:
    """Write how a run's network is to be read, but for the prior, which the run measures.

    Raises:
        RunError: the file cannot be written.
    """
    path = folder / READING_FILE
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    config = reading.to_config()
    del config["prior"]
    try:
        part.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RunError(f"{path}: cannot be written ({error.strerror}); make room") from error


def load_reading(folder: Path, otherwise: Reading) -> Reading:
    """Read how a run's network is to be read.

    Args:
        folder: the run's, or any other.
        otherwise: the reading of the network's preset, for a run that keeps none.

    Returns:
        The run's reading, with the prior of its own photos where it has measured one.

    Raises:
        WeightsError: one of its files is damaged.
    """
    path = folder / READING_FILE
    reading = otherwise
    try:
        if path.is_file():
            reading = Reading.from_config(json.loads(path.read_text(encoding="utf-8")))
            reading = dataclasses.replace(reading, prior=otherwise.prior)
        path = folder / PRIOR_FILE
        if path.is_file():
            prior = np.load(path).astype(np.float32)
            reading = dataclasses.replace(reading, prior=prior)
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise _damaged(path, error) from error
    return reading


def _damaged(path: Path, error: Exception) -> WeightsError:
    return WeightsError(
        f"{path} is damaged ({type(error).__name__}: {error}); move the .keras file to a "
        "folder of its own, or train again"
    )
