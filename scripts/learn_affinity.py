"""Learn how far hints reach for a run's best network, all its other weights frozen.

    python scripts/learn_affinity.py RUN RECORDS

Goes on from the projection in RUN/best.keras and the preset's kernel. Writes the projection into
RUN/best.keras and the kernel into RUN/kernel.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from tqdm.keras import TqdmCallback

from deepkoal.guidance import DecodingConfig, Kernel
from deepkoal.pretrained.networks import BEST_FILE, load_trained
from deepkoal.pretrained.presets import presets_by_network
from deepkoal.training.auxiliary.affinity_learning import extract_features, learn_affinity


def main() -> None:
    """Learn, report and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("records", type=Path)
    parser.add_argument("--photos", type=int, default=640)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=600)
    arguments = parser.parse_args()
    network, file = load_trained(arguments.run / BEST_FILE)
    preset = presets_by_network()[network.name]
    photos = extract_features(
        network,
        arguments.records,
        count=arguments.photos,
        size=arguments.size,
        decoding=DecodingConfig.from_config(preset.decoding),
    )
    learned = learn_affinity(
        photos,
        steps=arguments.steps,
        start=Kernel(**preset.decoding.get("kernel", {})),
        callbacks=[TqdmCallback(verbose=1)],
    )
    # What was seen was projected already, where the run began with weights that had learned.
    projection = network.get_layer("affinity").projection
    projection.assign(projection.numpy() @ learned.projection)
    network.save(file)
    kernel = dataclasses.asdict(learned.kernel)
    (arguments.run / "kernel.json").write_text(json.dumps(kernel, indent=2) + "\n", "utf-8")
    before, after = learned.error
    print(f"mean squared ab error with hints: {before:.2f} before, {after:.2f} after")


if __name__ == "__main__":
    main()
