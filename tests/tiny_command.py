"""`deepkoal train` with a tiny network instead of the preset's, watched as a test needs it."""

import json
import os

import keras
from tiny_networks import tiny_lite
from tiny_training import KillAt

import deepkoal.training
from deepkoal.cli import main
from deepkoal.pretrained import networks


class TellLosses(keras.callbacks.Callback):
    """Prints each epoch's losses, also on hosts that write no log."""

    def on_epoch_end(self, epoch, logs):
        print(json.dumps([logs["loss"], logs["val_loss"]]), flush=True)


def run(kill_at, *arguments):
    """Run the command in this process, killed at the start of a step where one is given.

    Args:
        kill_at: the step's number, or none.
        arguments: from the command's name on.
    """
    train = deepkoal.training.train
    killers = [] if kill_at == "none" else [KillAt(int(kill_at))]

    def train_watched(*arguments, callbacks, **settings):
        watched = [*callbacks, TellLosses(), *killers]
        return train(*arguments, callbacks=watched, **settings)

    def build_untrained(*_, seed, **settings):
        keras.utils.set_random_seed(seed)
        return tiny_lite(seed)

    deepkoal.training.train = train_watched
    networks.build_untrained = build_untrained
    os.environ.pop("KERAS_BACKEND", None)  # which the command is to choose
    return main(arguments)
