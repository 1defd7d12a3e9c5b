"""A tiny run, for a test and for the processes that a test starts with another backend.

python tests/tiny_training.py train RECORDS VALIDATION RUN [kill at this step]
python tests/tiny_training.py step
python tests/tiny_training.py twins RECORDS VALIDATION FOLDER
"""

import json
import os
import signal
import sys

import keras
import numpy as np
from tiny_networks import tiny_lite

from deepkoal.color import ab_bins
from deepkoal.config import Recipe
from deepkoal.training import spread_over, train
from deepkoal.training.task import RatedAdamW

RECIPE = Recipe(
    size=32, batch_size=4, epochs=4, steps_per_epoch=3, learning_rate=1e-2, encoder_rate=0.5
)


class KillAt(keras.callbacks.Callback):
    """Ends the process as a power cut would, at the start of a step of the whole run."""

    def __init__(self, step):
        super().__init__()
        self.left = step

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def train_tiny(records, validation, run_dir, *, recipe=RECIPE, seed=0, callbacks=()):
    network = tiny_lite(seed)
    return train(
        network, records, run_dir, recipe=recipe, validation=validation, callbacks=callbacks
    )


def train_twins(records, validation, folder):
    """Train in `folder/1` on one device, in `folder/2` on two of them."""
    for devices in (1, 2):
        spread_over(devices)
        train_tiny(records, validation, f"{folder}/{devices}")


def take_first_step():
    """A fast and a slow variable, and a frozen value of each, after one step of RatedAdamW."""
    fast, slow = (keras.Variable(np.full(2, 5.0, "float32"), name=name) for name in "fs")
    optimizer = RatedAdamW([slow], 0.25, learning_rate=0.01, weight_decay=0.1)
    optimizer.build([fast, slow])
    optimizer.apply([np.array([3.0, -2.0], "float32")] * 2)
    return {name: np.asarray(v.value).tolist() for name, v in (("fast", fast), ("slow", slow))}


if __name__ == "__main__":
    if sys.argv[1] == "train":
        killers = [KillAt(int(step)) for step in sys.argv[5:]]
        train_tiny(*sys.argv[2:5], callbacks=killers)
    if sys.argv[1] == "twins":
        train_twins(*sys.argv[2:5])
    print(json.dumps([keras.backend.backend(), len(ab_bins()), take_first_step()]))
