"""Encoding: pixels to the bytes of a photo file, with the metadata its format can hold."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from deepkoal.errors import PhotoError, check_range
from deepkoal.image_io.deep_png import encode_deep_png
from deepkoal.image_io.formats import FORMATS, WRITABLE, WRITTEN, FileFormat, plugins
from deepkoal.image_io.metadata.extended_xmp import split_extended
from deepkoal.image_io.metadata.photoshop_resources import (
    IPTC_RESOURCE,
    make_raw_profile,
    make_resource,
)
from deepkoal.image_io.photo import Photo, PhotoMetadata, Pixels
from deepkoal.image_io.pixels import describe_no_pixels, round_to_8_bits
from deepkoal.image_io.tiff_writing import CLASSIC_BYTES, TiffPages

DEFAULT_QUALITY = 95
"""Of JPEG and other lossy formats, for a photo that comes from no JPEG file."""

_EFFORT = 75
"""Of 100, to make a lossless WebP file small; the library's own default."""

SEGMENT_BYTES = 65_533
"""Of a segment of a JPEG file, at most; see `_fit_segments`."""
_XMP_HEAD, _PHOTOSHOP_HEAD = 29, b"Photoshop 3.0\0"


def encode_photo(
    rgb: Pixels, format: str, like: Photo | None = None, *, quality: int | None = None
) -> bytes:
    """Encode a picture as the bytes of a photo file.

    Args:
        rgb: uint8 in 0…255 or uint16 in 0…65535, sRGB (H, W, 3) or grey (H, W), which becomes
            a grey file where the format has such. Where it holds 8 bits only, they are rounded.
        format: a key of `formats.WRITTEN`, such as `JPEG` (4:4:4), `PNG` or `TIFF`; an ending such
            as `.jpg` is taken too.
        like: the photo whose alpha and metadata are carried over, as far as the format can hold
            them: `formats.WRITTEN` and docs/formats.md say which does what.
        quality: of lossy formats, 1…100; where None, that of the JPEG file that `like` comes from,
            or else 95, and a lossless WebP file stays so.

    Raises:
        PhotoError: the array is no picture, its size is not `like`'s although there is alpha
            to carry, the format is unknown, needs a package that is not installed or cannot hold
            so large a picture, or the quality is no whole number in 1…100.
    """
    name = "picture" if like is None else like.source
    kind = FORMATS.get(format.lower(), format.upper())
    if kind not in WRITTEN:
        raise PhotoError(f"{name}: cannot be written as {format!r}; choose {WRITABLE}")
    compression = None if like is None else like.compression
    is_lossless = kind == "WEBP" and compression == "lossless" and quality is None
    if quality is None:
        quality = (like and like.quality) or DEFAULT_QUALITY
    check_range(quality, f"{name}'s quality", 1, 100, whole=True, error=PhotoError)
    check_pixels(rgb, name)
    spec = WRITTEN[kind]
    plugins.demand(kind, name)
    _check_size(rgb, kind, spec, name)
    alpha = None if like is None or "alpha" not in spec.holds else like.alpha
    check_alpha(alpha, rgb, name)
    if "16 bits" not in spec.holds:
        rgb = round_to_8_bits(rgb)
    if alpha is not None:
        alpha = match_depth(alpha, rgb)
    metadata = PhotoMetadata() if like is None else like.metadata
    if rgb.ndim == 2:
        metadata = replace(metadata, icc_profile=None)  # which is one of RGB: see `Photo`
    file = io.BytesIO()
    try:
        if kind == "TIFF":
            pages = TiffPages(file, big=rgb.nbytes * 2 > CLASSIC_BYTES)
            pages.append(rgb, alpha, metadata, compression)
        elif kind == "PPM" and rgb.dtype == np.uint16:
            (height, width), magic = rgb.shape[:2], 5 if rgb.ndim == 2 else 6
            file.write(f"P{magic}\n{width} {height}\n65535\n".encode())
            file.write(rgb.astype(">u2").tobytes())
        elif rgb.dtype == np.uint16:
            file.write(encode_deep_png(rgb, alpha, _choose_options(kind, spec, metadata, 100)))
        else:
            image = Image.fromarray(np.ascontiguousarray(rgb))
            if alpha is not None:
                image.putalpha(Image.fromarray(alpha))
            # Pillow takes no number of NumPy's.
            options = _choose_options(kind, spec, metadata, int(quality))
            if is_lossless:
                options |= {"lossless": True, "exact": True, "quality": _EFFORT}
            image.save(file, kind, **options)
    except Exception as error:  # encoders raise many kinds, most of them on odd metadata
        raise PhotoError(
            f"{name}: cannot be encoded as {kind} ({error}); choose another format"
        ) from error
    return file.getvalue()


def _choose_options(
    kind: str, spec: FileFormat, metadata: PhotoMetadata, quality: int
) -> dict[str, Any]:
    """Return what Pillow is to save a picture with."""
    options = dict(spec.options)
    if spec.is_lossy:
        options["quality"] = quality
    if "icc" in spec.holds:
        options["icc_profile"] = metadata.icc_profile
    if "dpi" in spec.holds and metadata.dpi is not None:
        options["dpi"] = metadata.dpi
    if "comment" in spec.holds and metadata.comment:
        options["comment"] = metadata.comment[:SEGMENT_BYTES]
    if "exif" in spec.holds and metadata.exif:
        options["exif"] = metadata.exif
    if "xmp" in spec.holds and metadata.xmp:
        options["xmp"] = metadata.xmp
    if kind == "JXL" and quality == 100:
        options["lossless"] = True  # which its encoder does not take otherwise
    if kind == "PNG":
        options.pop("xmp", None)
        options["pnginfo"] = _collect_text(metadata)
    if kind == "JPEG":
        _fit_segments(options, metadata)
    return options


def _fit_segments(options: dict[str, Any], metadata: PhotoMetadata) -> None:
    """Add IPTC to the options of a JPEG file, and leave out what no segment of 64 KiB holds."""
    if len(options.get("exif", b"")) > SEGMENT_BYTES:
        del options["exif"]
    main, further = split_extended(options.pop("xmp", b""), SEGMENT_BYTES - _XMP_HEAD)
    if main:
        options["xmp"] = main
    extra = b"".join(_make_segment(0xE1, content) for content in further)
    iptc = make_resource(IPTC_RESOURCE, metadata.iptc) if metadata.iptc else b""
    for resources in (metadata.photoshop + iptc, iptc):
        content = _PHOTOSHOP_HEAD + resources
        if resources and len(content) <= SEGMENT_BYTES:
            extra += _make_segment(0xED, content)
            break
    if extra:
        options["extra"] = extra


def _make_segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content


def _collect_text(metadata: PhotoMetadata) -> PngImagePlugin.PngInfo:
    """Return a PNG file's texts, with XMP and IPTC where its readers look for them."""
    chunks = PngImagePlugin.PngInfo()
    texts = dict(metadata.text)
    if metadata.comment:
        texts.setdefault("Comment", metadata.comment.decode("utf-8", "replace"))
    for keyword, value in texts.items():
        with contextlib.suppress(ValueError, UnicodeError):  # a keyword that PNG does not allow
            chunks.add_text(keyword[:79], value)
    if metadata.xmp:
        chunks.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))
    if metadata.iptc or metadata.photoshop:
        blocks = metadata.photoshop
        blocks += make_resource(IPTC_RESOURCE, metadata.iptc) if metadata.iptc else b""
        chunks.add_text(*make_raw_profile("iptc", blocks), zip=True)
    return chunks


def match_depth(alpha: Pixels, pixels: Pixels) -> Pixels:
    """Return alpha in the type of the colors, uint8 or uint16."""
    if alpha.dtype == pixels.dtype:
        return alpha
    return round_to_8_bits(alpha) if pixels.dtype == np.uint8 else alpha.astype(np.uint16) * 257


def check_pixels(pixels: object, name: str) -> None:
    """Raise `PhotoError` unless it is a picture, see `encode_photo`."""
    if got := describe_no_pixels(pixels):
        raise PhotoError(
            f"{name}: expected pixels as uint8 or uint16 (H, W, 3) or (H, W), got {got}; convert "
            "them first"
        )


def _check_size(pixels: Pixels, kind: str, spec: FileFormat, name: str) -> None:
    height, width = pixels.shape[:2]
    if max(height, width) > spec.largest_side:
        raise PhotoError(
            f"{name}: {width}×{height} pixels, but {kind} holds at most {spec.largest_side:,} a "
            "side; choose PNG or TIFF, or scale it down"
        )


def check_alpha(alpha: Pixels | None, pixels: Pixels, name: str) -> None:
    """Raise `PhotoError` unless alpha is None or of the colors' height and width."""
    height, width = pixels.shape[:2]
    if alpha is not None and alpha.shape != (height, width):
        raise PhotoError(
            f"{name}: {width}×{height} pixels, but its alpha has "
            f"{alpha.shape[1]}×{alpha.shape[0]}; scale one to the other"
        )
