"""The expected failures; each is one line: what was expected, what came, and what to do."""

from __future__ import annotations

import contextlib
import math
import numbers
import re
from collections.abc import Iterator
from typing import Any


class DeepkoalError(Exception):
    """An expected failure: what was expected, what came, and what to do about it, in one line."""


class PhotoError(DeepkoalError):
    """A photo file that cannot be read or written."""


class VideoError(DeepkoalError):
    """A film that cannot be read or written."""


class RecordsError(DeepkoalError):
    """Training records that are missing, damaged or made by another version or setting."""


class OtherPhotosError(RecordsError):
    """Records that were made from other photos or under other settings than asked for."""


class NoColorsError(DeepkoalError):
    """A photo in shades of grey where colors are to be taken from it."""


class WeightsError(DeepkoalError):
    """Weights that are missing, damaged or meant for another network."""


class RunError(DeepkoalError):
    """A training run that cannot be started or continued as asked."""


@contextlib.contextmanager
def needs_extra(what: str, extra: str) -> Iterator[None]:
    """Explain which of the library's extras holds a package that an import in the block lacks.

    Raises:
        DeepkoalError: there is such a package.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise DeepkoalError(
            f"{what} needs {error.name}, which is not installed: pip install 'deepkoal[{extra}]'"
        ) from error


@contextlib.contextmanager
def numbered(what: str, number: int, count: int) -> Iterator[None]:
    """Say in an error which of several things it is about: `photo 2 of 3: expected …`.

    Args:
        what: they are.
        number: of this one, from 1.
        count: of them all; of one alone nothing is added.
    """
    try:
        yield
    except DeepkoalError as error:
        if count > 1:
            error.args = (f"{what} {number} of {count}: {error}",)  # its kind stays
        raise


_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line breaks, overrides of the writing direction, and lone surrogates."""


def printable(text: str) -> str:
    r"""Return a text, such as a file's name, on one line and as any terminal, log or file takes it.

    A byte that is not in the file system's encoding, as old disks have in their names (Python
    reads it as a lone surrogate, PEP 383), becomes `\xe9`; a control character `\n` or `\x1b`.
    All else stays as it is, backslashes too: the result is to be read, not to be undone.
    """
    return _UNPRINTABLE.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def check_range(
    value: Any,
    what: str,
    low: float,
    high: float = math.inf,
    *,
    whole: bool = False,
    given: object = None,
    error: type[Exception] = DeepkoalError,
) -> None:
    """Refuse what is no number within a range.

    Args:
        value: to check; anything but a number is refused, NaN too.
        what: it is, for the message, such as `quality`; empty where the message is put behind
            a name.
        low: least value, included.
        high: greatest value, included; infinity for none.
        whole: whether the number must be an `int` (or NumPy's, not a bool).
        given: what the user wrote, for the message; by default the value.
        error: kind of error to raise.

    Raises:
        DeepkoalError: or `error`, naming the range and what came instead.
    """
    kind: Any = numbers.Integral if whole else numbers.Real
    # A bool is an int to Python, and a mistake here.
    if isinstance(value, bool) or not (isinstance(value, kind) and low <= value <= high):
        span = f"of at least {low:g}" if high == math.inf else f"in {low:g}…{high:g}"
        name = f"{what} as a " if what else "a "
        name += "whole number" if whole else "number"
        raise error(f"expected {name} {span}, got {value if given is None else given!r}")
