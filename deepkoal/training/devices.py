"""Many devices as one: those of this host, or those of several hosts together.

With `keras.distribution`, on JAX, every device holds the whole network and a share of each batch.
A compiled step sees the batch as one, batch normalization included, so that devices share the work
and change nothing else.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from deepkoal.errors import RunError

SILENCE = 60
"""Seconds after which a host that no longer answers is given up."""

PATIENCE = 300
"""Seconds that the hosts wait for each other at the start."""


def spread_over(devices: int | None = None) -> None:
    """Train on several devices of each host; call it before a network is built.

    Args:
        devices: how many, the first ones; all where None.

    Raises:
        RunError: Keras does not run on JAX, or there are fewer devices.
    """
    jax = _import_jax()
    own = jax.local_devices()
    if devices is not None and not 1 <= devices <= len(own):
        raise RunError(
            f"{devices} devices asked, but JAX finds {len(own)} of kind {own[0].platform}: ask for "
            "fewer, or install JAX for the accelerator (https://docs.jax.dev/installation)"
        )
    chosen: list[str] = []
    for host in range(jax.process_count()):
        of_host = [device for device in jax.devices() if device.process_index == host]
        chosen += [f"{device.platform}:{device.id}" for device in of_host[:devices]]
    # Each host reads its own share of the photos, see `host_share`.
    spread = keras.distribution.DataParallel(devices=chosen, auto_shard_dataset=False)
    keras.distribution.set_distribution(spread)


def join_hosts(coordinator: str, hosts: int, host: int) -> None:
    """Join the hosts that train together; call it before Keras or JAX compute anything.

    Returns when all have come; `spread_over` must follow. Where they do not come in five minutes,
    JAX aborts the process. Where another host is lost later, `train` raises RunError, or JAX aborts
    the process: at once where host 0 is gone, and else where it waits for a host that has been
    silent for a minute.

    Args:
        coordinator: `ADDRESS:PORT` of host 0, free there and reachable from the others.
        hosts: how many there are.
        host: which this is, 0…hosts − 1. Host 0 writes the run's folder, all read it.

    Raises:
        RunError: Keras does not run on JAX, the numbers make no sense, or the port is taken.
    """
    if not 0 <= host < hosts:
        raise RunError(f"host must lie in 0…{hosts - 1}, not {host}")
    if not coordinator.rpartition(":")[2].isdecimal():
        raise RunError(f"the coordinator must be given as ADDRESS:PORT, not {coordinator!r}")
    jax = _import_jax()
    try:
        jax.distributed.initialize(
            coordinator,
            hosts,
            host,
            cluster_detection_method="deactivate",
            initialization_timeout=PATIENCE,
            heartbeat_timeout_seconds=SILENCE,
            shutdown_timeout_seconds=SILENCE,
        )
    except (RuntimeError, ValueError) as error:
        raise RunError(
            f"host {host} cannot join the others through {coordinator} ({_brief(error)}): start "
            "the same command on all hosts, with another port where this one is taken"
        ) from error


def host_share() -> tuple[int, int]:
    """Return this host's index and the number of hosts: the share of each batch that it reads."""
    spread = keras.distribution.distribution()
    if spread is None or spread.num_processes == 1:
        return 0, 1
    return int(spread.data_shard_id), int(spread.num_processes)


def is_first_host() -> bool:
    """Tell whether this host writes checkpoints, log and pictures."""
    return host_share()[0] == 0


def count_devices() -> int:
    """Return how many devices share a batch, those of all hosts."""
    spread = keras.distribution.distribution()
    return 1 if spread is None else int(spread.device_mesh.devices.size)


def check_batch(batch_size: int) -> None:
    """Make sure that each device gets as many photos as the others.

    Raises:
        RunError: it does not.
    """
    devices = count_devices()
    if batch_size % devices:
        raise RunError(
            f"batch_size must be a multiple of the number of devices, {devices}, not {batch_size}"
        )


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
            f"host {index} has lost another host ({_brief(error)}): see what that one says; the "
            "same command on every host goes on from the last checkpoint"
        ) from error
    except AssertionError as error:
        if "device_put" not in str(error):
            raise
        raise RunError(
            "the hosts begin with different weights: give them the same command, files and "
            "version of deepkoal"
        ) from error


def predict_here(network: keras.Model, inputs: Any) -> Any:
    """Return a network's outputs for a batch, on this host alone where there are several.

    Args:
        network: its variables may lie on the devices of all hosts.
        inputs: as `network` takes them, of this host.
    """
    if host_share()[1] == 1:
        return network.predict_on_batch(inputs)
    weights = [
        [np.asarray(variable.value) for variable in variables]
        for variables in (network.trainable_variables, network.non_trainable_variables)
    ]
    return _compile_call(network)(*weights, inputs)


class StopTogether(keras.callbacks.Callback):
    """Stop training on all hosts where the first one stops, and hold them until it has written.

    It belongs behind the callbacks that only the first host has.
    """

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Do as the first host does."""
        self.model.stop_training = ask_first_host(bool(self.model.stop_training))


@functools.cache
def _compile_call(network: keras.Model) -> Any:
    import jax

    def call(trained: list[Any], others: list[Any], inputs: Any) -> Any:
        return network.stateless_call(trained, others, inputs, training=False)[0]

    return jax.jit(call)


def _import_jax() -> Any:
    """Return JAX, where Keras runs on it."""
    if keras.backend.backend() != "jax":
        raise RunError(
            f"several devices need Keras on JAX, not on {keras.backend.backend()}: set "
            "KERAS_BACKEND=jax before Keras is imported"
        )
    import jax

    return jax


def _brief(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
