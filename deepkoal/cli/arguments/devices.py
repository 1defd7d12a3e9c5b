"""The options for many devices, and what is done about them before anything is built."""

from __future__ import annotations

import argparse
import os
import signal
from importlib.util import find_spec

from deepkoal.cli.arguments.argument_types import add_number
from deepkoal.cli.console import UsageError
from deepkoal.errors import RunError


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Add `--devices`, and the three options by which several hosts find each other."""
    devices = parser.add_argument_group(
        "many devices", "on JAX (pip install 'deepkoal[jax]'); see docs/scale.md"
    )
    shared = "GPUs of this host that share each batch (one; of several hosts, all)"
    add_number(devices, "--devices", "N", shared)
    add_number(devices, "--hosts", "N", "hosts that train together", low=2)
    add_number(devices, "--host", "I", "which of them this is, from 0", low=0)
    devices.add_argument(
        "--coordinator", metavar="ADDRESS:PORT", help="of host 0, with any port free there"
    )


def choose_backend(arguments: argparse.Namespace) -> None:
    """Have Keras run on JAX where many devices are asked for and no backend is chosen."""
    asked = [arguments.coordinator, arguments.hosts, arguments.host]
    if None in asked and asked != [None] * 3:
        raise UsageError("--coordinator, --hosts and --host go together")
    if asked != [None] * 3 or arguments.devices is not None:
        os.environ.setdefault("KERAS_BACKEND", "jax")
        # Else SIGTERM would not end one of several hosts, but announce its end to all of them.
        os.environ.setdefault("JAX_ENABLE_PREEMPTION_SERVICE", "false")
        if find_spec("jax") is None:
            raise RunError(
                "several devices need JAX, which is missing: pip install 'deepkoal[jax]'"
            )


def choose_devices(arguments: argparse.Namespace) -> None:
    """Join the other hosts and spread training over the devices, as the options ask."""
    from deepkoal.training import join_hosts, spread_over

    if arguments.hosts is not None:
        join_hosts(arguments.coordinator, arguments.hosts, arguments.host)
    if arguments.hosts is not None or arguments.devices is not None:
        spread_over(arguments.devices)


def explain_signal(number: int) -> str:
    """Return a line on why one of several hosts was ended by a signal."""
    if number == signal.SIGABRT:
        cause = "JAX ended training, because another host is gone, silent or did not come"
    else:
        cause = f"training was ended by {signal.Signals(number).name}"
    return f"{cause}; the same command on every host goes on from the last checkpoint"
