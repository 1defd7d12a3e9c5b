"""Learn how a preset's features tell skin, all its weights frozen, and write it into its config.

    python scripts/learn_skin.py PRESET FOLDER [FOLDER …] --without FOLDER [FOLDER …]

A FOLDER holds photos/NAME.* and masks/NAME.png: 255 where there is skin, 0 where there is none,
anything else where that is not known; those after --without hold photos that show no people. One
photo in ten is held back, to see how well skin is told.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from learn_things import SIDE, read_folder
from ship_litert import write_config

from deepkoal.chroma_cleanup.skin import weigh_features
from deepkoal.color import rgb_to_lab
from deepkoal.data.degradation import DegradeLightness
from deepkoal.data.film import FilmLightness
from deepkoal.image_io import list_photos, read_image
from deepkoal.models.weights import find_shipped
from deepkoal.pretrained.networks import load_network
from deepkoal.pretrained.presets import CONFIG_FILE
from deepkoal.training.skin_learning import OTHER, SkinPlaces, gather_places, learn_skin

AGED = 0.25
"""Share of the photos that are degraded, and of those that are seen as on an old film."""

BLOCK = 8
"""What sides are multiples of: photos are degraded in a JPEG file's blocks."""


def main() -> None:
    """Show, learn and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("preset")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--without", type=Path, nargs="+", required=True)
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    network = load_network(arguments.preset)
    shown, held = [], []
    for number, folder in enumerate([*arguments.folders, *arguments.without]):
        pairs = list(read_pairs(folder, seed=number))
        kept = [pair for place, pair in enumerate(pairs) if place % 10 == 0]
        rest = [pair for place, pair in enumerate(pairs) if place % 10]
        for photos, parts in ((rest, shown), (kept, held)):
            parts.append(gather_places(network, photos, size=arguments.size, seed=number))
    probe = learn_skin(shown)
    for folder, places in zip([*arguments.folders, *arguments.without], held, strict=True):
        print(f"{folder.name}: {report(places, probe)}")
    path = find_shipped(arguments.preset, CONFIG_FILE)
    config = json.loads(path.read_text(encoding="utf-8"))
    config["decoding"]["skin"] = probe
    write_config(path, config)


def read_pairs(folder: Path, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Return lightness and masks of a folder's photos, some aged, about half of them a part."""
    rng = np.random.default_rng(seed)
    age = DegradeLightness(1.0, seed), FilmLightness(1.0, seed + 1)
    if (folder / "masks").is_dir():
        pairs = read_folder(folder)
    else:
        photos = map(read_image, list_photos(folder))
        pairs = [(photo, np.full(photo.shape[:2], OTHER, np.uint8)) for photo in photos]
    for photo, mask in pairs:
        if rng.random() < 0.5:
            height = int(len(photo) * rng.uniform(0.35, 0.8))
            top = int(rng.integers(len(photo) - height + 1))
            photo, mask = photo[top : top + height], mask[top : top + height]
        scale = min(1, SIDE / min(photo.shape[:2]))
        size = [max(BLOCK, round(side * scale) // BLOCK * BLOCK) for side in photo.shape[1::-1]]
        photo = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        l = np.asarray(rgb_to_lab(photo.astype(np.float32) / 255))[..., 0]
        chosen = rng.random()
        if chosen < 2 * AGED:
            l = np.asarray(age[int(chosen < AGED)](l[None, ..., None]))[0, ..., 0]
        yield l, mask


def report(places: SkinPlaces, probe: list[float]) -> str:
    """Return how much skin is found, and how much else is taken for it, at odds of e²."""
    found = weigh_features(places.features, probe) > 2
    parts = []
    for kind, name in ((places.is_skin, "of skin found"), (~places.is_skin, "of else taken")):
        if kind.any():
            parts.append(f"{found[kind].mean():.3f} {name}")
    return ", ".join(parts)


if __name__ == "__main__":
    main()
