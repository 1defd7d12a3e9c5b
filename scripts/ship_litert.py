"""Make the file by which a preset colors on LiteRT, from the weights that are shipped.

    python scripts/ship_litert.py PRESET

Writes network.tflite (weights in half precision) and its hash into config.json. To be run again
whenever the weights change; scripts/ship_weights.py does so by itself.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from deepkoal.export import export_litert
from deepkoal.inference.backends import SUFFIXES
from deepkoal.inference.colorizer import Colorizer
from deepkoal.models.weights import find_shipped
from deepkoal.pretrained.networks import BACKEND_FILE
from deepkoal.pretrained.presets import CONFIG_FILE


def write_config(path: Path, config: dict[str, Any]) -> None:
    """Write a preset's description, each list of numbers on a line."""
    text = json.dumps(config, indent=2, ensure_ascii=False)
    text = re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), text)
    text = text.replace("[ ", "[").replace(" ]", "]")
    path.write_text(text + "\n", encoding="utf-8")


def ship_litert(preset: str) -> Path:
    """Write the preset's file for LiteRT and note its hash."""
    path = find_shipped(preset, CONFIG_FILE)
    file = path.with_name(BACKEND_FILE + SUFFIXES["litert"])
    export_litert(Colorizer.from_preset(preset), file, precision="float16")
    config = json.loads(path.read_text(encoding="utf-8"))
    backends = {
        **config.get("backends", {}),
        "litert": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    write_config(path, {**config, "backends": backends})
    return file


def main() -> None:
    """Ship it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preset")
    print(ship_litert(parser.parse_args().preset))


if __name__ == "__main__":
    main()
