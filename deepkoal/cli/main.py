"""The parser of `deepkoal`, and what every verb shares: errors, exit codes, quiet logs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from deepkoal import __version__
from deepkoal.cli import evaluation, training
from deepkoal.config import DeepkoalError

VERBS = (training, evaluation)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: the arguments after the program's name; those of the process where None.

    Returns:
        0 done, 1 a failure that stderr explains in one line, 2 wrong usage.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    parser = argparse.ArgumentParser(
        prog="deepkoal", description="Turn black-and-white photos into color."
    )
    parser.add_argument("--version", action="version", version=f"deepkoal {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for module in VERBS:
        module.add_verbs(verbs)
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # argparse prints and exits: 0 after --help, 2 on wrong usage
        return int(stop.code or 0)
    try:
        return int(arguments.run(arguments))
    except DeepkoalError as error:
        print(f"deepkoal: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("deepkoal: interrupted", file=sys.stderr)
        return 130
