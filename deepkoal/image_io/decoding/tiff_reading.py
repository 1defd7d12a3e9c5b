"""TIFF files as scanners and programs write them: the photo among thumbnails, pages, any depth."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.ExifTags import Base as Tag

from deepkoal.color import lab_to_rgb
from deepkoal.errors import PhotoError
from deepkoal.image_io.decoding.decoded import Decoded
from deepkoal.image_io.decoding.salvage import find_rows, load_rows
from deepkoal.image_io.decoding.tiff_pages import TiffPage, list_photos
from deepkoal.image_io.decoding.tiff_salvage import decode_whole_parts
from deepkoal.image_io.formats import plugins
from deepkoal.image_io.metadata.file_metadata import FileMetadata, read_metadata, read_tags
from deepkoal.image_io.pixels import find_white, split_alpha

# It reports oddities of files there; what matters of them is raised.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _INKS, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
_COMPRESSIONS = {1: None, 5: "lzw"}
_ASSOCIATED, _UNASSOCIATED = 1, 2
_SYMMETRIC_BELOW = -2048
"""A 16-bit sample below this is no undershoot: the samples lie around 0."""


def decode_tiff(
    file: IO[bytes],
    page: int,
    check_size: Callable[[tuple[int, int]], None],
    *,
    keep_damaged: bool,
) -> Decoded:
    """Decode a page of a TIFF file.

    Args:
        file: at its start.
        page: which of its photos, from 0.
        check_size: raises where its width and height are too much, before they are decoded.
        keep_damaged: whether to take what decodes of a damaged file.

    Raises:
        CameraRawError: it is a camera's raw file.
        PhotoError: its pixels are of no kind that is read, or there is no such page.
        Exception: of whatever kind, on damaged data.
    """
    import tifffile  # here, because it takes as long to import as a photo to color

    with tifffile.TiffFile(file) as tiff:
        pages = list_photos(tiff)
        if not pages:
            raise ValueError("it has no page")
        if page >= len(pages):
            raise PhotoError(f"expected page 1…{len(pages)}, got {page + 1}; choose one of them")
        chosen = pages[page]
        check_size((chosen.tags.imagewidth, chosen.tags.imagelength))
        if chosen.frame is not None and not _is_deep(chosen.tags):
            decoded = _decode_by_pillow(file, chosen, keep_damaged=keep_damaged)
        else:
            decoded = _decode_by_tifffile(chosen.tags, keep_damaged=keep_damaged)
            decoded.found = _read_found(file, tiff, chosen.tags)
    decoded.pages = len(pages)
    decoded.compression = _COMPRESSIONS.get(chosen.tags.compression, "deflate")
    return decoded


def _is_deep(tags: Any) -> bool:
    """Whether Pillow would cut these samples to 8 bits, garble or refuse them."""
    bits = tags.bitspersample
    return bits > 8 or tags.sampleformat not in (1, None)


def _decode_by_pillow(file: IO[bytes], page: TiffPage, *, keep_damaged: bool) -> Decoded:
    def open_frame() -> Image.Image:
        file.seek(0)
        image = plugins.open_image("TIFF", file)
        assert page.frame is not None
        image.seek(page.frame)
        return image

    try:
        image = open_frame()
        image.load()
        return Decoded(*split_alpha(image), read_metadata(image))
    except Exception as first:
        # Pillow lacks some compressions and layouts; if tifffile does too, its error is worse.
        try:
            decoded = _decode_by_tifffile(page.tags, keep_damaged=False)
        except Exception:
            if not keep_damaged:
                raise first from None
            image, note = load_rows(open_frame)
            decoded = Decoded(*split_alpha(image), notes=[note])
        decoded.found = _read_found(file, page.tags.parent, page.tags)
        return decoded


def _read_found(file: IO[bytes], tiff: Any, page: Any) -> FileMetadata:
    exif = Image.Exif()
    try:
        exif.endian, exif.bigtiff = tiff.byteorder, tiff.is_bigtiff
        exif.load_from_fp(file, page.offset)
        dict(exif)  # reads every tag now, so that damage shows here
        return FileMetadata(exif, exif.get(Tag.InterColorProfile), read_tags(exif))
    except Exception:  # the picture is worth having without its damaged tags
        return FileMetadata()


def _decode_by_tifffile(page: Any, *, keep_damaged: bool) -> Decoded:
    """Decode a page with tifffile, which reads all depths, layouts and most compressions."""
    try:
        return _convert_samples(page, _read_samples(page))
    except PhotoError:
        raise
    except Exception:
        if not keep_damaged:
            raise
        samples, whole = decode_whole_parts(page)
        top, bottom, note = find_rows(whole)
        decoded = _convert_samples(page, samples[top:bottom])
        decoded.notes.append(note)
        return decoded


def _read_samples(page: Any) -> npt.NDArray[Any]:
    """Return the samples of a page (H, W, channels)."""
    size = page.parent.filehandle.size
    if any(map(lambda start, count: start + count > size, page.dataoffsets, page.databytecounts)):
        raise ValueError("its pixels reach beyond the file's end")
    samples = page.asarray()
    count = page.samplesperpixel
    if page.planarconfig == 2 and count > 1:  # separate planes
        samples = samples.reshape(count, page.imagelength, page.imagewidth)
        samples = np.moveaxis(samples, 0, -1)
    return np.asarray(samples).reshape(page.imagelength, page.imagewidth, count)


def _convert_samples(page: Any, samples: npt.NDArray[Any]) -> Decoded:
    """Return samples (H, W, channels) as what they mean."""
    if samples.dtype.kind == "c":
        raise PhotoError("its samples are complex numbers; save their magnitude")
    count = samples.shape[2]
    kind = _RGB if page.photometric == _BLACK_IS_ZERO and count in (3, 4) else page.photometric
    samples, white = _find_range(page, samples)
    if kind in (_WHITE_IS_ZERO, _BLACK_IS_ZERO):
        colors, extra = samples[..., 0], samples[..., 1:]
        colors = white - colors if kind == _WHITE_IS_ZERO else colors
    elif kind == _RGB and count >= 3:
        colors, extra = samples[..., :3], samples[..., 3:]
    elif kind == _LAB and count >= 3 and samples.dtype.itemsize == 2:
        colors, extra, white = _convert_lab(samples), samples[..., 3:], 1.0
    elif kind == _INKS and count >= 4:
        inks = np.rint(samples[..., :4] * (255 / white)).astype(np.uint8)
        return Decoded(Image.fromarray(inks, "CMYK"))
    elif kind == _YCBCR and count == 3 and samples.dtype == np.uint8:
        return Decoded(Image.fromarray(np.ascontiguousarray(samples), "YCbCr").convert("RGB"))
    else:
        raise PhotoError(
            f"its {count} channels of {page.bitspersample} bits are of a kind that is not read "
            f"(photometric interpretation {page.photometric}); save it as RGB"
        )
    alpha = _find_alpha(page, extra)
    if alpha is not None and page.extrasamples[:1] == (_ASSOCIATED,):
        colors = _divide(colors, alpha, white)
    if samples.dtype == np.uint8 and white == 255:
        picture = Image.fromarray(np.ascontiguousarray(colors))
        return Decoded(picture, None if alpha is None else Image.fromarray(alpha.copy()))
    return Decoded(colors, alpha, white=white)


def _find_range(page: Any, samples: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], float]:
    """Return samples and the white among them, by the tags where they say so."""
    if samples.dtype.kind not in "ui":
        return samples, find_white(samples)
    if samples.dtype == np.int16 and samples.min(initial=0) < _SYMMETRIC_BELOW:
        return (samples.astype(np.int32) + 32768).astype(np.uint16), 65535.0
    bits = page.bitspersample
    white = find_white(samples) if bits in (8, 16, 32, 64) else 2.0**bits - 1
    for tag in (Tag.MaxSampleValue, 341):  # SMaxSampleValue
        value = page.tags.valueof(tag)
        largest = float(np.max(value)) if value is not None else 0.0
        # The tag may also be no more than the largest sample: of depths it is 2^n - 1.
        is_depth = largest >= 511 and (int(largest) + 1) & int(largest) == 0
        if is_depth and largest < white and samples.max(initial=0) <= largest:
            return samples, largest
    return samples, white


def _find_alpha(page: Any, extra: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    # Where the tag is missing, as from OpenCV, a fourth channel is alpha.
    kinds = (*(page.extrasamples or ()), _UNASSOCIATED)
    if kinds[0] not in (_ASSOCIATED, _UNASSOCIATED) or not extra.shape[2]:
        return None
    return np.ascontiguousarray(extra[..., 0])


def _divide(colors: npt.NDArray[Any], alpha: npt.NDArray[Any], white: float) -> npt.NDArray[Any]:
    """Return colors that their alpha was multiplied into, as they were before."""
    opacity = alpha[..., None] if colors.ndim == 3 else alpha
    share = white / np.maximum(opacity, white / 65535)
    divided: npt.NDArray[Any] = np.clip(np.rint(colors * share), 0, white).astype(colors.dtype)
    return divided


def _convert_lab(samples: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return sRGB in 0…1 of 16-bit CIE Lab (TIFF 6.0, section 23: ab in signed 1/256)."""
    lab = samples[..., :3].astype(np.float32)
    lab[..., 0] *= 100 / 65535
    lab[..., 1:] = samples[..., 1:3].astype(np.uint16).view(np.int16) / np.float32(256)
    return np.asarray(np.clip(lab_to_rgb(lab), 0, 1), np.float32)
