"""Average the weights of runs that began with each other's: often better than each of them.

    python scripts/average_weights.py OUT RUN=SHARE RUN=SHARE …

A run is a folder, a .keras file or the name of a preset; shares need not add up to one. OUT becomes
a folder like the first run's, with the average as its best network (Wortsman et al. 2022, "Model
soups", arXiv 2203.05482).
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from deepkoal.errors import DeepkoalError
from deepkoal.pretrained.networks import BEST_FILE, load_network, load_trained
from deepkoal.pretrained.presets import list_presets

LARGEST_VARIANCE = 2.0**14
"""Of batch normalization, so that half precision can hold it."""


def load(name: str) -> keras.Model:
    """Return the network of a run, a file or a preset."""
    presets = [preset.name for preset in list_presets()]
    return load_network(name) if name in presets else load_trained(name)[0]


def average(networks: Sequence[keras.Model], shares: Sequence[float]) -> None:
    """Give the first network the mean of all networks' weights; what is no number it keeps."""
    parts = np.array(shares) / sum(shares)
    for variables in zip(*(network.weights for network in networks), strict=True):
        if len({variable.shape for variable in variables}) > 1:
            raise ValueError(f"{variables[0].path} is not of one shape")
        if keras.backend.is_float_dtype(variables[0].dtype):
            values = np.stack([np.asarray(variable, np.float64) for variable in variables])
            variables[0].assign(np.tensordot(parts, values, 1).astype(np.float32))


def tame_statistics(network: keras.Model) -> None:
    """Scale each convolution whose normalization has seen too large a variance; nothing changes."""
    for layer in network.layers:
        if not isinstance(layer, keras.layers.BatchNormalization):
            continue
        gamma, beta, mean, variance = layer.get_weights()
        scale = 1.0
        while variance.max() / scale**2 > LARGEST_VARIANCE:
            scale *= 2
        if scale > 1:
            convolution = network.get_layer(layer.name.replace("_norm", "_conv"))
            convolution.set_weights([weight / scale for weight in convolution.get_weights()])
            layer.set_weights([gamma, beta, mean / scale, variance / scale**2])


def main() -> None:
    """Average and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", nargs="+", metavar="RUN=SHARE")
    arguments = parser.parse_args()
    names, shares = [], []
    for run in arguments.runs:
        name, is_given, share = run.rpartition("=")
        if not is_given or not share.replace(".", "", 1).isdecimal():
            parser.error(f"expected RUN=SHARE, got {run!r}")
        names.append(name)
        shares.append(float(share))
    try:
        networks = [load(name) for name in names]
        average(networks, shares)
    except (DeepkoalError, ValueError) as error:
        parser.error(f"these networks cannot be averaged: {error}")
    tame_statistics(networks[0])
    arguments.out.mkdir(parents=True, exist_ok=True)
    for file in Path(names[0]).glob("[!.]*.*"):
        if file.is_file() and file.name != BEST_FILE:
            shutil.copy(file, arguments.out)
    networks[0].save(arguments.out / BEST_FILE)


if __name__ == "__main__":
    main()
