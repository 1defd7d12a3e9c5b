"""How a result was made, kept in its own metadata as XMP, and read from there again.

IPTC's term for what it is: https://cv.iptc.org/newscodes/digitalsourcetype/ ; what was done in
the resource's history, ISO 16684-1: an event whose parameters are JSON, in the form of an options
file. There is no time in it: the same photo and options give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from deepkoal import __version__
from deepkoal.errors import DeepkoalError
from deepkoal.image_io.encoding import DEFAULT_QUALITY
from deepkoal.image_io.metadata.xmp import XmpPacket
from deepkoal.image_io.photo import Photo
from deepkoal.inference.options_file import SavedOptions

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""A photo that a trained model has edited: the lightness was recorded, the colors are invented."""

AGENT = "deepkoal"
MOST_CHARACTERS = 20_000
"""Of the parameters; a JPEG file's segment holds 64 KB, of the photo's own metadata too."""

_MOST_CARRIED = 50
"""Lines of what was carried, where all is too much: the largest come first."""
ADDED = ("hints_left_out", "album", "holes_mask")
"""Keys of the parameters that no options file has."""

_IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_MEDIA = "http://ns.adobe.com/xap/1.0/mm/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"


def raise_quality(photo: Photo, look: SavedOptions) -> Photo:
    """Return a photo whose result is saved well enough for what a look restores of it.

    At the quality of a JPEG file the blocks that were taken out of it would come back.
    """
    restores = look.restoration is not None and look.restoration.changes
    if photo.quality is None or not restores:
        return photo
    return replace(photo, quality=max(photo.quality, DEFAULT_QUALITY))


def add_provenance(photo: Photo, look: SavedOptions, carried: Sequence[str] = ()) -> Photo:
    """Return a photo whose metadata say how its result was made, beside all that they said before.

    Args:
        photo: that was colored.
        look: how, with its photo and network.
        carried: what it took of other photos of an album, a line each.
    """
    look = replace(look, version=__version__)  # which may not be what wrote its options
    try:
        packet = XmpPacket(photo.metadata.xmp)
    except ValueError:  # damaged, so that nobody could read it
        packet = XmpPacket()
    fields = {
        "action": "edited",
        "softwareAgent": f"{AGENT} {look.version}",
        "changed": "/content",
        "parameters": _write_parameters(look, carried),
    }
    packet.set("Iptc4xmpExt", _IPTC_EXT, "DigitalSourceType", SOURCE_TYPE)
    packet.append(
        "xmpMM", _MEDIA, "History", {("stEvt", _EVENT, key): text for key, text in fields.items()}
    )
    return replace(photo, metadata=replace(photo.metadata, xmp=packet.tobytes()))


def read_provenance(xmp: bytes) -> dict[str, Any] | None:
    """Return how a result was made, as `SavedOptions.from_json` takes it; None where none says it.

    Args:
        xmp: the packet of its metadata. Of several times the last one counts.

    Raises:
        DeepkoalError: it is said in a form that is none of this version's.
    """
    try:
        events = XmpPacket(xmp).list_structures(_MEDIA, "History") if xmp else []
    except ValueError:
        return None
    for event in reversed(events):
        if event.get((_EVENT, "softwareAgent"), "").split(" ")[0] == AGENT:
            try:
                content = json.loads(event.get((_EVENT, "parameters"), ""))
            except ValueError:
                content = None
            if not isinstance(content, dict):
                raise DeepkoalError("its note of how deepkoal made it is damaged")
            return content
    return None


def _write_parameters(look: SavedOptions, carried: Sequence[str]) -> str:
    # Where a reference or a style lies on this machine is nobody's business.
    bare = tuple(replace(each, file=Path(each.file.name)) for each in look.list_references())
    style = look.style
    if style is not None and style.file:
        style = replace(style, file=Path(style.file).name)
    content = replace(look, reference=bare or None, style=style).to_json()
    if carried:
        content["album"] = list(carried)
    if look.holes_mask is not None:
        content["holes_mask"] = asdict(look.holes_mask)
    text = json.dumps(content, ensure_ascii=False)
    if len(text) > MOST_CHARACTERS:
        hints = content.pop("hints")
        content["album"] = content.pop("album", [])[:_MOST_CARRIED]
        text = json.dumps({**content, "hints_left_out": len(hints)}, ensure_ascii=False)
    return text
