"""Metadata of photo files, read from what Pillow opened and cleaned for another file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import ExifTags, Image

from deepkoal.image_io.metadata import extended_xmp
from deepkoal.image_io.metadata.photoshop_resources import (
    IPTC_RESOURCE,
    RAW_PROFILE,
    RESOURCE_MARK,
    join_resources,
    read_jpeg_resources,
    read_raw_profile,
    split_resources,
)
from deepkoal.image_io.metadata.xmp import clean_xmp
from deepkoal.image_io.photo import PhotoMetadata

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

_XMP_KEYWORD = "XML:com.adobe.xmp"


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
        key.removeprefix(RAW_PROFILE): read_raw_profile(value)
        for key, value in text.items()
        if key.startswith(RAW_PROFILE)
    }
    resources = dict(read_jpeg_resources(getattr(image, "applist", ())))
    for name in ("8bim", "iptc"):  # the latter holds either resources or IPTC alone
        resources.update(split_resources(profiles.get(name, b"")))
    iptc = profiles.get("iptc", b"")
    iptc = b"" if iptc.startswith(RESOURCE_MARK) else iptc
    exif = _read_exif(image)
    found = read_tags(exif)
    xmp = info.get("xmp") or text.get(_XMP_KEYWORD) or profiles.get("xmp") or b""
    xmp = xmp.encode() if isinstance(xmp, str) else bytes(xmp)
    segments = [content for _, content in getattr(image, "applist", ())]
    further = [content for content in segments if content.startswith(extended_xmp.HEAD)]
    if further:
        xmp = extended_xmp.join_extended(xmp, further)
    rest = PhotoMetadata(
        xmp=clean_xmp(xmp) or found.xmp,
        iptc=resources.get(IPTC_RESOURCE) or iptc or found.iptc,
        photoshop=join_resources(resources) or found.photoshop,
        comment=_read_comment(image),
        text=tuple(
            (key, value)
            for key, value in text.items()
            if key != _XMP_KEYWORD and not key.startswith(RAW_PROFILE)
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
    found: FileMetadata, icc_profile: bytes | None, size: tuple[int, int], orientation: int
) -> PhotoMetadata:
    """Return the metadata of an sRGB picture of `size` (width, height) turned by `orientation`."""
    dpi = found.rest.dpi
    if dpi is not None and orientation >= 5:
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
