"""Half-precision weights as safetensors files, keyed by variable path, and where they ship.

Keras and NumPy are imported only where weights are saved or loaded, so that finding them is
quick.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.atomic_files import write_bytes_atomically
from deepkoal.errors import WeightsError

if TYPE_CHECKING:
    import keras
    import numpy as np

MODELS_ENV = "DEEPKOAL_MODELS"
WEIGHTS_FILE = "weights.safetensors"


def save_weights(model: keras.Model, path: str | Path, *, skip: Collection[str] = ()) -> str:
    """Write every weight of `model` to a safetensors file, floats in half precision.

    A weight's key is its variable path without the model's own name (`stem_conv/kernel`).
    BatchNormalization statistics are included; seed-generator and metric state is not.
    The file appears whole or not at all.

    Args:
        model: a built model of any float dtype, on any backend.
        path: the file to write; its folder must exist.
        skip: names of layers of `model` to leave out, such as a frozen embedder.

    Returns:
        The file's sha256 in hexadecimal.

    Raises:
        WeightsError: two weights share a path, a weight is not finite in half precision,
            or the file cannot be written.
    """
    import safetensors.numpy

    path = Path(path)
    arrays = {key: _half(variable, key) for key, variable in _by_key(model, skip).items()}
    return write_whole(path, safetensors.numpy.save(arrays))


def load_weights(
    model: keras.Model,
    path: str | Path,
    sha256: str | None = None,
    *,
    skip: Collection[str] = (),
) -> None:
    """Assign to `model` the weights that `save_weights` wrote; all of them, or none on error.

    Args:
        model: a built model, or one built into another model, with the file's variable paths.
        path: the safetensors file.
        sha256: expected digest of the file in hexadecimal; None skips the check.
        skip: names of layers of `model` that keep their weights, as left out of the file.

    Raises:
        WeightsError: the file is absent, unreadable, not safetensors or not of digest
            `sha256`, or its names or shapes are not the model's.
    """
    import keras

    path = Path(path)
    arrays = _read(path, sha256)
    variables = _by_key(model, skip)
    remedy = f"build the network that this file was saved from, or pass weights of {model.name}"
    missing = sorted(variables.keys() - arrays.keys())
    if missing:
        raise WeightsError(
            f"{path}: lacks {missing[0]} (and {len(missing) - 1} more) of {model.name}; {remedy}"
        )
    unexpected = sorted(arrays.keys() - variables.keys())
    if unexpected:
        raise WeightsError(
            f"{path}: holds {unexpected[0]} (and {len(unexpected) - 1} more), unknown to "
            f"{model.name}; {remedy}"
        )
    for key, variable in variables.items():
        if tuple(variable.shape) != arrays[key].shape:
            raise WeightsError(
                f"{path}: expected {key} of shape {tuple(variable.shape)}, "
                f"found {arrays[key].shape}; {remedy}"
            )
    for key, variable in variables.items():
        variable.assign(arrays[key].astype(keras.backend.standardize_dtype(variable.dtype)))


def read_shapes(path: str | Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a safetensors file's arrays by their names, without reading these.

    Raises:
        WeightsError: the file is absent, unreadable or not safetensors.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise WeightsError(f"{path}: cannot read weights ({error}); check the path") from error
    except SafetensorError as error:
        raise WeightsError(f"{path} is damaged ({error}); fetch the file again") from error


def write_whole(path: Path, data: bytes) -> str:
    """Write a file whole or not at all, see `atomic_files.replace_atomically`.

    Returns:
        The file's sha256 in hexadecimal.

    Raises:
        WeightsError: it cannot be written.
    """
    try:
        write_bytes_atomically(path, data)
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot write weights ({error.strerror}); choose a writable place"
        ) from error
    return hashlib.sha256(data).hexdigest()


def check_sha256(path: Path, data: bytes, sha256: str | None) -> None:
    """Refuse a file's content of another digest; None skips the check.

    Raises:
        WeightsError: it is of another digest.
    """
    if sha256 is not None and (found := hashlib.sha256(data).hexdigest()) != sha256.lower():
        raise WeightsError(f"{path}: expected sha256 {sha256}, found {found}; fetch the file again")


def shipped_models_dir() -> Path:
    """Return the folder with one subfolder of weights per shipped model.

    It is the folder named by the environment variable `DEEPKOAL_MODELS` if that is set, else
    `shipped_models/` within the installed package, else `models/` of the checkout this package
    lies in, which is where the former is packed from.

    Raises:
        WeightsError: none of these folders holds weights.
    """
    chosen = os.environ.get(MODELS_ENV)
    places = [Path(chosen)] if chosen else _default_places()
    for place in places:
        if any(place.glob(f"*/{WEIGHTS_FILE}")):
            return place
    raise WeightsError(
        f"no model weights in {' or '.join(str(place) for place in places)}; reinstall deepkoal, "
        f"or set {MODELS_ENV} to its models/ folder"
    )


def find_shipped(name: str, file: str = WEIGHTS_FILE) -> Path:
    """Return the path of a shipped model's file, by default its weights.

    Args:
        name: the model's folder, such as `efficientnet-lite0`.
        file: the file's name in that folder.

    Raises:
        WeightsError: there is no such file among the shipped models.
    """
    place = shipped_models_dir()
    path = place / name / file
    if not path.is_file():
        known = ", ".join(sorted(found.parent.name for found in place.glob(f"*/{WEIGHTS_FILE}")))
        raise WeightsError(
            f"no {name}/{file} in {place}, which has weights of {known}; choose one of these, "
            f"reinstall deepkoal, or set {MODELS_ENV} to a folder that holds it"
        )
    return path


def _default_places() -> list[Path]:
    package = Path(str(importlib.resources.files("deepkoal")))
    return [package / "shipped_models", package.parent / "models"]


def _by_key(model: keras.Model, skip: Collection[str]) -> dict[str, keras.Variable]:
    skipped = {id(variable) for name in skip for variable in model.get_layer(name).weights}
    prefix = f"{model.name}/"
    variables: dict[str, keras.Variable] = {}
    for variable in model.weights:
        if id(variable) in skipped:
            continue
        key = variable.path.removeprefix(prefix)
        if key in variables:
            raise WeightsError(
                f"{model.name}: two weights share the path {key}; give its layers distinct names"
            )
        variables[key] = variable
    return variables


def _half(variable: keras.Variable, key: str) -> np.ndarray:
    import keras
    import numpy as np

    values = np.asarray(variable)
    if not keras.backend.is_float_dtype(variable.dtype):
        return values.copy(order="C")
    with np.errstate(over="ignore"):
        halved = values.astype(np.float16, order="C")
    if not np.isfinite(halved).all():
        raise WeightsError(
            f"{key}: expected finite values within ±65504 (half precision), found others; "
            "the training has diverged: go back to an earlier checkpoint"
        )
    return halved


def _read(path: Path, sha256: str | None) -> dict[str, np.ndarray]:
    import safetensors.numpy
    from safetensors import SafetensorError

    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot read weights ({error.strerror}); check the path"
        ) from error
    check_sha256(path, data, sha256)
    try:
        return dict(safetensors.numpy.load(data))
    except (SafetensorError, KeyError, ValueError) as error:
        raise WeightsError(
            f"{path}: expected a safetensors file ({error}); fetch the file again"
        ) from error
