"""Blocks of metadata inside others: Photoshop's image resources, and ImageMagick's raw profiles."""

import re
from collections.abc import Iterable, Iterator, Mapping

IPTC_RESOURCE = 0x0404
_RESOURCES_OF_ONE_FILE = frozenset(
    {0x03ED, 0x0409, 0x040C, 0x040F, 0x0411, 0x0422, 0x0423, 0x0424, 0x0425, IPTC_RESOURCE}
)
"""Photoshop's resolution, previews, color profile, EXIF, XMP and IPTC (with its checksum)."""

RAW_PROFILE = "Raw profile type "  # ImageMagick's and ExifTool's way to put blocks into PNG
RESOURCE_MARK = b"8BIM"


def split_resources(blocks: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of Photoshop's image resources, as far as they are sound."""
    place = 0
    while blocks[place : place + 4] == RESOURCE_MARK and place + 12 <= len(blocks):
        number = int.from_bytes(blocks[place + 4 : place + 6])
        start = place + 6 + (blocks[place + 6] + 2) // 2 * 2  # the name, to an even length
        length = int.from_bytes(blocks[start : start + 4])
        content = blocks[start + 4 : start + 4 + length]
        if len(content) < length:
            return
        yield number, content
        place = start + 4 + (length + 1) // 2 * 2


def join_resources(resources: Mapping[int, bytes]) -> bytes:
    """Return Photoshop's image resources as one block, without those that hold for one file."""
    return b"".join(
        make_resource(number, content)
        for number, content in resources.items()
        if number not in _RESOURCES_OF_ONE_FILE
    )


def make_resource(number: int, content: bytes) -> bytes:
    """Return one of Photoshop's image resources, without a name."""
    head = RESOURCE_MARK + number.to_bytes(2) + b"\0\0" + len(content).to_bytes(4)
    return head + content + b"\0" * (len(content) % 2)


def read_jpeg_resources(segments: Iterable[tuple[str, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Yield the resources of APP13, which Pillow's `info` has without some of their bytes.

    Args:
        segments: names and contents, as Pillow's `applist`.
    """
    blocks = [
        content.removeprefix(b"Photoshop 3.0\0")
        for segment, content in segments
        if segment == "APP13" and content.startswith(b"Photoshop 3.0\0")
    ]
    yield from split_resources(b"".join(blocks))


def read_raw_profile(text: str) -> bytes:
    r"""Return the bytes of `\nname\nlength\nhexadecimal digits`; empty where they are no such."""
    digits = re.fullmatch(r"\s*\S+\s+\d+\s+([0-9a-fA-F\s]*)", text)
    try:
        return bytes.fromhex(digits[1]) if digits else b""
    except ValueError:
        return b""


def make_raw_profile(name: str, content: bytes) -> tuple[str, str]:
    """Return keyword and text of a block in a PNG file; the inverse of reading it."""
    digits = content.hex()
    lines = "\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    return RAW_PROFILE + name, f"\n{name}\n{len(content):8d}\n{lines}\n"
