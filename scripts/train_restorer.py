"""Train the network that repairs old photos, on sharp photos that code damages.

    python scripts/train_restorer.py PHOTOS… --run RUN [--minutes 50]

PHOTOS are folders, searched through, of sharp photos in color or grey. Stopped by Ctrl-C or a
lost machine it goes on where RUN was last saved, a minute ago at most, when called again. When the
minutes have passed it writes RUN/weights.safetensors in half precision;
scripts/ship_restorer.py makes of it what ships.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from deepkoal.atomic_files import replace_atomically, write_json_atomically
from deepkoal.models.restorer import WIDTHS, restorer
from deepkoal.models.weights import WEIGHTS_FILE, save_weights
from deepkoal.training.auxiliary.restorer_learning import (
    compile_restorer,
    draw_batch,
    read_lightness,
)

NETWORK, PROGRESS, SETTINGS = "restorer.keras", "progress.json", "run.json"


def main() -> None:
    """Train, or go on training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path, help="folders of sharp photos")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--minutes", type=float, default=50, help="of training in all")
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate at its highest")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=128, help="of patches, in pixels")
    parser.add_argument("--most", type=int, default=12000, help="photos held in memory")
    parser.add_argument("--widths", type=int, nargs="+", default=list(WIDTHS))
    parser.add_argument("--policy", default="mixed_bfloat16", help="of Keras: what to compute in")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    train(arguments)


def train(arguments: argparse.Namespace) -> None:
    """Train until the minutes have passed, saving every minute."""
    keras.mixed_precision.set_global_policy(arguments.policy)
    keras.utils.set_random_seed(arguments.seed)
    run = arguments.run
    run.mkdir(parents=True, exist_ok=True)
    progress = {"seconds": 0.0, "steps": 0}
    if (run / PROGRESS).exists():
        progress = json.loads((run / PROGRESS).read_text("utf-8"))
        network = keras.models.load_model(run / NETWORK)
    else:
        network = restorer(widths=arguments.widths)
        compile_restorer(network)
        settings = {"widths": arguments.widths, "size": arguments.size, "batch": arguments.batch}
        write_json_atomically(run / SETTINGS, {**settings, "rate": arguments.rate})
    files = sorted(
        file for folder in arguments.photos for file in folder.rglob("*") if file.is_file()
    )
    random.Random(arguments.seed).shuffle(files)
    chosen = tqdm(files[: arguments.most], "reading", unit="photo")
    photos = read_lightness(chosen, smallest=3 * arguments.size // 4)
    if not photos:
        raise SystemExit(f"no photo of {3 * arguments.size // 4} pixels or more was found")
    rng = np.random.default_rng((arguments.seed, progress["steps"]))
    total, since = 60 * arguments.minutes, time.monotonic()
    before, saved, losses = progress["seconds"], time.monotonic(), []
    with tqdm(total=round(total), initial=round(before), unit="s") as bar:
        while (seconds := before + time.monotonic() - since) < total:
            warm_up = min(1.0, (progress["steps"] + 1) / 300)
            network.optimizer.learning_rate = arguments.rate * warm_up * (1 - seconds / total)
            inputs, targets = draw_batch(photos, rng, batch=arguments.batch, size=arguments.size)
            # Keras averages over calls until told otherwise: a curve wants each step's own.
            network.reset_metrics()
            losses.append([float(x) for x in network.train_on_batch(inputs, targets)])
            progress["steps"] += 1
            bar.update(round(seconds) - bar.n)
            bar.set_postfix(steps=progress["steps"], loss=f"{np.mean(losses[-100:]):.4f}")
            if time.monotonic() - saved > 60:
                save(network, run, {**progress, "seconds": seconds}, losses)
                saved, losses = time.monotonic(), []
    save(network, run, {**progress, "seconds": total}, losses)
    save_weights(network, run / WEIGHTS_FILE)
    print(run / WEIGHTS_FILE)


def save(
    network: keras.Model, run: Path, progress: dict[str, float], losses: list[list[float]]
) -> None:
    """Write the network, how far it is, and a line of the log."""
    with replace_atomically(run / NETWORK) as part:
        network.save(part)
    write_json_atomically(run / PROGRESS, progress)
    means = np.mean(losses, axis=0) if losses else []
    with (run / "log.csv").open("a", encoding="utf-8") as log:
        if log.tell() == 0:
            print("step", "seconds", "loss", "clean_loss", "damage_loss", sep=",", file=log)
        print(progress["steps"], round(progress["seconds"]), *np.round(means, 5), sep=",", file=log)


if __name__ == "__main__":
    main()
