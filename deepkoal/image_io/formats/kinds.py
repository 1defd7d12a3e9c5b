"""What a file is, by its first bytes: names are often wrong, and most non-photos have a name."""

from __future__ import annotations

import os
import re
from pathlib import PurePath

from deepkoal.errors import PhotoError
from deepkoal.image_io.formats.file_formats import READ_ONLY, READABLE, WRITTEN

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

START_BYTES = 132
"""Of a file, that tell what it is."""

_SIGNATURES = (
    ("JPEG", b"\xff\xd8\xff"),
    ("PNG", b"\x89PNG\r\n\x1a\n"),
    ("GIF", b"GIF87a"),
    ("GIF", b"GIF89a"),
    ("RAW", b"II*\0\x10\0\0\0CR"),  # Canon's CR2, which is a TIFF file too
    ("TIFF", b"II*\0"),
    ("TIFF", b"MM\0*"),
    ("TIFF", b"II+\0"),
    ("TIFF", b"MM\0+"),
    ("BMP", b"BM"),
    ("JPEG2000", b"\0\0\0\x0cjP  \r\n\x87\n"),
    ("JPEG2000", b"\xff\x4f\xff\x51"),
    ("JXL", b"\0\0\0\x0cJXL \r\n\x87\n"),
    ("JXL", b"\xff\x0a"),
    ("RAW", b"FUJIFILMCCD-RAW"),
    ("RAW", b"IIRO"),
    ("RAW", b"IIRS"),
    ("RAW", b"MMOR"),
    ("RAW", b"IIU\0"),
    ("RAW", b"II\x1a\0\0\0HEAPCCDR"),
    ("RAW", b"FOVb"),
    ("RAW", b"\0MRM"),
)
_BRANDS = (
    ("AVIF", {b"avif", b"avis"}),
    ("RAW", {b"crx "}),
    ("HEIF", {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}),
)
"""Brands of the ISO base media format (ISO 14496-12) that are pictures."""

_OTHERS = (
    (0, b"%PDF", "a PDF document", False),
    (0, b"8BPS", "a Photoshop document", True),
    (0, b"gimp xcf", "a GIMP drawing", True),
    (0, b"v/1\x01", "an OpenEXR picture", True),
    (0, b"PF\n", "a PFM picture in color", True),
    (0, b"PK\x03\x04", "a ZIP archive", False),
    (0, b"\x1f\x8b", "a gzip archive", False),
    (8, b"AVI ", "a video", False),
    (8, b"WAVE", "a sound", False),
    (0, b"ID3", "a sound", False),
    (0, b"OggS", "a sound", False),
    (0, b"\x1a\x45\xdf\xa3", "a video", False),
    (0, b"\0\0\1\xba", "a video", False),
    (0, b"0&\xb2u\x8ef\xcf\x11", "a video", False),
    (4, b"ftyp", "a video", False),
    (4, b"moov", "a video", False),
    (4, b"mdat", "a video", False),
    (4, b"wide", "a video", False),
    (0, b"version https://git-lfs", "a Git LFS pointer to a file not fetched", False),
    (0, b"<svg", "an SVG drawing", False),
    (0, b"<", "a web page, as a failed download leaves", False),
    (0, b"\0" * 16, "only zeros, as a failed copy leaves", False),
)
"""Offset, bytes there, what such a file is, and whether it holds a photo that is not read."""

_TGA_TYPES, _TGA_DEPTHS = (1, 2, 3, 9, 10, 11), (8, 15, 16, 24, 32)
_TGA_SAMPLES = {1: (8,), 2: (15, 16, 24, 32), 3: (8, 16)}
"""Bits of a pixel by the kind of TGA picture: by a color map, in color, grey; + 8 if compressed."""


class UnknownKindError(PhotoError):
    """A file that is nothing that is read.

    Attributes:
        what: the file is, as far as one can tell.
        is_picture: whether it holds a picture all the same.
    """

    def __init__(self, message: str, what: str, *, is_picture: bool = False) -> None:
        super().__init__(message)
        self.what = what
        self.is_picture = is_picture


def is_address(text: str) -> bool:
    """Return whether a text names a place by its scheme, such as `s3://bucket/photos`.

    One letter is no scheme but a drive of Windows.
    """
    return _SCHEME.match(text) is not None


def sniff_kind(start: bytes, name: str) -> str:
    """Return the format, a key of `formats.WRITTEN` or `READ_ONLY`, that a file's bytes announce.

    Args:
        start: its first `START_BYTES`, or all where it has fewer.
        name: of the file, for messages; and because a TGA file has no signature: under another
            name, or none, its header has to be free of contradictions.

    Raises:
        PhotoError: the file is empty or nothing that is read; the message names what it may be.
    """
    if not start:
        message = f"{name}: the file is empty (0 bytes); copy or download it again"
        raise UnknownKindError(message, "an empty file")
    if (kind := _find_kind(start, PurePath(name).suffix.lower())) is not None:
        return kind
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    what, is_picture = next(
        (
            (f", {what}", is_picture)
            for offset, magic, what, is_picture in _OTHERS
            if (start[offset:] if offset else text).startswith(magic)
        ),
        ("", False),
    )
    raise UnknownKindError(
        f"{name}: not a picture this version reads (starts with {start[:12]!r}{what}); "
        f"expected {READABLE}: convert it to one of them",
        what.removeprefix(", ") or "of no kind that is read",
        is_picture=is_picture,
    )


def sniff_file(path: str | os.PathLike[str]) -> str:
    """Return `sniff_kind` of a file.

    Raises:
        PhotoError: as there, or it cannot be read.
    """
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:  # noqa: PTH123 -- of any path-like
            start = file.read(START_BYTES)
    except OSError as error:
        raise UnknownKindError(
            f"{name}: cannot be opened ({error.strerror}); check your permissions",
            f"for it cannot be opened ({error.strerror})",
        ) from error
    return sniff_kind(start, name)


def sniff(source: str | os.PathLike[str] | bytes, name: str) -> str:
    """Return `sniff_kind` of a file, given by its path or as its bytes, which messages call `name`.

    Raises:
        PhotoError: as there, or it cannot be read.
    """
    if isinstance(source, bytes):
        return sniff_kind(source[:START_BYTES], name)
    return sniff_file(source)


def _find_kind(start: bytes, suffix: str) -> str | None:
    for kind, signature in _SIGNATURES:
        if start.startswith(signature):
            return kind
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[128:132] == b"DICM":
        return "DICOM"
    if start[4:8] == b"ftyp":
        return _find_brand(start)
    if start[:1] == b"P" and start[1:2] in b"123456f" and start[2:3].isspace():
        return "PPM"
    return "TGA" if _is_tga(start, is_named=suffix in WRITTEN["TGA"].suffixes) else None


def _is_tga(start: bytes, *, is_named: bool) -> bool:
    """Return whether a file's header may be of TGA, which has no signature.

    Without the name (through a pipe) every field has to fit the others: 64 bits and more.
    """
    if len(start) < 18:
        return False
    has_map, kind, depth, descriptor = start[1], start[2], start[16], start[17]
    if is_named:
        return has_map < 2 and kind in _TGA_TYPES and depth in _TGA_DEPTHS
    width, height = int.from_bytes(start[12:14], "little"), int.from_bytes(start[14:16], "little")
    map_length, map_depth = int.from_bytes(start[5:7], "little"), start[7]
    is_mapped = has_map == 1 and 0 < map_length <= 256 and map_depth in _TGA_DEPTHS[1:]
    return (
        kind in _TGA_TYPES
        and depth in _TGA_SAMPLES[kind & 7]
        and (is_mapped if kind & 7 == 1 else start[1:2] + start[3:8] == bytes(6))
        and min(width, height) > 0
        and descriptor & 0xC0 == 0  # of interleaving, which nobody writes
        and descriptor & 0x0F in ((0, 8) if depth == 32 else (0, 1, depth - 8))
    )


def _find_brand(start: bytes) -> str | None:
    end = min(len(start), int.from_bytes(start[:4]))
    brands = {start[8:12]} | {start[place : place + 4] for place in range(16, end - 3, 4)}
    # The major brand decides: players' files list pictures' brands among their compatible ones.
    for kind, known in _BRANDS:
        if start[8:12] in known and (kind != "HEIF" or not brands & _BRANDS[0][1]):
            return kind
    return "AVIF" if start[8:12] in (b"mif1", b"msf1") and brands & _BRANDS[0][1] else None


def is_photo_name(path: PurePath) -> bool:
    """Return whether a file's name ends as a photo's does, whether it is written or only read."""
    suffix = path.suffix.lower()
    return any(suffix in spec.suffixes for spec in (*WRITTEN.values(), *READ_ONLY.values()))


def find_kind(source: PurePath | bytes, name: str = "photo") -> str:
    """Return the format that a file's name tells, or else its content.

    Args:
        source: its path or its bytes, whose content alone tells.
        name: what messages call bytes.

    Raises:
        PhotoError: neither tells one, or the file cannot be read.
    """
    if isinstance(source, bytes):
        return sniff(source, name)
    suffix = source.suffix.lower()
    for kind, spec in (*WRITTEN.items(), *READ_ONLY.items()):
        if suffix in spec.suffixes:
            return kind
    return sniff_file(source)
