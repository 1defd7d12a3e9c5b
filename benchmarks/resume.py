"""Kill a training run at random moments, and compare its end with that of an undisturbed run.

python benchmarks/resume.py [--kills 25] [--epochs 30] [--longest 8] [--seed 0]

A tiny Pix2Pix with dropout, degraded photos, a discriminator and PSNR@CF: all that has a state.
Printed are the epochs finished at each kill, and whether the last checkpoints (weights, optimizer,
random states) and the logs are the same to the last bit.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))


def prepare_tiles(folder: Path) -> Path:
    """Prepare tiles of a few of scikit-image's photos."""
    from deepkoal.data import prepare

    (folder / "photos").mkdir()
    for name in ("astronaut", "chelsea", "coffee"):
        for left in (0, 100, 200):
            tile = Image.fromarray(getattr(data, name)()[100:196, left : left + 96])
            tile.resize((48, 48)).save(folder / "photos" / f"{name}-{left}.png")
    prepare(folder / "photos", folder / "records", size=40)
    return folder / "records"


def digest(run_dir: Path) -> dict[str, str]:
    """Hash what a run left."""
    paths = [*run_dir.glob("checkpoints/*"), run_dir / "log.csv", run_dir / "prior.npy"]
    found = (path for path in paths if path.exists())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def main() -> None:
    """Kill and compare."""
    from killing import finish, kill_and_finish

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--longest", type=float, default=8, help="seconds between two kills")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    delays = np.random.default_rng(arguments.seed).uniform(0, arguments.longest, arguments.kills)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        records = prepare_tiles(folder)
        through, killed = folder / "through", folder / "killed"
        finish(records, through, arguments.epochs)
        finished = kill_and_finish(records, killed, arguments.epochs, delays)
        print(f"{len(finished)} kills, after so many epochs:", *finished)
        same = digest(through) == digest(killed)
        print("equal to the last bit" if same else "NOT equal", *sorted(digest(killed)))
        sys.exit(not same)


if __name__ == "__main__":
    main()
