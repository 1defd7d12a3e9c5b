"""Hosts that train together: what they agree on, who goes first, and that all stop at once.

Of a single host, all of this does nothing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import keras
import numpy as np

from deepkoal.errors import RunError
from deepkoal.training.devices import first_line, host_share, is_first_host


def agree(what: str, value: int) -> None:
    """Make sure that all hosts have the same value; none goes on before all have theirs.

    Raises:
        RunError: they differ.
    """
    index, hosts = host_share()
    if hosts == 1:
        return
    from jax.experimental.multihost_utils import process_allgather

    values = process_allgather(np.int32(value)).tolist()
    if len(set(values)) > 1:
        raise RunError(
            f"the hosts differ in {what} ({', '.join(map(str, values))}; this is host {index}): "
            "they must share the run's folder, and see the same in it"
        )


def ask_first_host(answer: bool) -> bool:
    """Return what the first host answers; all hosts must ask."""
    if host_share()[1] == 1:
        return answer
    from jax.experimental.multihost_utils import broadcast_one_to_all

    return bool(broadcast_one_to_all(np.int32(answer)))


@contextlib.contextmanager
def first_host_first() -> Iterator[None]:
    """Do something on the first host before the others do it, who find the files it made."""
    if not is_first_host():
        agree("what comes first", 0)
    yield
    if is_first_host():
        agree("what comes first", 0)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Do something on this host that the others do not do, such as saving.

    While it saves, Keras 3.15 makes an optimizer for comparison, whose variables would be laid on
    the devices of all hosts, for which JAX would wait for those.
    """
    spread = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(spread)


@contextlib.contextmanager
def name_lost_host() -> Iterator[None]:
    """Turn JAX's report of a broken connection into an error that says what to do.

    Raises:
        RunError: another host was lost, or has ended because of an error of its own; or the hosts
            do not have the same network.
    """
    index, hosts = host_share()
    if hosts == 1:
        yield
        return
    from jax.errors import JaxRuntimeError

    try:
        yield
    except (JaxRuntimeError, ValueError) as error:
        # A status as XLA words it, but for what this host's own memory lacks.
        if not re.match("(?!RESOURCE_EXHAUSTED)[A-Z_]+: ", str(error)):
            raise
        raise RunError(
            f"host {index} has lost another host ({first_line(error)}): see what that one says; "
            "the same command on every host goes on from the last checkpoint"
        ) from error
    except AssertionError as error:
        if "device_put" not in str(error):
            raise
        raise RunError(
            "the hosts begin with different weights: give them the same command, files and "
            "version of deepkoal"
        ) from error


class StopTogether(keras.callbacks.Callback):
    """Stop training on all hosts where the first one stops, and hold them until it has written.

    It belongs behind the callbacks that only the first host has.
    """

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Do as the first host does."""
        self.model.stop_training = ask_first_host(bool(self.model.stop_training))
