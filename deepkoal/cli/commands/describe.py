"""`describe`: how a result was made, as its own metadata say."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.cli.console import UsageError, report, show
from deepkoal.cli.files.input_files import STREAM, STREAM_NAME, read_stream
from deepkoal.errors import DeepkoalError

if TYPE_CHECKING:
    from deepkoal.inference.options_file import SavedOptions


def add_verbs(verbs: Any) -> None:
    """Add the command to the parser's."""
    describe = verbs.add_parser(
        "describe",
        help="print how a colored photo was made",
        description="Print by which version, weights and options a photo was colored, which its "
        "own metadata say unless it was made with --no-provenance: files, or - for standard "
        "input.",
    )
    describe.add_argument("photos", nargs="+", metavar="PHOTO")
    describe.add_argument(
        "--json",
        action="store_true",
        help="print it as --options of colorize takes it, one photo a line",
    )
    describe.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    failed = False
    if arguments.photos.count(STREAM) > 1:
        raise UsageError("- reads one photo from standard input; give it once")
    for text in arguments.photos:
        name = STREAM_NAME if text == STREAM else str(Path(text))
        try:
            source = read_stream() if text == STREAM else Path(text)
            content, look = _read(source, name)
        except DeepkoalError as error:
            report(str(error))
            failed = True
            continue
        if arguments.json:
            show(json.dumps(look.to_json(), ensure_ascii=False))
            if left_out := content.get("hints_left_out"):
                report(
                    f"{name}: its {left_out} hints were too many to be kept, and are not in this"
                )
            if "holes_mask" in content:
                report(f"{name}: the mask by which its holes were filled is not in this")
        else:
            for line in [*_list_lines(name, look, content), *_list_signature(source)]:
                show(line)
    return 1 if failed else 0


def _read(source: Path | bytes, name: str) -> tuple[dict[str, Any], SavedOptions]:
    from deepkoal.image_io import read_photo
    from deepkoal.inference.options_file import SavedOptions
    from deepkoal.inference.provenance import ADDED, read_provenance

    # Pixels that are lost say nothing of how the others were made.
    xmp = read_photo(source, name=name, salvage=True).metadata.xmp
    try:
        content = read_provenance(xmp)
    except DeepkoalError as error:
        raise DeepkoalError(f"{name}: {error}") from error
    if content is None:
        raise DeepkoalError(
            f"{name}: does not say that deepkoal made it: it is another's, was made with "
            "--no-provenance, or a program dropped its metadata since"
        )
    known = {key: value for key, value in content.items() if key not in ADDED}
    return content, SavedOptions.from_json(known, name)


def _list_lines(name: str, look: SavedOptions, content: dict[str, Any]) -> list[str]:
    lines = [f"{name}: made by deepkoal {look.version}"]
    if look.network is not None:
        lines.append(f"  network: {look.network.name}, sha256 {look.network.sha256}")
    if look.photo is not None:
        photo = look.photo
        lines.append(f"  photo: {photo.width}×{photo.height} pixels, sha256 {photo.sha256 or '?'}")
    options = content["options"]
    is_colored = look.network is not None
    lines += [
        f"  {option}: {_write(value)}"
        for option, value in sorted(options.items())
        if is_colored or option in ("restoration", "style", "rotation")
    ]
    if left_out := content.get("hints_left_out"):
        lines.append(f"  hints: {left_out}, too many to be kept here")
    elif is_colored:
        lines.append(f"  hints: {len(look.hints)}")
        lines += [f"    {json.dumps(dict(hint), ensure_ascii=False)}" for hint in look.hints]
    if mask := content.get("holes_mask"):
        lines.append(f"  holes filled by a mask: {_write(mask)}")
    if carried := content.get("album"):
        lines += ["  taken of other photos of an album:", *(f"    {line}" for line in carried)]
    return lines


def _list_signature(source: Path | bytes) -> list[str]:
    from deepkoal.inference.content_credentials import read_signature

    signature = read_signature(source)
    return [] if signature is None else [f"  signed (C2PA) by {signature}"]


def _write(value: Any) -> str:
    if value is None or value in ([], {}):
        return "none"
    if isinstance(value, list):
        return "; ".join(_write(each) for each in value)
    if isinstance(value, dict):
        empty: tuple[Any, ...] = (None, "", [])
        shown = {
            key: each for key, each in value.items() if key != "probabilities" and each not in empty
        }
        return ", ".join(f"{key} {each}" for key, each in shown.items())
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
