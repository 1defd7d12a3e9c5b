"""Sessions as files: everything done to a photo, in the form of the command's options."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path, PurePath
from typing import Any

from deepkoal.errors import DeepkoalError
from deepkoal.inference.options_file import (
    PhotoIdentity,
    ReferenceFile,
    SavedOptions,
    VariationChoice,
)
from deepkoal.restoration import RestorationOptions
from deepkoal.studio.photos.open_photo import OpenPhoto
from deepkoal.studio.schemas import OptionsRequest
from deepkoal.studio.session import Session


def save_look(
    key: str, photo: OpenPhoto, chosen: OptionsRequest, session: Session, reference: str | None
) -> SavedOptions:
    """Return a photo's options in the form of the command's, but for what an album carries.

    Args:
        key: the photo's sha256.
        photo: that they are of, rotated as they say.
        chosen: the options.
        session: where the reference photo is kept.
        reference: the name of that photo's file, where it is known.

    Raises:
        DeepkoalError: an option is not valid.
    """
    own = chosen.model_copy(update={"album": []})
    file = ReferenceFile(Path(reference or "reference"), own.reference) if own.reference else None
    variation = own.variation
    saved = SavedOptions.of(
        own.to_color_options(photo, session),
        photo=PhotoIdentity(photo.width, photo.height, key),
        reference=file,
        variation=None if variation is None else VariationChoice(**variation.model_dump()),
    )
    return dataclasses.replace(
        saved,
        detail=own.working_size or "auto",
        network=session.colorizer.identity,
        restoration=RestorationOptions.from_json(own.restoration),
        style=own.style_choice,
        rotation=own.rotation,
    )


def write_session(
    key: str, photo: OpenPhoto, chosen: OptionsRequest, session: Session, reference: str | None
) -> bytes:
    """Return the file of a session; args and errors as in `save_look`."""
    saved = save_look(key, photo, chosen, session, reference)
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

    Args:
        saved: the session.
        photo: as it was opened, not rotated.
        key: the photo's sha256.

    Raises:
        DeepkoalError: its hints do not fit the photo's shape.
    """
    width, height = photo.width, photo.height
    if saved.rotation % 180:
        width, height = height, width
    placed = saved.place(PhotoIdentity(width, height, key)).to_json()
    options: dict[str, Any] = {
        "restoration": None,
        "style": None,
        "rotation": 0,
        **placed["options"],
        "hints": placed["hints"],
    }
    variation = options["variation"]
    if variation is not None and not variation["index"]:
        options["variation"] = None  # the automatic colors
    return options
