"""XMP of more than 64 KiB in JPEG files: a main packet, and the rest in further segments.

Adobe XMP specification, part 3 (2020), 1.1.3.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from deepkoal.image_io.metadata.xmp import XmpPacket

HEAD = b"http://ns.adobe.com/xmp/extension/\0"
_NOTE = "http://ns.adobe.com/xmp/note/"
_PART_BYTES = 65_400
"""Of a segment's content beside its head, at most."""
_PARTS_START = len(HEAD) + 40


def join_extended(main: bytes, segments: Iterable[bytes]) -> bytes:
    """Return a packet with what further segments of its file add to it.

    Args:
        main: the packet.
        segments: of the file, those that begin with `HEAD`. Parts of another packet, and all of
            one of which some are missing, are passed over.
    """
    try:
        packet = XmpPacket(main)
        digest = (packet.get(_NOTE, "HasExtendedXMP") or "").encode()
        parts = {
            int.from_bytes(segment[_PARTS_START - 4 : _PARTS_START]): segment
            for segment in segments
            if digest and segment[len(HEAD) : len(HEAD) + 32] == digest
        }
        extension = b"".join(parts[place][_PARTS_START:] for place in sorted(parts))
        if not parts or _digest(extension) != digest:
            return main
        packet.merge(XmpPacket(extension))
    except ValueError:  # one of them is no XMP
        return main
    return packet.tobytes()


def split_extended(xmp: bytes, most: int) -> tuple[bytes, list[bytes]]:
    """Return a packet of at most `most` bytes, and segments with what does not fit into it.

    Both are empty where the packet cannot be split so.
    """
    if len(xmp) <= most:
        return xmp, []
    try:
        packet = XmpPacket(xmp)
    except ValueError:
        return b"", []
    packet.set("xmpNote", _NOTE, "HasExtendedXMP", "0" * 32)
    extension = packet.split_off(most - 64).tobytes()
    digest = _digest(extension)
    packet.set("xmpNote", _NOTE, "HasExtendedXMP", digest.decode())
    main = packet.tobytes()
    if len(main) > most:
        return b"", []
    size = len(extension).to_bytes(4)
    return main, [
        HEAD + digest + size + place.to_bytes(4) + extension[place : place + _PART_BYTES]
        for place in range(0, len(extension), _PART_BYTES)
    ]


def _digest(extension: bytes) -> bytes:
    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
