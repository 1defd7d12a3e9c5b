"""Looks as files: written whole, and read again.

The file is one object: `deepkoal`, the version that wrote it; `photo`, which file it was made on;
`network`, by which weights;
`options`, the fields of `ColorOptions` by their names; `hints`, in the form of hint files, in
pixels of that photo or, with `"relative": true`, as shares of its width and height.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from deepkoal.atomic_files import real_path, write_json_atomically
from deepkoal.errors import DeepkoalError
from deepkoal.hints.files import read_json
from deepkoal.inference.options_file.saved_options import SavedOptions


def write_options(path: str | Path, saved: SavedOptions) -> None:
    """Write a look, whole or not at all; files below its folder are kept relative to that.

    Raises:
        DeepkoalError: the file cannot be written, or as `SavedOptions.to_json`.
    """
    content = saved.to_json()
    folder = real_path(path).parent
    kept, style = content["options"]["reference"], content["options"].get("style")
    files = kept if isinstance(kept, list) else [kept] if kept else []
    for entry in [*files, style] if style and style["file"] else files:
        file = real_path(entry["file"])
        entry["file"] = str(file.relative_to(folder) if file.is_relative_to(folder) else file)
    try:
        write_json_atomically(path, content)
    except OSError as error:
        raise DeepkoalError(
            f"{path}: the options cannot be written ({error.strerror or error}); choose another "
            "folder or name"
        ) from error


def read_options(path: str | Path) -> SavedOptions:
    """Read a look that `write_options` wrote.

    Raises:
        DeepkoalError: the file cannot be read or is something else.
    """
    content = read_json(path, "expected what --save-options writes")
    if isinstance(content, list):
        raise DeepkoalError(
            f"{path}: expected what --save-options writes, got a list; one of hints is for "
            "--hints, with which --save-options writes such a file"
        )
    saved = SavedOptions.from_json(content, str(path))
    folder = real_path(path).parent
    if saved.style is not None and saved.style.file:
        saved = replace(saved, style=replace(saved.style, file=str(folder / saved.style.file)))
    files = tuple(replace(each, file=folder / each.file) for each in saved.list_references())
    return replace(saved, reference=files[0] if len(files) == 1 else files or None)
