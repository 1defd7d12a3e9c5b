"""Files that a command will write when its work is done: refused before any of it is."""

from __future__ import annotations

import argparse
import difflib
import tempfile
from collections.abc import Collection
from pathlib import Path

from deepkoal.atomic_files import real_path
from deepkoal.cli.console import UsageError
from deepkoal.cli.files.input_files import STREAM, is_folder
from deepkoal.errors import PhotoError
from deepkoal.image_io.formats.kinds import is_address


def check_picture(option: str, path: Path | None) -> None:
    """Refuse a place where no picture can be written, see `check_target`."""
    from deepkoal.image_io.formats import PHOTO_SUFFIXES  # here, so that --help is quick

    check_target(option, path, PHOTO_SUFFIXES, ".jpg or .png")


def read_ending(out: Path, known: Collection[str], otherwise: str) -> str:
    """Return the ending of a name that may be a file's or a folder's, in lower case.

    Args:
        out: a file where its name has one of the endings, else a folder.
        known: those, in lower case.
        otherwise: how a folder of such a name is asked for, in words.

    Raises:
        UsageError: it is nearly one of them: a folder of that name is not what was meant.
    """
    ending = out.suffix.lower()
    close = difflib.get_close_matches(ending, list(known), 1)
    if close and ending not in known:
        raise UsageError(
            f"{out}: no file ends so; did you mean {out.with_suffix(close[0]).name}? ({otherwise})"
        )
    return ending


def check_target(
    option: str,
    path: Path | None,
    suffixes: Collection[str] = (),
    endings: str = "",
) -> None:
    """Refuse a place where no file can be written.

    Args:
        option: that named it.
        path: of the file; None where the option was not given.
        suffixes: what its name may end in, in lower case; anything where there are none.
        endings: the usual ones, in words.

    Raises:
        UsageError: its name ends otherwise, is a folder's or `-`, or its folder is not there.
        PhotoError: nothing can be written in its folder.
    """
    if path is None:
        return
    if str(path) == STREAM:
        raise UsageError(f"{option} -: is not written to standard output; name a file")
    if suffixes and path.suffix.lower() not in suffixes:
        raise UsageError(f"{option} {path}: end the name in {endings}")
    if is_folder(path):
        raise UsageError(f"{option} {path}: is a folder; name a file in it")
    if not is_folder(path.absolute().parent):
        raise UsageError(f"{option} {path}: there is no such folder; create it first")
    check_writable(real_path(path).parent)


def check_writable(folder: Path) -> None:
    """Make sure that files can be written to a folder that need not be there yet; none is left.

    Raises:
        PhotoError: they cannot.
    """
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        raise PhotoError(
            f"{folder}: nothing can be written there ({error.strerror}); choose another folder"
        ) from error


def result_place(text: str) -> str:
    """Return where results go, an argument's type: a path or `-`, and no address.

    Raises:
        argparse.ArgumentTypeError: it is an address, to which nothing is written.
    """
    if is_address(text):
        raise argparse.ArgumentTypeError(
            f"expected a file or folder, got the address {text!r}; nothing is sent anywhere: "
            "write here and copy it"
        )
    return text
