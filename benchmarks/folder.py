"""Photos a second of processor time that the command colors of a folder of 200 mixed JPEG files.

    python benchmarks/folder.py [FOLDER]

Without a folder, scikit-image's photos in grey, a third of them in files of one channel, at sizes
from 256 to 2,400 pixels. Processor time, because other work on a machine makes time longer.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage import data

COUNT = 200
SIDES, SHARES = (256, 512, 768, 1024, 1600, 2400), (0.25, 0.25, 0.2, 0.15, 0.1, 0.05)


def write_photos(folder: Path) -> None:
    """Write the photos, the same ones at every call."""
    rng = np.random.default_rng(0)
    sources = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    for index in range(COUNT):
        photo = sources[index % len(sources)]
        scale = rng.choice(SIDES, p=SHARES) / max(photo.shape)
        sized = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        grey = Image.fromarray(sized).convert("L")
        file = grey if index % 3 == 0 else grey.convert("RGB")
        file.save(folder / f"{index:03d}.jpg", quality=int(rng.integers(70, 96)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", help="photos instead of scikit-image's")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(arguments.folder or Path(made, "in"))
        if not arguments.folder:
            folder.mkdir()
            write_photos(folder)
        command = [sys.executable, "-m", "deepkoal", "colorize", str(folder), "-o", f"{made}/out/"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        count = sum(path.is_file() for path in Path(made, "out").rglob("*"))
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime
    print(f"{count} photos, {seconds:.1f} s of processor time: {count / seconds:.1f} a second")
    print(f"peak {used.ru_maxrss / 2**10:.0f} MiB")


if __name__ == "__main__":
    main()
