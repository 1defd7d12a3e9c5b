"""Make what ships of a run of scripts/train_restorer.py, and the network as an ONNX file.

    python scripts/ship_restorer.py RUN [--onnx FILE.onnx]

Writes weights.safetensors, network.tflite (both in half precision) and restorer.json with their
hashes into models/restorer. The ONNX file is for other programs and does not ship.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

import keras

from deepkoal.atomic_files import write_text_atomically
from deepkoal.export import export_restorer
from deepkoal.models.restorer import restorer
from deepkoal.models.weights import WEIGHTS_FILE, load_weights, shipped_models_dir
from deepkoal.restoration.network import DESCRIPTION_FILE, FOLDER, NETWORK_FILE


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--onnx", type=Path)
    arguments = parser.parse_args()
    keras.mixed_precision.set_global_policy("float32")
    widths = json.loads((arguments.run / "run.json").read_text("utf-8"))["widths"]
    network = restorer(widths=widths)
    load_weights(network, arguments.run / WEIGHTS_FILE)
    folder = shipped_models_dir() / FOLDER
    folder.mkdir(exist_ok=True)
    shutil.copy(arguments.run / WEIGHTS_FILE, folder / WEIGHTS_FILE)
    shutil.copy(arguments.run / "log.csv", folder / "log.csv")
    tflite = export_restorer(network, folder / f"{NETWORK_FILE}.tflite")
    described = {
        "widths": widths,
        "parameters": network.count_params(),
        "sha256": hash_bytes(folder / WEIGHTS_FILE),
        "litert": hash_bytes(tflite),
    }
    write_text_atomically(folder / DESCRIPTION_FILE, json.dumps(described, indent=2) + "\n")
    if arguments.onnx is not None:
        export_restorer(network, arguments.onnx)
    print(folder)


def hash_bytes(file: Path) -> str:
    """Return a file's sha256 in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
