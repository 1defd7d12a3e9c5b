"""Which photos arguments name: files, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deepkoal.cli.console import UsageError
from deepkoal.errors import PhotoError
from deepkoal.image_io import list_photos
from deepkoal.image_io.photo import FORMATS


@dataclass(frozen=True)
class Found:
    """A photo, and the folder below the output's that its result belongs in."""

    source: Path
    folder: Path


def exists(path: str | Path) -> bool:
    """Return whether there is such a file or folder, as far as this user may see."""
    return os.path.exists(path)  # noqa: PTH110 -- Path's raises where a folder may not be entered


def is_folder(path: str | Path) -> bool:
    """Return whether it is a folder, as far as this user may see."""
    return os.path.isdir(path)  # noqa: PTH112 -- likewise


def names_file(text: str) -> bool:
    """Return whether an argument names one file, there or not."""
    return not is_folder(text) and (exists(text) or not glob.has_magic(text))


def find_photos(photos: Sequence[str], out: Path) -> tuple[list[Found], list[PhotoError]]:
    """Find the photos that arguments name, each once.

    Args:
        photos: files, folders and patterns.
        out: the output's folder, whose earlier results are left out of folders and patterns.

    Returns:
        The photos in order, and why there are none where there are none. A file that is named is
        taken to be there.

    Raises:
        UsageError: `out` is one of the folders.
    """
    several = sum(map(is_folder, photos)) > 1
    found: dict[Path, Found] = {}
    failures: list[PhotoError] = []
    for text in photos:
        try:
            if is_folder(text):
                items = _find_in_folder(Path(text), out, several)
            elif names_file(text):
                items = [Found(Path(text), Path())]
            else:
                items = _expand(text, out)
        except PhotoError as error:
            failures.append(error)
            continue
        for item in items:
            found.setdefault(item.source.parent.resolve() / item.source.name, item)
    return list(found.values()), failures


def _find_in_folder(folder: Path, out: Path, several: bool) -> list[Found]:
    if out.resolve() == folder.resolve():
        raise UsageError(f"-o {out} is the photos' own folder; give another")
    top = Path(folder.resolve().name) if several else Path()
    found = [
        Found(source, top / source.relative_to(folder).parent)
        for source in _leave_out(list_photos(folder), folder, out)
    ]
    if not found:
        raise PhotoError(f"{folder}: holds no photos; expected JPEG, PNG or other photo files")
    return found


def _expand(pattern: str, out: Path) -> list[Found]:
    parts = Path(pattern).parts
    magic = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:magic])
    hits = (Path(hit) for hit in sorted(glob.glob(pattern, recursive=True)))  # noqa: PTH207
    files = [hit for hit in hits if hit.suffix.lower() in FORMATS and hit.is_file()]
    found = [Found(hit, hit.relative_to(base).parent) for hit in _leave_out(files, base, out)]
    if not found:
        raise PhotoError(f"{pattern}: matches no photo file; check the pattern")
    return found


def _leave_out(sources: Iterable[Path], folder: Path, out: Path) -> list[Path]:
    """Leave out earlier results, where their folder lies among the photos."""
    results = out.resolve()
    if results == folder.resolve() or not results.is_relative_to(folder.resolve()):
        return list(sources)
    return [source for source in sources if not source.resolve().is_relative_to(results)]
