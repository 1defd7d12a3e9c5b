"""`deepkoal serve` under load: throughput, latency, memory, and what it does when treated badly.

    python benchmarks/serving [load] [rough] [swap] [kill] [overload] [fuzz] [--models FOLDER]
        [--seconds 60] [--photos 10000]

All but `overload` and `fuzz` need wrk. All of it on loopback. Photos are scikit-image's, 256 × 256,
sent over REST by 16 connections (`overload`: 4); `fuzz` sends broken files to a tiny network, whose
decoder is the same.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from fuzz import fuzz
from load import load
from overload import overload
from renewal import kill, swap
from rough import rough


def main() -> None:
    """Measure and print."""
    steps = {"load": load, "rough": rough, "swap": swap, "kill": kill, "overload": overload}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("steps", nargs="*", help="load, rough, swap, kill, overload, fuzz (all)")
    parser.add_argument(
        "--models", type=Path, help="served; koala-lite, exported anew, if not given"
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--photos", type=int, default=10_000)
    arguments = parser.parse_args()
    chosen = arguments.steps or [*steps, "fuzz"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = arguments.models or folder / "models"
        if set(chosen) - {"fuzz"} and arguments.models is None:
            from deepkoal.export import export_saved_model
            from deepkoal.inference.colorizer import Colorizer

            export_saved_model(Colorizer.from_preset(), models / "koala-lite" / "1")
        for step in chosen:
            if step == "fuzz":
                fuzz(arguments.photos, folder)
            else:
                steps[step](models, arguments.seconds, folder)


if __name__ == "__main__":
    main()
