"""A run's folder: whose it is, its crops' size, and how its network's outputs are decoded."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import deepkoal
from deepkoal.atomic_files import lock_folder, write_text_atomically
from deepkoal.errors import RunError, WeightsError
from deepkoal.guidance import DecodingConfig
from deepkoal.pretrained.recipe import Recipe, rename_settings

if TYPE_CHECKING:
    import keras

    from deepkoal.data import Manifest

RUN_FILE = "run.json"
PRIOR_FILE = "prior.npy"
DECODING_FILE = "decoding.json"
_FORMER_DECODING_FILE = "reading.json"  # of runs of version 0.1


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


def save_decoding(folder: Path, decoding: DecodingConfig) -> None:
    """Write how a run's network is decoded, but for the prior, which the run measures.

    Raises:
        RunError: the file cannot be written.
    """
    path = folder / DECODING_FILE
    config = decoding.to_config()
    del config["prior"]
    try:
        write_text_atomically(path, json.dumps(config, indent=2) + "\n")
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror}); make room") from error


def has_decoding(folder: Path) -> bool:
    """Return whether a folder keeps how its network is decoded."""
    return _find_decoding_file(folder) is not None


def load_decoding(folder: Path, otherwise: DecodingConfig) -> DecodingConfig:
    """Return how a run's network is decoded.

    Args:
        folder: the run's, or any other.
        otherwise: the decoding of the network's preset, for a run that keeps none.

    Returns:
        The run's decoding, with the prior of its own photos where it has measured one.

    Raises:
        WeightsError: one of its files is damaged.
    """
    decoding = otherwise
    path = _find_decoding_file(folder) or folder / DECODING_FILE
    try:
        if path.is_file():
            decoding = DecodingConfig.from_config(json.loads(path.read_text(encoding="utf-8")))
            decoding = dataclasses.replace(decoding, prior=otherwise.prior)
        path = folder / PRIOR_FILE
        if path.is_file():
            prior = np.load(path).astype(np.float32)
            decoding = dataclasses.replace(decoding, prior=prior)
    except (OSError, ValueError, TypeError, AttributeError, EOFError) as error:
        raise _damaged(path, error) from error
    return decoding


def _find_decoding_file(folder: Path) -> Path | None:
    places = (folder / name for name in (DECODING_FILE, _FORMER_DECODING_FILE))
    return next((place for place in places if place.is_file()), None)


def _damaged(path: Path, error: Exception) -> WeightsError:
    return WeightsError(
        f"{path} is damaged ({type(error).__name__}: {error}); move the .keras file to a "
        "folder of its own, or train again"
    )


def describe_run(
    network: keras.Model, recipe: Recipe, records: Manifest, validation: Manifest | None
) -> dict[str, Any]:
    """Return what makes one run differ from another, as JSON holds it."""
    description = {
        **describe_task(network, recipe),
        "records": _describe_records(records),
        "validation": _describe_records(validation) if validation else None,
        "version": deepkoal.__version__,
    }
    return dict(json.loads(json.dumps(description)))


def describe_task(network: keras.Model, recipe: Recipe) -> dict[str, Any]:
    """Return the part of `describe_run` that is known before there are records."""
    return {
        "network": network.name,
        "parameters": network.count_params(),
        "recipe": dataclasses.asdict(recipe),
    }


def check_run(run_dir: Path, description: Mapping[str, Any]) -> None:
    """Make sure, without writing, that a folder is no other run's.

    Args:
        run_dir: the run's folder; there may be none.
        description: what `describe_run` returned, or parts of it.

    Raises:
        RunError: the folder belongs to another run, or its `run.json` cannot be read.
    """
    path = run_dir / RUN_FILE
    try:
        if not path.exists():
            return
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not isinstance(found.get("recipe", {}), dict):
            raise ValueError(f"{RUN_FILE} is damaged")
    except (OSError, ValueError) as error:
        raise _unusable(run_dir, error) from error
    # A setting that deepkoal did not have when the run began was then as its default is now.
    if "recipe" in found:
        found["recipe"] = {**dataclasses.asdict(Recipe()), **rename_settings(found["recipe"])}
    for key, asked in description.items():
        # The version may change during a run; what it did not write down yet is not compared.
        if key != "version" and not _is_same(found.get(key, asked), asked):
            raise RunError(
                f"{run_dir} is a run of {found.get('network')} with other {key} "
                f"({_difference(found[key], asked)}); "
                "choose another folder, or the same settings to go on; a finished run is trained "
                "further by another one that begins with its network (--from)"
            )


def begin_run(run_dir: Path, description: Mapping[str, Any]) -> None:
    """Make the folder this run's, or make sure that it is.

    Args:
        run_dir: the run's folder, made where there is none.
        description: what `describe_run` returned.

    Raises:
        RunError: the folder belongs to another run, or cannot be read or written.
    """
    check_run(run_dir, description)
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        if not (run_dir / RUN_FILE).exists():
            text = json.dumps(description, indent=2) + "\n"
            write_text_atomically(run_dir / RUN_FILE, text)
    except OSError as error:
        raise _unusable(run_dir, error) from error


@contextlib.contextmanager
def lock_run(run_dir: Path) -> Iterator[None]:
    """Hold a run's folder against other processes, see `atomic_files.lock_folder`.

    Raises:
        RunError: another process trains there, or the folder cannot be made or written to.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock_folder(run_dir))
        except BlockingIOError as error:
            raise RunError(
                f"{run_dir} is in use: another process trains there; wait until it has ended, or "
                "choose another folder"
            ) from error
        except OSError as error:
            raise _unusable(run_dir, error) from error
        yield


def _unusable(run_dir: Path, error: Exception) -> RunError:
    cause = getattr(error, "strerror", None) or error
    return RunError(f"{run_dir}: cannot be used as a run's folder ({cause}); choose another")


def _describe_records(manifest: Manifest) -> dict[str, Any]:
    return {"count": manifest.count, **dataclasses.asdict(manifest.settings)}


def _is_same(found: Any, asked: Any) -> bool:
    """Compare; of two tables what is asked, so that a part of one can be."""
    if isinstance(found, dict) and isinstance(asked, dict):
        return all(found.get(name) == value for name, value in asked.items())
    return bool(found == asked)


def _difference(found: Any, asked: Any) -> str:
    if not isinstance(found, dict) or not isinstance(asked, dict):
        return f"{_brief(found)} there, {_brief(asked)} asked"
    return ", ".join(
        f"{name}: {found.get(name)} there, {asked.get(name)} asked"
        for name in asked
        if found.get(name) != asked.get(name)
    )


def _brief(value: Any) -> Any:
    return f"{value.get('count')} photos" if isinstance(value, dict) else value
