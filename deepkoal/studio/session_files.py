"""Sessions as files: everything done to a photo, in the form of the command's options."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path, PurePath
from typing import Any

from deepkoal.errors import DeepkoalError
from deepkoal.inference.options_file import SavedOptions
from deepkoal.inference.saved_parts import PhotoIdentity, ReferenceFile, VariationChoice
from deepkoal.restoration import RestorationOptions
from deepkoal.studio.open_photo import OpenPhoto
from deepkoal.studio.schemas import SessionRequest
from deepkoal.studio.session import Session


def write_session(key: str, photo: OpenPhoto, asked: SessionRequest, session: Session) -> bytes:
    """Return the file of a session.

    Args:
        key: the photo's sha256.
        photo: that it is about.
        asked: its options.
        session: where the reference photo is kept.

    Raises:
        DeepkoalError: an option is not valid.
    """
    chosen, identity = asked.options, PhotoIdentity(photo.width, photo.height, key)
    reference, variation = chosen.reference, chosen.variation
    saved = SavedOptions.of(
        chosen.to_color_options(photo, session),
        photo=identity,
        reference=None
        if reference is None
        else ReferenceFile(Path(asked.reference or "reference"), reference),
        variation=None if variation is None else VariationChoice(**variation.model_dump()),
    )
    restoration = RestorationOptions.from_json(chosen.restoration)
    saved = dataclasses.replace(saved, restoration=restoration)
    return (json.dumps(saved.to_json(), indent=1, ensure_ascii=False) + "\n").encode()


def name_session(photo: OpenPhoto) -> str:
    """Return a name for the file of a photo's session."""
    return f"{PurePath(photo.name).stem}.deepkoal.json"


def read_session(data: bytes, name: str) -> SavedOptions:
    """Return the session that a file holds.

    Raises:
        DeepkoalError: it holds none.
    """
    try:
        content = json.loads(data.decode())
    except (ValueError, RecursionError) as error:  # ValueError: also of the encoding
        raise DeepkoalError(f"{name}: this is no saved session, or it is damaged") from error
    return SavedOptions.from_json(content, name)


def describe_session(saved: SavedOptions) -> dict[str, Any]:
    """Return which photo a session was made on, as the page reads it."""
    return {"photo": None if saved.photo is None else dataclasses.asdict(saved.photo)}


def apply_session(saved: SavedOptions, photo: OpenPhoto, key: str) -> dict[str, Any]:
    """Return a session's options for a photo, as the page keeps them.

    Raises:
        DeepkoalError: its hints do not fit the photo's shape.
    """
    placed = saved.place(PhotoIdentity(photo.width, photo.height, key)).to_json()
    options: dict[str, Any] = {
        "restoration": None,
        **placed["options"],
        "hints": placed["hints"],
    }
    variation = options["variation"]
    if variation is not None and not variation["index"]:
        options["variation"] = None  # the automatic colors
    return options
