"""What commands print and how they stop: results on stdout, the rest on stderr, kinds of error."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from deepkoal.errors import DeepkoalError, printable
from deepkoal.keras_runtime import start_tensorflow as start_tensorflow
from deepkoal.native_logs import silence_native_logs as silence_native_logs

MOST_LINES = 10
"""Messages of one kind that are worth reading."""

_closed: set[str] = set()
"""Names of the streams that were closed when the program was started."""


class UsageError(DeepkoalError):
    """Arguments that each are fine but make no sense together."""


@contextlib.contextmanager
def as_usage() -> Iterator[None]:
    """Turn an error about a value that an argument gave into wrong usage."""
    try:
        yield
    except DeepkoalError as error:
        raise UsageError(str(error)) from error


def open_closed_streams() -> None:
    """Where a program was started with stdin, stdout or stderr closed, read and write nothing.

    Python has None for such a stream, and the next file that is opened gets its descriptor, so
    that whatever native libraries print there would end up in that file.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            _closed.add(name)
            null = os.open(os.devnull, os.O_RDWR)
            if null != descriptor:
                os.dup2(null, descriptor)
                os.close(null)
            stream = open(descriptor, "w" if descriptor else "r", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def check_stdout(kind: str) -> None:
    """Make sure that a photo or a film (`kind`) may be written to stdout.

    Raises:
        UsageError: it is a terminal, or was closed.
    """
    if "stdout" in _closed:
        raise UsageError(f"standard output is closed; give -o a file for the {kind}")
    if sys.stdout.isatty():
        raise UsageError(
            f"a {kind} is not written to a terminal; redirect or pipe it, or give -o a file"
        )


def withstand_any_name() -> None:
    r"""Have stdout take every file name, also one that its encoding does not have.

    Bytes that are no text, as names on old disks have, are written as they are, so that another
    program gets the very path; what the encoding lacks (é under an ASCII locale) becomes `\xe9`.
    stderr escapes both of itself.
    """
    codecs.register_error("deepkoal", _encode_odd)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="deepkoal")


def _encode_odd(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode one character that an encoding lacks, as `codecs.register_error` asks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    code = ord(character) - 0xDC00
    if 0x80 <= code <= 0xFF:  # a byte of a name that is no text, PEP 383
        return bytes([code]), error.start + 1
    return character.encode("unicode_escape").decode("ascii"), error.start + 1


def show(result: str | os.PathLike[str]) -> None:
    """Print one line of the results, at once, so that a pipe's reader need not wait.

    A terminal gets names as `printable` has them. A pipe or file gets them exactly, but for line
    breaks, which would make one result look like two.
    """
    line = os.fspath(result)
    if sys.stdout.isatty():
        line = printable(line)
    else:
        line = line.replace("\r", "\\r").replace("\n", "\\n")
    _write(line, sys.stdout)


def show_result(written: Sequence[Path] | bytes) -> None:
    """Print the paths of the files that a photo left, or the photo itself."""
    if isinstance(written, bytes):
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
        return
    show_lines(written)


def show_lines(lines: Iterable[str | os.PathLike[str]]) -> None:
    """Print lines of the results."""
    for line in lines:
        show(line)


def report(message: str) -> None:
    """Print a message beside the results, on one line, whatever names it holds.

    Where stderr takes none, on a full disk or when its reader has gone, the work goes on.
    """
    try:
        _write(printable(f"deepkoal: {message}"), sys.stderr)
    except OSError:
        give_up(sys.stderr)


def report_some(messages: Sequence[str]) -> None:
    """Print the first `MOST_LINES` of messages of one kind, and how many more there are."""
    for message in messages[:MOST_LINES]:
        report(message)
    if len(messages) > MOST_LINES:
        report(f"and {len(messages) - MOST_LINES} more")


def give_up(stream: TextIO) -> None:
    """Drop what a stream can no longer write, or Python would fail again at exit."""
    try:
        stream.flush()
    except OSError:
        with contextlib.suppress(OSError):  # in a test, it may be no file
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def count_things(number: int, what: str = "photo") -> str:
    """Return `1 photo`, `2 photos`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _write(line: str, stream: TextIO) -> None:
    from tqdm import tqdm  # here, for the sake of a quick --help

    tqdm.write(line, file=stream)  # not print, because a progress bar may stand on that line
    stream.flush()
