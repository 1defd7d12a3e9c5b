"""Which photos arguments name: files, folders and patterns."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deepkoal.atomic_files import real_path
from deepkoal.cli.console import UsageError
from deepkoal.errors import PhotoError
from deepkoal.image_io.formats.kinds import UnknownKindError, is_photo_name, sniff_file

STREAM = "-"
"""What stands for standard input, and for standard output."""
STREAM_NAME = "standard input"


@dataclass(frozen=True)
class Found:
    """A photo, and the folder below the output's that its result belongs in."""

    source: Path
    folder: Path


@dataclass
class Findings:
    """What arguments name.

    Attributes:
        photos: in order, each once.
        failures: why there are none where there are none, and pictures that are not read.
        passed_over: files that are no pictures, a line each.
    """

    photos: dict[Path, Found] = field(default_factory=dict)
    failures: list[PhotoError] = field(default_factory=list)
    passed_over: dict[Path, str] = field(default_factory=dict)

    def add(self, photo: Found) -> None:
        """Add a photo, unless it was named before."""
        self.photos.setdefault(real_path(photo.source.parent) / photo.source.name, photo)

    def sort_out(self, files: Iterable[Path], top: Path, base: Path) -> bool:
        """Add those of a folder's files that are photos, and note why others are not.

        A file whose name ends as a photo's does is taken for one; of others their content counts.

        Args:
            files: below `base`.
            top: the folder below the output's that they belong in.
            base: what their own folders are relative to.

        Returns:
            Whether there is any photo, or picture that is not read, among them.
        """
        any_picture = False
        for file in files:
            try:
                if not is_photo_name(file):
                    sniff_file(file)
            except UnknownKindError as error:
                if error.is_picture:
                    any_picture = True
                    self.failures.append(error)
                else:
                    self.passed_over.setdefault(
                        real_path(file), f"{file}: passed over, {error.what}"
                    )
                continue
            any_picture = True
            self.add(Found(file, top / file.relative_to(base).parent))
        return any_picture


def exists(path: str | Path) -> bool:
    """Return whether there is such a file or folder, as far as this user may see."""
    return os.path.exists(path)  # noqa: PTH110 -- Path's raises where a folder may not be entered


def is_folder(path: str | Path) -> bool:
    """Return whether it is a folder, as far as this user may see."""
    return os.path.isdir(path)  # noqa: PTH112 -- likewise


def names_file(text: str) -> bool:
    """Return whether an argument names one file, there or not."""
    return not is_folder(text) and (exists(text) or not glob.has_magic(text))


def read_stream() -> bytes:
    """Return the photo file that comes through standard input.

    Raises:
        PhotoError: nothing does, or it cannot be read.
    """
    try:
        content = sys.stdin.buffer.read()
    except OSError as error:
        raise PhotoError(
            f"{STREAM_NAME}: cannot be read ({error.strerror}); give a file"
        ) from error
    if not content:
        raise PhotoError(f"{STREAM_NAME}: nothing came; check the command that is to write to it")
    return content


def find_photos(photos: Sequence[str], out: Path) -> Findings:
    """Find the photos that arguments name. A file that is named is taken to be one, and there.

    Args:
        photos: files, folders and patterns.
        out: the output's folder, whose earlier results are left out of folders and patterns.

    Raises:
        UsageError: `out` is one of the folders.
    """
    several = sum(map(is_folder, photos)) > 1
    findings = Findings()
    for text in photos:
        try:
            if is_folder(text):
                _find_in_folder(findings, Path(text), out, several)
            elif names_file(text):
                findings.add(Found(Path(text), Path()))
            else:
                _expand(findings, text, out)
        except PhotoError as error:
            findings.failures.append(error)
    return findings


def refuse_own_folder(name: str, out: Path, folder: Path, *, below: bool = False) -> None:
    """Refuse a place among the photos that are given, where results would be mistaken for them.

    Args:
        name: of the argument that gave the place.
        out: the place.
        folder: of the photos.
        below: whether a place anywhere below their folder is refused too.

    Raises:
        UsageError: it is such a place.
    """
    if real_path(out) == real_path(folder):
        raise UsageError(f"{name} {out} is the photos' own folder; give another")
    if below and real_path(folder) in real_path(out).parents:
        raise UsageError(f"{name} {out} lies among the photos of {folder}; give another place")


def _find_in_folder(findings: Findings, folder: Path, out: Path, several: bool) -> None:
    refuse_own_folder("-o", out, folder)
    top = Path(real_path(folder).name) if several else Path()
    from deepkoal.image_io.photo import explain_unlisted, list_files

    unlisted: list[Path] = []
    files = _leave_out(list_files(folder, unlisted=unlisted), folder, out)
    findings.failures += map(explain_unlisted, _leave_out(unlisted, folder, out))
    if not findings.sort_out(files, top, folder):
        raise PhotoError(f"{folder}: holds no photos; expected JPEG, PNG or other photo files")


def _expand(findings: Findings, pattern: str, out: Path) -> None:
    parts = Path(pattern).parts
    magic = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:magic])
    hits = (Path(hit) for hit in sorted(glob.glob(pattern, recursive=True)))  # noqa: PTH207
    files = [hit for hit in hits if hit.is_file()]
    if not findings.sort_out(_leave_out(files, base, out), Path(), base):
        raise PhotoError(f"{pattern}: matches no photo file; check the pattern")


def _leave_out(sources: Iterable[Path], folder: Path, out: Path) -> list[Path]:
    """Leave out earlier results, where their folder lies among the photos."""
    results = real_path(out)
    if results == real_path(folder) or not results.is_relative_to(real_path(folder)):
        return list(sources)
    return [source for source in sources if not real_path(source).is_relative_to(results)]
