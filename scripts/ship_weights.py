"""Make a run's best network a preset's shipped weights, with its log and loss curve.

    python scripts/ship_weights.py RUN PRESET

Writes weights.safetensors (half precision), its hash and, where scripts/learn_affinity.py found
one, the kernel into config.json, log.csv and loss.png; and, for a network that LiteRT can run,
network.tflite (see scripts/ship_litert.py).
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
from ship_litert import ship_litert, write_config

from deepkoal.models.weights import WEIGHTS_FILE, find_shipped, save_weights
from deepkoal.pretrained.networks import load_trained
from deepkoal.pretrained.presets import CONFIG_FILE


def draw_loss(log: Path, picture: Path, loss: str) -> None:
    """Draw training and validation loss, of that name, over the epochs."""
    with log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for column, label in (("loss", "training"), ("val_loss", "validation")):
        axes.plot(epochs, [float(row[column]) for row in rows], marker="o", label=label)
    axes.set(xlabel="epoch", ylabel=loss)
    axes.legend()
    figure.savefig(picture, dpi=120)


def main() -> None:
    """Write the preset's files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("preset")
    arguments = parser.parse_args()
    config = find_shipped(arguments.preset, CONFIG_FILE)
    network, _ = load_trained(arguments.run)
    embedders = [layer.name for layer in network.layers if layer.name == "embedding"]
    sha256 = save_weights(network, config.parent / WEIGHTS_FILE, skip=embedders)
    preset = json.loads(config.read_text(encoding="utf-8"))
    if (kernel := arguments.run / "kernel.json").exists():
        preset["decoding"]["kernel"] = json.loads(kernel.read_text(encoding="utf-8"))
    preset.pop("backends", None)  # files of the weights before
    write_config(config, {**preset, "sha256": sha256})
    shutil.copy(arguments.run / "log.csv", config.parent / "log.csv")
    regresses = "ab_norm" in network.output
    loss = "mean squared error of ab / 110" if regresses else "rebalanced cross-entropy"
    draw_loss(arguments.run / "log.csv", config.parent / "loss.png", loss)
    if not embedders:
        ship_litert(arguments.preset)
    print(config.parent)


if __name__ == "__main__":
    main()
