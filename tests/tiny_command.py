"""`deepkoal train` with a tiny network instead of the preset's, watched as a test needs it.

python tests/tiny_command.py KILL_AT train RECORDS …

KILL_AT is the step at whose start the process is killed, or none. Each epoch's losses are printed,
also on hosts that write no log. Nothing heavy is imported before the command would.
"""

import json
import os
import sys

from deepkoal.cli import main
from deepkoal.cli.arguments.devices import choose_backend
from deepkoal.cli.commands import train as training

os.environ.pop("KERAS_BACKEND", None)  # which the command is to choose
KILL_AT, ARGUMENTS = sys.argv[1], sys.argv[2:]
run_train = training._run


def run_tiny_train(arguments):
    choose_backend(arguments)
    import keras
    from tiny_networks import tiny_lite
    from tiny_training import KillAt

    import deepkoal.training
    from deepkoal.pretrained import networks

    class TellLosses(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            print(json.dumps([logs["loss"], logs["val_loss"]]), flush=True)

    def train(*arguments, callbacks, **settings):
        killers = [] if KILL_AT == "none" else [KillAt(int(KILL_AT))]
        watched = [*callbacks, TellLosses(), *killers]
        return train_unwatched(*arguments, callbacks=watched, **settings)

    train_unwatched, deepkoal.training.train = deepkoal.training.train, train

    def build_untrained(*_, seed, **settings):
        keras.utils.set_random_seed(seed)
        return tiny_lite(seed)

    networks.build_untrained = build_untrained
    return run_train(arguments)


training._run = run_tiny_train

if __name__ == "__main__":
    sys.exit(main(ARGUMENTS))
