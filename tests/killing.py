"""Runs that are killed again and again, and what becomes of them.

Processes are forked off one that has imported everything, for the sake of time.
"""

import multiprocessing

from deepkoal.training.runs.checkpoints import find_checkpoint

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["quick_keras", "tiny_training"])


def train_apart(*arguments):
    from tiny_training import train_everything

    train_everything(*arguments)


def start(*arguments):
    process = FORKSERVER.Process(target=train_apart, args=arguments)
    process.start()
    return process


def finish(*arguments):
    process = start(*arguments)
    process.join()
    assert process.exitcode == 0


def kill_within(delay, records, run_dir, epochs):
    """Kill a run so many seconds after its first epoch; return how many it has finished."""
    process = start(records, run_dir, epochs)
    while process.exitcode is None and not find_checkpoint(run_dir)[1]:
        process.join(0.05)
    process.join(delay)
    process.kill()
    process.join()
    return find_checkpoint(run_dir)[1]


def kill_and_finish(records, run_dir, epochs, delays):
    """Kill a run after so many seconds, each time begun again; then let it end.

    Returns the number of epochs that were finished at each kill; fewer, where the run ended first.
    """
    finished = []
    for delay in delays:
        process = start(records, run_dir, epochs)
        process.join(delay)
        if process.exitcode is not None:
            assert process.exitcode == 0
            break
        process.kill()
        process.join()
        finished.append(find_checkpoint(run_dir)[1])
    finish(records, run_dir, epochs)
    return finished
