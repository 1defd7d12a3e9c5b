"""What verbs say and how they stop: results on stdout, the rest on stderr, two kinds of error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from deepkoal.errors import DeepkoalError


class UsageError(DeepkoalError):
    """Arguments that each are fine but make no sense together."""


@contextlib.contextmanager
def as_usage() -> Iterator[None]:
    """Turn an error about a value that an argument gave into wrong usage."""
    try:
        yield
    except DeepkoalError as error:
        raise UsageError(str(error)) from error


def show(result: str | os.PathLike[str]) -> None:
    """Print a line of the results, at once, so that a pipe's reader need not wait."""
    _write(os.fspath(result), sys.stdout)


def tell(message: str) -> None:
    """Print a message beside the results."""
    _write(f"deepkoal: {message}", sys.stderr)


def start_tensorflow() -> None:
    """Import TensorFlow and let it find its devices, without what its C++ parts say of that.

    They write it straight to the process's stderr, whatever their log level is set to: that there
    is no GPU, for one. What really fails is raised as an exception.
    """
    with hush():
        import tensorflow

        tensorflow.config.list_physical_devices()


@contextlib.contextmanager
def hush() -> Iterator[None]:
    """Drop what is written straight to the process's stderr, as libraries in C++ do."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def count_photos(count: int) -> str:
    """Return `1 photo`, `2 photos`."""
    return f"{count} photo" if count == 1 else f"{count} photos"


def _write(line: str, stream: TextIO) -> None:
    from tqdm import tqdm  # here, for the sake of a quick --help

    tqdm.write(line, file=stream)  # not print, because a progress bar may stand on that line
    stream.flush()
