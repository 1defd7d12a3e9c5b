"""What a file is, by its first bytes: names are often wrong, and most non-photos have a name."""

from PIL import Image, TiffImagePlugin, WebPImagePlugin

from deepkoal.errors import PhotoError
from deepkoal.image_io.photo import FORMATS, READABLE

Image.preinit()
for _plugin in (TiffImagePlugin.TiffImageFile, WebPImagePlugin.WebPImageFile):
    assert _plugin.format in Image.OPEN, "importing a Pillow plugin registers it"

READERS = {kind: Image.OPEN[kind] for kind in dict.fromkeys(FORMATS.values())}
"""Pillow's name of each format that is read, to its reader and its test of the first bytes."""

_OTHERS = (
    (0, b"%PDF", "a PDF document"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"FUJIFILMCCD-RAW", "a camera raw file"),
    (0, b"IIR", "a camera raw file"),
    (0, b"IIU\0", "a camera raw file"),
    (4, b"ftypcrx", "a camera raw file"),
    (4, b"ftypavif", "an AVIF picture"),
    (4, b"ftyphe", "a HEIC photo"),
    (4, b"ftypmif1", "a HEIC photo"),
    (4, b"ftyp", "a video"),
    (0, b"version https://git-lfs", "a Git LFS pointer to a file not fetched"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<", "a web page, as a failed download leaves"),
    (0, b"\0" * 16, "only zeros, as a failed copy leaves"),
)
"""Offset, bytes there, and what such a file is, for those most often met under a photo's name."""


def sniff_kind(start: bytes, name: str) -> str:
    """Return the format, a key of `READERS`, that a file's first 32 bytes announce.

    Raises:
        PhotoError: the file is empty or nothing that is read; the message names what it may be.
    """
    if not start:
        raise PhotoError(f"{name}: the file is empty (0 bytes); copy or download it again")
    for kind, (_, accepts) in READERS.items():
        if accepts is not None and accepts(start) is True:
            return kind
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    found = (
        f", {what}"
        for offset, magic, what in _OTHERS
        if (start[offset:] if offset else text).startswith(magic)
    )
    raise PhotoError(
        f"{name}: not a picture this version reads (starts with {start[:12]!r}{next(found, '')}); "
        f"expected {READABLE}: convert it to one of them"
    )
