"""A tiny run, for a test and for the processes that a test starts, also with another backend."""

import os
import signal

import keras
import numpy as np
from tiny_networks import tiny_lite

from deepkoal import models
from deepkoal.pretrained.recipe import Recipe
from deepkoal.training import spread_over, train
from deepkoal.training.optimizer import RatedAdamW

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


def train_twins(records, validation, recipe, folder):
    """Train in `folder/1` on one device, in `folder/2` on two of them."""
    for devices in (1, 2):
        spread_over(devices)
        train_tiny(records, validation, f"{folder}/{devices}", recipe=Recipe.read(recipe))


def train_everything(records, run_dir, epochs):
    """All that has a state: dropout, degradation, a discriminator, averages, the best so far."""
    keras.utils.set_random_seed(0)
    recipe = RECIPE.replace(
        losses={"mae": 10.0, "adversarial_hinge": 1.0},
        discriminator_filters=2,
        discriminator_warmup=2,
        degradation=0.5,
        ema=0.9,
        schedule="wsd",
        best_by="psnr_at_cf",
        epochs=epochs,
        steps_per_epoch=2,
    )
    network = models.pix2pix(filters=2, depth=3)
    return train(network, records, run_dir, recipe=recipe, validation=records)


def take_first_step():
    """Fast, slow and waiting kernels and a bias after one step of RatedAdamW."""
    names = ("fast", "slow", "late", "bias")
    shapes = ((1, 2), (1, 2), (1, 2), (2,))
    variables = [
        keras.Variable(np.full(shape, 5.0, "float32"), name=name)
        for name, shape in zip(names, shapes, strict=True)
    ]
    slow, late = variables[1].path, variables[2].path
    optimizer = RatedAdamW(0.01, decay=0.1, rates={slow: 0.25}, waiting=[late], wait=1)
    optimizer.build(variables)
    optimizer.apply([np.array([3.0, -2.0], "float32").reshape(shape) for shape in shapes])
    return {n: np.asarray(v.value).ravel().tolist() for n, v in zip(names, variables, strict=True)}
