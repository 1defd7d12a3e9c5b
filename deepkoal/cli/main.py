"""The parser of `deepkoal`, and what its commands share: errors, exit codes, quiet logs."""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import sys
from collections.abc import Sequence

from deepkoal import __version__
from deepkoal.cli.arguments.devices import explain_signal
from deepkoal.cli.arguments.parser import Parser
from deepkoal.cli.commands import (
    colorize,
    demo,
    describe,
    export,
    prepare,
    presets,
    pseudocolor,
    restore,
    serve,
    studio,
    stylize,
    video,
)
from deepkoal.cli.commands import evaluate as evaluation
from deepkoal.cli.commands import train as training
from deepkoal.cli.console import (
    UsageError,
    give_up,
    open_closed_streams,
    report,
    withstand_any_name,
)
from deepkoal.cli.multi_host import supervise
from deepkoal.errors import DeepkoalError
from deepkoal.keras_runtime import hurry

FORMER_OPTIONS = {"--engine": "--backend", "--no-tidy": "--no-cleanup"}
"""Options of version 0.1 that work for one release more, and what they are called now."""
BARE_OPTIONS = ("--restore", "--denoise")
"""Options whose number may be left out: 1, also where a photo's name follows."""
VERBS = (
    colorize,
    restore,
    stylize,
    pseudocolor,
    describe,
    video,
    studio,
    prepare,
    training,
    evaluation,
    export,
    serve,
    presets,
    demo,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments after the program's name; those of the process where None.

    Returns:
        0 done, 1 a failure that stderr explains in one line, 2 wrong usage, 130 interrupted,
        141 the reader of stdout went away.
    """
    open_closed_streams()
    withstand_any_name()
    parser = Parser(prog="deepkoal", description="Turn black-and-white photos into color.")
    parser.add_argument("--version", action="version", version=f"deepkoal {__version__}")
    parser.verbs = verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in VERBS:
        module.add_verbs(verbs)
    try:
        given = _fill_bare(_rename_former(sys.argv[1:] if argv is None else argv))
        arguments = parser.parse_all(given)
    except SystemExit as stop:  # argparse prints and exits: 0 after --help, 2 on wrong usage
        return int(stop.code or 0)
    _quiet_logs()
    hurry()
    if None in [getattr(arguments, name, None) for name in ("coordinator", "hosts", "host")]:
        return _run(arguments)
    return supervise(
        lambda: _run(arguments),
        training.choose_run_dir(arguments) / f"host-{arguments.host}.log",
        explain_signal,
    )


def _rename_former(argv: Sequence[str]) -> list[str]:
    """Return the arguments with former options by their present names, and report on these."""
    renamed = list(argv)
    for index, argument in enumerate(itertools.takewhile(lambda text: text != "--", argv)):
        former, *value = argument.split("=", 1)
        if former in FORMER_OPTIONS:
            now = FORMER_OPTIONS[former]
            report(f"{former} is deprecated and goes with the next release; write {now}")
            renamed[index] = "=".join([now, *value])
    return renamed


def _fill_bare(argv: Sequence[str]) -> list[str]:
    """Return the arguments with a 1 for numbers left out, which argparse would take a photo for."""
    filled = list(argv)
    for index, argument in enumerate(itertools.takewhile(lambda text: text != "--", argv)):
        if argument in BARE_OPTIONS and not _is_number("".join(argv[index + 1 : index + 2])):
            filled[index] = f"{argument}=1"
    return filled


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _run(arguments: argparse.Namespace) -> int:
    """Run the command, explain what goes wrong, and return the status to exit with."""
    try:
        status = int(arguments.run(arguments))
        sys.stdout.flush()
        return status
    except UsageError as error:
        report(f"{error} (see deepkoal --help)")
        return 2
    except DeepkoalError as error:
        report(str(error))
        return 1
    except KeyboardInterrupt:
        goes_on = getattr(arguments, "goes_on", False)  # which a command sets of its work
        rest = "; what is finished is kept, and the same command goes on from there"
        report(f"interrupted{rest if goes_on else ''}")
        return 130
    except BrokenPipeError:
        give_up(sys.stdout)
        return 141
    except OSError as error:
        give_up(sys.stdout)
        cause = error.strerror or " ".join(str(error).split())
        report(
            f"{error.filename or 'standard output'}: cannot be read or written ({cause}); check "
            "it, your permissions and the disk"
        )
        return 1


def _quiet_logs() -> None:
    """Keep TensorFlow's notes on the machine it runs on out of stderr.

    Most come from C++ while it is imported, before any logger is set up, and some, such as that
    there is no GPU, are logged as errors. What really fails is raised as an exception too.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
