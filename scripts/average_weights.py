"""Average the weights of runs that began with each other's: often better than each of them.

    python scripts/average_weights.py OUT RUN=SHARE RUN=SHARE …

A run is a folder, a .keras file or the name of a preset; shares need not add up to one. OUT becomes
a folder like the first run's, with the average as its best network (Wortsman et al. 2022, "Model
soups", arXiv 2203.05482).
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import keras
import numpy as np

from deepkoal.pretrained.networks import BEST_FILE, load_network, load_trained
from deepkoal.pretrained.presets import list_presets

LARGEST_VARIANCE = 2.0**14
"""Of batch normalization, so that half precision can hold it."""


def load(name: str) -> keras.Model:
    """Return the network of a run, a file or a preset."""
    presets = [preset.name for preset in list_presets()]
    return load_network(name) if name in presets else load_trained(name)[0]


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
    names, shares = zip(*(run.rsplit("=", 1) for run in arguments.runs), strict=True)
    networks = [load(name) for name in names]
    parts = np.array(shares, float) / sum(map(float, shares))
    weights = zip(*(network.get_weights() for network in networks), strict=True)
    networks[0].set_weights([np.tensordot(parts, np.stack(group), 1) for group in weights])
    tame_statistics(networks[0])
    arguments.out.mkdir(parents=True, exist_ok=True)
    for file in Path(names[0]).glob("*.*"):
        if file.name != BEST_FILE:
            shutil.copy(file, arguments.out)
    networks[0].save(arguments.out / BEST_FILE)


if __name__ == "__main__":
    main()
