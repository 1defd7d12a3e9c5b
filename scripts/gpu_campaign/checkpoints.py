"""What a campaign leaves: averaged weights in half precision, and a state to go on from.

A state is a folder `state-<steps>` of files below 16 MB, so that it can leave a machine too:
`weights.safetensors` and `averaged.safetensors`, as the library reads them; the optimizer's, in
bfloat16; and `progress.json`, written last, without which the folder does not count.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import safetensors.numpy

from deepkoal.atomic_files import write_bytes_atomically, write_text_atomically
from deepkoal.errors import RunError, WeightsError
from deepkoal.models.weights import load_weights, save_weights
from scripts.average_weights import tame_statistics

from .step import State, Stepper

LARGEST_FILE = 15_000_000
PROGRESS = "progress.json"


def save_averaged(stepper: Stepper, state: State, path: Path) -> None:
    """Write the averaged weights, as `deepkoal.models.weights.load_weights` reads them."""
    _save(stepper.assign(state, "averaged"), path)


def drop_averaged(out: Path, keep: int) -> None:
    """Remove the averaged weights written two minutes apart, all but the newest `keep`."""
    written = sorted(out.glob("averaged-*.safetensors"))
    for old in written[: max(0, len(written) - keep)]:
        old.unlink()


def save_state(stepper: Stepper, state: State, out: Path, progress: dict[str, Any]) -> Path:
    """Write a state and remove older ones; return its folder.

    Args:
        stepper: whose state it is.
        state: as a step returned it.
        out: the campaign's folder.
        progress: numbers to be had again; `steps` names the folder.
    """
    folder = out / f"state-{progress['steps']:07d}"
    folder.mkdir(exist_ok=True)
    _save(stepper.assign(state, "trained"), folder / "weights.safetensors")
    save_averaged(stepper, state, folder / "averaged.safetensors")
    arrays = {f"{n:04d}": shorten(np.asarray(x)) for n, x in enumerate(state["optimizer"])}
    for number, group in enumerate(_group(arrays)):
        content = safetensors.numpy.save(group)
        write_bytes_atomically(folder / f"optimizer-{number}.safetensors", content)
    write_text_atomically(folder / PROGRESS, json.dumps(progress))
    for old in out.glob("state-*"):
        if old != folder:
            shutil.rmtree(old)
    return folder


def find_state(folder: Path) -> Path | None:
    """Return the newest whole state in a campaign's folder, or the folder itself if it is one."""
    if (folder / PROGRESS).exists():
        return folder
    whole = [path.parent for path in folder.glob(f"state-*/{PROGRESS}")]
    return max(whole, default=None)


def load_state(stepper: Stepper, folder: Path) -> tuple[State, dict[str, Any]]:
    """Return the state in a folder and its progress.

    Raises:
        RunError: it is damaged or another network's.
        WeightsError: its weights are.
    """
    remedy = "begin from its averaged weights with --start"
    load_weights(stepper.network, folder / "averaged.safetensors")
    averaged = stepper.begin()["averaged"]
    load_weights(stepper.network, folder / "weights.safetensors")
    state = {**stepper.begin(), "averaged": averaged}
    try:
        progress = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        arrays: dict[str, np.ndarray] = {}
        for file in sorted(folder.glob("optimizer-*.safetensors")):
            arrays |= safetensors.numpy.load(file.read_bytes())
        restored = [lengthen(arrays[key]) for key in sorted(arrays)]
        if [x.shape for x in restored] != [x.shape for x in state["optimizer"]]:
            raise ValueError("its optimizer has other shapes")
    except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
        raise RunError(f"{folder}: cannot go on from this state ({error}); {remedy}") from error
    state["optimizer"] = [jax.numpy.array(x) for x in restored]
    return state, progress


def shorten(array: np.ndarray) -> np.ndarray:
    """Round float32 to bfloat16, as the uint16 of its bits; scalars and others stay."""
    if array.dtype != np.float32 or array.ndim == 0:
        return array
    bits = np.ascontiguousarray(array).view("uint32")
    rounded: np.ndarray = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16  # halves to even
    return rounded.astype("uint16")


def lengthen(array: np.ndarray) -> np.ndarray:
    """Return what `shorten` rounded, as float32."""
    if array.dtype != np.uint16:
        return array
    return (array.astype("uint32") << 16).view("float32")


def check_file_size(stepper: Stepper, limit: int = 16_000_000) -> None:
    """Make sure, before training, that a file of the network's weights stays below 16 MB.

    Raises:
        WeightsError: it does not.
    """
    size = 2 * sum(int(np.prod(variable.shape)) for variable in stepper.network.weights)
    if size >= limit:
        raise WeightsError(
            f"the weights of {stepper.network.name} take {size / 1e6:.0f} MB in half precision, "
            f"more than the {limit / 1e6:.0f} MB that a file may have; train a smaller network"
        )


def _save(network: keras.Model, path: Path) -> None:
    # A variance that half precision cannot hold would end a campaign which is otherwise in order.
    tame_statistics(network)
    save_weights(network, path)


def _group(arrays: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Split arrays, in order, into groups that fit a file."""
    groups: list[dict[str, np.ndarray]] = [{}]
    size = 0
    for key, array in arrays.items():
        if size + array.nbytes > LARGEST_FILE:
            groups.append({})
            size = 0
        groups[-1][key] = array
        size += array.nbytes
    return groups
