"""Many devices as one: those of this host, or those of several hosts together.

With `keras.distribution`, on JAX, every device holds the whole network and a share of each batch.
A compiled step sees the batch as one, batch normalization included, so that devices share the work
and change nothing else.
"""

from __future__ import annotations

import functools
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
            f"host {host} cannot join the others through {coordinator} ({first_line(error)}): "
            "start the same command on all hosts, with another port where this one is taken"
        ) from error


def host_share() -> tuple[int, int]:
    """Return this host's index and the number of hosts: the share of each batch that it reads."""
    spread = keras.distribution.distribution()
    if spread is None or spread.num_processes == 1:
        return 0, 1
    return int(spread.data_shard_id), int(spread.num_processes)


def is_first_host() -> bool:
    """Return whether this host writes checkpoints, log and pictures."""
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


def first_line(error: Exception) -> str:
    """Return the beginning of what an error says, without what follows on further lines."""
    return str(error).partition("\n")[0][:200]
