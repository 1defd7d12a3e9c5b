"""Metadata of photo files, read from what Pillow opened and cleaned for another file."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import ExifTags, Image

from deepkoal.image_io.photo import PhotoMetadata
from deepkoal.image_io.xmp import clean_xmp

Tag = ExifTags.Base
XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG = 700, 33723, 34377
"""TIFF tags; the first two are Adobe's and IPTC's."""

_STRUCTURE = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284}
    | {288, 289, 290, 291, 292, 293, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332}
    | {338, 339, 340, 341, 342, 347, *range(512, 533), 34675}
    | {XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG}  # written by themselves
)
"""TIFF 6.0 tags that lay out the pixels of one file, and so are wrong in any other."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to what turns the picture upright, as in `PIL.ImageOps.exif_transpose`."""

IPTC_RESOURCE = 0x0404
_RESOURCES_OF_ONE_FILE = frozenset(
    {0x03ED, 0x0409, 0x040C, 0x040F, 0x0411, 0x0422, 0x0423, 0x0424, 0x0425, IPTC_RESOURCE}
)
"""Photoshop's resolution, previews, color profile, EXIF, XMP and IPTC (with its checksum)."""

_RAW_PROFILE = "Raw profile type "  # ImageMagick's and ExifTool's way to put blocks into PNG
_XMP_KEYWORD = "XML:com.adobe.xmp"
_RESOURCE = b"8BIM"


@dataclass
class FileMetadata:
    """What a file carries, as it is in the file.

    Attributes:
        exif: its tags.
        icc_profile: its color profile.
        rest: all else.
    """

    exif: Image.Exif = field(default_factory=Image.Exif)
    icc_profile: bytes | None = None
    rest: PhotoMetadata = field(default_factory=PhotoMetadata)

    @property
    def orientation(self) -> int:
        """How the pixels are turned, 1…8; 1 where that is not said."""
        value = self.exif.get(Tag.Orientation, 1)
        return value if isinstance(value, int) and 1 <= value <= 8 else 1


def read_metadata(image: Image.Image) -> FileMetadata:
    """Return what a file that Pillow has opened, and loaded, carries."""
    info = image.info
    text = _read_text(image)
    profiles = {
        key.removeprefix(_RAW_PROFILE): _read_raw_profile(value)
        for key, value in text.items()
        if key.startswith(_RAW_PROFILE)
    }
    resources = dict(_read_jpeg_resources(image))
    for name in ("8bim", "iptc"):  # the latter holds either resources or IPTC alone
        resources.update(split_resources(profiles.get(name, b"")))
    iptc = profiles.get("iptc", b"")
    iptc = b"" if iptc.startswith(_RESOURCE) else iptc
    exif = _read_exif(image)
    found = read_tags(exif)
    xmp = info.get("xmp") or text.get(_XMP_KEYWORD) or profiles.get("xmp") or b""
    rest = PhotoMetadata(
        xmp=clean_xmp(xmp.encode() if isinstance(xmp, str) else bytes(xmp)) or found.xmp,
        iptc=resources.get(IPTC_RESOURCE) or iptc or found.iptc,
        photoshop=join_resources(resources) or found.photoshop,
        comment=_read_comment(image),
        text=tuple(
            (key, value)
            for key, value in text.items()
            if key != _XMP_KEYWORD and not key.startswith(_RAW_PROFILE)
        ),
        dpi=_read_dpi(info) or found.dpi,
    )
    return FileMetadata(exif, info.get("icc_profile"), rest)


def read_tags(tags: Mapping[int, Any]) -> PhotoMetadata:
    """Return what a TIFF file's tags carry beside EXIF."""
    resources = dict(split_resources(_to_bytes(tags.get(PHOTOSHOP_TAG))))
    return PhotoMetadata(
        xmp=clean_xmp(_to_bytes(tags.get(XMP_TAG))),
        iptc=_to_bytes(tags.get(IPTC_TAG)) or resources.get(IPTC_RESOURCE, b""),
        photoshop=join_resources(resources),
        dpi=_read_resolution(tags),
    )


def finish_metadata(
    found: FileMetadata, icc_profile: bytes | None, size: tuple[int, int]
) -> PhotoMetadata:
    """Return the metadata of an upright sRGB picture of `size` (width, height)."""
    dpi = found.rest.dpi
    if dpi is not None and found.orientation >= 5:
        dpi = dpi[::-1]
    exif = clean_exif(found.exif, size)
    return replace(found.rest, exif=exif, icc_profile=icc_profile, dpi=dpi)


def make_upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the picture turned as its EXIF orientation asks."""
    method = _UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def clean_exif(exif: Image.Exif, size: tuple[int, int]) -> bytes:
    """Return the EXIF block for an upright sRGB picture of `size` (width, height).

    The result has no thumbnail and none of a TIFF file's layout tags. It is empty where there
    was nothing to carry, and where the block is too damaged to be written again.
    """
    for tag in _STRUCTURE.intersection(exif):
        del exif[tag]
    if not exif:
        return b""
    exif[Tag.Orientation] = 1
    exif.bigtiff = False
    try:
        details = exif.get_ifd(ExifTags.IFD.Exif)
        current = {Tag.ColorSpace: 1, Tag.ExifImageWidth: size[0], Tag.ExifImageHeight: size[1]}
        details.update({tag: value for tag, value in current.items() if tag in details})
        return exif.tobytes()
    except Exception:  # Pillow raises many kinds on a damaged block, which no photo is lost for
        return b""


def split_resources(blocks: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of Photoshop's image resources, as far as they are sound."""
    place = 0
    while blocks[place : place + 4] == _RESOURCE and place + 12 <= len(blocks):
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
    head = _RESOURCE + number.to_bytes(2) + b"\0\0" + len(content).to_bytes(4)
    return head + content + b"\0" * (len(content) % 2)


def _read_jpeg_resources(image: Image.Image) -> Iterator[tuple[int, bytes]]:
    """Yield the resources of APP13, which Pillow's `info` has without some of their bytes."""
    blocks = [
        content.removeprefix(b"Photoshop 3.0\0")
        for segment, content in getattr(image, "applist", ())
        if segment == "APP13" and content.startswith(b"Photoshop 3.0\0")
    ]
    yield from split_resources(b"".join(blocks))


def _read_text(image: Image.Image) -> dict[str, str]:
    """Return the texts of a PNG file; those that Pillow keeps from a damaged one are few."""
    try:
        texts = getattr(image, "text", None) if image.format == "PNG" else None
    except Exception:  # it decodes the picture first, which may be the damaged part
        texts = None
    return {
        str(key): value if isinstance(value, str) else str(value[0] if value else "")
        for key, value in (texts or {}).items()
    }


def _read_comment(image: Image.Image) -> bytes:
    """Return a file's comments, of which a JPEG may have several, one a line."""
    if image.format not in ("JPEG", "MPO", "GIF"):
        return b""
    segments = getattr(image, "applist", ())
    comments = [content for segment, content in segments if segment == "COM"]
    comments = comments or [image.info.get("comment", b"")]
    as_bytes = (each.encode() if isinstance(each, str) else bytes(each or b"") for each in comments)
    return b"\n".join(dict.fromkeys(as_bytes))


def _read_raw_profile(text: str) -> bytes:
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
    return _RAW_PROFILE + name, f"\n{name}\n{len(content):8d}\n{lines}\n"


def _read_resolution(tags: Mapping[int, Any]) -> tuple[float, float] | None:
    """Return the resolution in a TIFF file's tags in pixels an inch."""
    unit = {2: 1.0, 3: 2.54}.get(tags.get(Tag.ResolutionUnit, 2))
    if unit is None:
        return None
    try:
        sides = [float(tags[tag]) * unit for tag in (Tag.XResolution, Tag.YResolution)]
        return _read_dpi({"dpi": sides})
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def _read_dpi(info: Mapping[Any, Any]) -> tuple[float, float] | None:
    try:
        x, y = (float(value) for value in info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 1 <= x < 1e5 and 1 <= y < 1e5 else None


def _read_exif(image: Image.Image) -> Image.Exif:
    try:
        exif = image.getexif()
        dict(exif)  # reads every tag now, so that damage shows here
    except Exception:  # the picture is worth having without its damaged EXIF
        return Image.Exif()
    return exif


def _to_bytes(value: object) -> bytes:
    """Return a tag's bytes, which Pillow gives as a tuple where the file has numbers of them."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("latin-1", "replace")
    if isinstance(value, tuple) and value and all(isinstance(item, int) for item in value):
        # IPTC is often written as 32-bit numbers (`IptcImagePlugin` reads it so too).
        width = 4 if max(value) > 255 else 1
        return b"".join(int(item).to_bytes(width, "little") for item in value)
    return b""
