"""What verbs say and how they stop: results on stdout, the rest on stderr, two kinds of error."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from deepkoal.config import DeepkoalError


class UsageError(DeepkoalError):
    """Arguments that each are fine but make no sense together."""


def show(result: str | os.PathLike[str]) -> None:
    """Print a line of the results, at once, so that a pipe's reader need not wait."""
    _write(os.fspath(result), sys.stdout)


def tell(message: str) -> None:
    """Print a message beside the results."""
    _write(f"deepkoal: {message}", sys.stderr)


def count_photos(count: int) -> str:
    """Return `1 photo`, `2 photos`."""
    return f"{count} photo" if count == 1 else f"{count} photos"


def _write(line: str, stream: TextIO) -> None:
    from tqdm import tqdm  # here, for the sake of a quick --help

    tqdm.write(line, file=stream)  # not print, because a progress bar may stand on that line
    stream.flush()
