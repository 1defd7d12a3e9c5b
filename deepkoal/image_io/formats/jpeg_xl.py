"""The header of a JPEG XL file (ISO/IEC 18181): its plug-in decodes before it tells a size."""

from __future__ import annotations

from collections.abc import Iterator

_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_LENGTHS = (9, 13, 18, 30)


def read_size(data: bytes) -> tuple[int, int]:
    """Return the width and height that a file's header states (18181-1, SizeHeader).

    Raises:
        ValueError: there is no such header.
    """
    stream = data
    if not data.startswith(b"\xff\x0a"):
        parts = [(name, content) for name, content in split_boxes(data) if name[:3] == b"jxl"]
        stream = next((content for name, content in parts if name == b"jxlc"), b"")
        if not stream:
            stream = next((content[4:] for name, content in parts if name == b"jxlp"), b"")
    if not stream.startswith(b"\xff\x0a"):
        raise ValueError("no JPEG XL codestream")
    bits, place = int.from_bytes(stream[2:16], "little"), 0

    def take(count: int) -> int:
        nonlocal place
        value = bits >> place & ((1 << count) - 1)
        place += count
        return value

    def take_side(is_small: int) -> int:
        return 8 * (take(5) + 1) if is_small else take(_LENGTHS[take(2)]) + 1

    is_small = take(1)
    height = take_side(is_small)
    ratio = take(3)
    if ratio == 0:
        return take_side(is_small), height
    above, below = _RATIOS[ratio]
    return height * above // below, height


def read_xmp(data: bytes) -> bytes:
    """Return the XMP packet of a file, or empty."""
    return next((content for name, content in split_boxes(data) if name == b"xml "), b"")


def split_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and content of each box that ends inside the file (ISO 14496-12, 4.2)."""
    place = 0
    while place + 8 <= len(data):
        size, name = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        start = place + 8
        if size == 1:
            size, start = int.from_bytes(data[start : start + 8]), place + 16
        end = len(data) if size == 0 else place + size
        if end > len(data) or end < start:
            return
        yield name, data[start:end]
        place = end
