"""The formats: which file names they have, what each can hold, and which package reads it."""

from dataclasses import dataclass, field
from typing import Any

_ALL = frozenset({"exif", "icc", "xmp", "dpi", "alpha"})


@dataclass(frozen=True)
class FileFormat:
    """What a format can hold, and how it is written.

    Attributes:
        suffixes: file name endings, the usual one first.
        holds: of `exif`, `icc`, `xmp`, `iptc`, `dpi`, `alpha`, `comment`, `text`, `16 bits` and
            `pages`: what is written of a photo that has it.
        largest_side: in pixels.
        is_lossy: whether it takes a quality.
        extra: of `pip install deepkoal[extra]`, without which it is neither read nor written.
        options: for Pillow to save it with.
    """

    suffixes: tuple[str, ...]
    holds: frozenset[str] = frozenset()
    largest_side: int = 2**31 - 1
    is_lossy: bool = False
    extra: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


WRITTEN = {
    "JPEG": FileFormat(
        (".jpg", ".jpeg", ".jpe", ".jfif"),
        _ALL - {"alpha"} | {"iptc", "comment"},
        65_500,
        is_lossy=True,
        # 4:4:4: halved chroma would blur the very colors this library adds.
        options={"subsampling": 0},
    ),
    "PNG": FileFormat((".png",), _ALL | {"iptc", "text", "16 bits"}, options={"compress_level": 3}),
    "WEBP": FileFormat((".webp",), _ALL - {"dpi"}, 16_383, is_lossy=True),
    "TIFF": FileFormat((".tif", ".tiff"), _ALL | {"iptc", "16 bits", "pages"}),
    "BMP": FileFormat((".bmp",), frozenset({"dpi"})),
    "GIF": FileFormat((".gif",), frozenset({"comment"}), 65_535),
    "AVIF": FileFormat(
        (".avif",), _ALL - {"dpi"}, 65_535, is_lossy=True, options={"subsampling": "4:4:4"}
    ),
    "HEIF": FileFormat(
        (".heic", ".heif", ".hif"),
        _ALL - {"dpi"},
        16_383,
        is_lossy=True,
        extra="formats",
        options={"chroma": 444},
    ),
    "JPEG2000": FileFormat((".jp2", ".j2k", ".jpx", ".jpf"), frozenset({"alpha"})),
    "JXL": FileFormat(
        (".jxl",), frozenset({"exif", "xmp", "alpha"}), is_lossy=True, extra="formats"
    ),
    "PPM": FileFormat((".ppm", ".pnm", ".pgm", ".pbm"), frozenset({"16 bits"})),
    "TGA": FileFormat((".tga",), frozenset({"alpha"}), 65_535),
}
"""Pillow's name of each format that is read and written."""

_RAW = (
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef "
    ".raf .raw .rw2 .rwl .sr2 .srf .srw .x3f"
)
READ_ONLY = {
    "RAW": FileFormat(tuple(_RAW.split()), extra="raw"),
    "DICOM": FileFormat((".dcm", ".dicom"), extra="dicom"),
}
"""Formats that are read only: results are written as TIFF and PNG."""

RESULTS = {"GIF": ".png", "RAW": ".tif", "DICOM": ".png"}
"""Ending of the result where it is not the photo's own: 256 colors are too few."""

FORMATS = {suffix: kind for kind, spec in WRITTEN.items() for suffix in spec.suffixes}
"""File name ending, in lower case, to the format that is written under it."""

PHOTO_SUFFIXES = frozenset(FORMATS)
"""File name endings, in lower case with the dot, that are read and written."""

READABLE = "JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, HEIC, JPEG 2000, JPEG XL, PNM, TGA, raw or DICOM"

WRITABLE = "jpg, png, webp, tif, bmp, gif, avif, heic, jp2, jxl, ppm or tga"


def choose_suffix(kind: str) -> str:
    """Return the file name ending, with the dot, for the result of a photo of a kind."""
    return RESULTS.get(kind) or WRITTEN[kind].suffixes[0]
