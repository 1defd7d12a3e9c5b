"""Learn what belongs to one thing, for hints: a run's output `things`, all else frozen.

    python scripts/learn_things.py RUN FOLDER [FOLDER …] [--whole FOLDER …] [--laid 400]

A FOLDER holds photos/NAME.* and masks/NAME.png: a number for each pixel's kind of thing, 0 for
none, as benchmarks/hints.py has it. RUN/best.keras, which may lack the output, is written anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import keras
import numpy as np

from deepkoal.color import rgb_to_lab
from deepkoal.image_io import list_photos, read_image
from deepkoal.pretrained.networks import BEST_FILE, build_untrained, load_trained
from deepkoal.pretrained.presets import presets_by_network
from deepkoal.training.auxiliary.mapped_photos import MappedPhoto, map_photo
from deepkoal.training.auxiliary.things_learning import learn_things

SIDE = 320
"""Short side in pixels at which photos are kept."""
WHOLE = 0.25
"""What finding all of a whole person counts: elsewhere a person's clothes are things."""
SIZES = (192, 256, 256)
THINGS = (64, 32)

Pair = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Show, learn and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--whole", type=Path, nargs="*", default=[], help="of whole people")
    parser.add_argument("--laid", type=int, default=400, help="photos made of two (%(default)s)")
    parser.add_argument(
        "--others", type=Path, nargs="*", default=[], help="runs whose encoders are shown to, too"
    )
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    trained, file = load_trained(arguments.run / BEST_FILE)
    network = add_things(trained)
    others = [load_trained(run / BEST_FILE)[0] for run in arguments.others]
    networks = [network, *map(add_things, others)]
    parts = [read_folder(folder) for folder in arguments.folders]
    whole = [pair for folder in arguments.whole for pair in read_folder(folder)]
    single = [pair for part in parts for pair in part]
    rows = [(pair, 1.0) for pair in single] + [(pair, WHOLE) for pair in whole]
    for number in range(arguments.laid):
        first, second = (single[place] for place in rng.integers(len(single), size=2))
        if number % 3 == 0:
            rows.append((set_side_by_side(first, second), 1.0))
        elif number % 3 == 1 or not whole:
            rows.append((lay(first, second, rng), 1.0))
        else:
            person = whole[rng.integers(len(whole))]
            rows.append((lay(person, first, rng), WHOLE))
    photos = [
        show(networks[rng.integers(len(networks))], pair, weight, rng) for pair, weight in rows
    ]
    before, after = learn_things(
        network,
        [photo for photo in photos if photo is not None],
        steps=arguments.steps,
        fresh="things" not in trained.output,
        seed=arguments.seed,
    )
    network.save(file)
    for name, score in (("before", before), ("after", after)):
        print(
            f"{name}: {score.inside:.3f} of a thing is found, and {score.background:.3f} of the "
            f"background and {score.other:.3f} of other things taken for it"
        )


def add_things(network: keras.Model) -> keras.Model:
    """Return a network that has the output, with all the weights of one that may lack it."""
    if "things" in network.output:
        return network
    built = build_untrained(presets_by_network()[network.name].name, things=THINGS)
    weights = {variable.path: variable for variable in network.weights}
    for variable in built.weights:
        if variable.path in weights:
            variable.assign(weights[variable.path])
    return built


def read_folder(folder: Path) -> list[Pair]:
    """Return photos, uint8 (H, W, 3), with their masks, uint8 (H, W)."""
    pairs = []
    for path in list_photos(folder / "photos"):
        mask = folder / "masks" / f"{path.stem}.png"
        if mask.is_file():
            photo = read_image(path)
            scale = SIDE / min(photo.shape[:2])
            size = round(photo.shape[1] * scale), round(photo.shape[0] * scale)
            kinds = np.asarray(cv2.imread(str(mask), cv2.IMREAD_UNCHANGED))
            kinds = cv2.resize(kinds, size, interpolation=cv2.INTER_NEAREST)
            pairs.append((cv2.resize(photo, size, interpolation=cv2.INTER_AREA), kinds))
    return pairs


def set_side_by_side(first: Pair, second: Pair) -> Pair:
    """Return two photos as one: like things of two people are not the same thing."""
    height = min(len(first[0]), len(second[0]))
    photo = np.hstack([first[0][:height], second[0][:height]])
    kinds = second[1][:height].astype(int)
    kinds = np.where(kinds > 0, kinds + 128, 0).astype(np.uint8)
    return photo, np.hstack([first[1][:height], kinds])


def lay(pair: Pair, ground: Pair, rng: np.random.Generator) -> Pair:
    """Return what has a mask, cut out and laid on another photo."""
    photo, (rows, columns) = ground[0].copy(), np.nonzero(pair[1])
    kinds = np.zeros(photo.shape[:2], np.uint8)
    if not len(rows):
        return photo, kinds
    box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    cut, mask = pair[0][box], pair[1][box]
    scale = rng.uniform(0.5, 1) * min(np.array(photo.shape[:2]) / mask.shape)
    size = tuple(max(8, int(side * scale)) for side in mask.shape[::-1])
    cut = cv2.resize(cut, size, interpolation=cv2.INTER_AREA)
    share = cv2.resize((mask > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
    top = int(rng.integers(max(1, photo.shape[0] - size[1] + 1)))
    left = int(rng.integers(max(1, photo.shape[1] - size[0] + 1)))
    place = slice(top, top + size[1]), slice(left, left + size[0])
    under = photo[place]
    share, cut = share[: len(under), : under.shape[1]], cut[: len(under), : under.shape[1]]
    photo[place] = (under * (1 - share) + cut * share).astype(np.uint8)
    kinds[place] = share[..., 0] > 0.5
    return photo, kinds


def show(
    network: keras.Model, pair: Pair, weight: float, rng: np.random.Generator
) -> MappedPhoto | None:
    """Return a photo as a network's encoder maps it, half of the time mirrored."""
    photo, kinds = pair
    if rng.random() < 0.5:
        photo, kinds = photo[:, ::-1], kinds[:, ::-1]
    l = np.asarray(rgb_to_lab(np.ascontiguousarray(photo).astype(np.float32) / 255))[..., 0]
    size = int(rng.choice(SIZES))
    seed = int(rng.integers(2**31))
    return map_photo(network, l, kinds, size=size, weight=weight, seed=seed)


if __name__ == "__main__":
    main()
