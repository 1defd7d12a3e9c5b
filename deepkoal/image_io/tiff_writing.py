"""TIFF files written page by page: 8 or 16 bits, BigTIFF where they are large, all metadata."""

from __future__ import annotations

import struct
from typing import IO, Any

import numpy as np
from PIL import ExifTags, Image, TiffTags
from PIL.ExifTags import Base as Tag
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from deepkoal.image_io.metadata.file_metadata import IPTC_TAG, PHOTOSHOP_TAG, XMP_TAG
from deepkoal.image_io.metadata.photoshop_resources import IPTC_RESOURCE, make_resource
from deepkoal.image_io.photo import PhotoMetadata, Pixels

CLASSIC_BYTES = 2**32 - 2**20
"""Of a file, at most, whose offsets have 32 bits; a larger one is a BigTIFF."""
_STRIP_BYTES = 2**20
_HEADERS = {False: b"II*\0\0\0\0\0", True: b"II+\0\x08\0\0\0" + bytes(8)}
_UNASSOCIATED_ALPHA = 2
_BLACK_IS_ZERO, _RGB = 1, 2
_CODES = {None: 1, "lzw": 5, "deflate": 8}
_HORIZONTAL = 2
"""Predictor that makes photos' samples small (TIFF 6.0, section 14)."""


class TiffPages:
    """Writes the pages of a TIFF file, one after another.

    Args:
        file: to write to, at its start.
        big: whether its offsets have 64 bits (BigTIFF).
    """

    def __init__(self, file: IO[bytes], *, big: bool = False) -> None:
        self._file = file
        self._big = big
        self._link = 8 if big else 4
        """Where the offset of the next page is to be written."""
        file.write(_HEADERS[big])

    def append(
        self,
        pixels: Pixels,
        alpha: Pixels | None,
        metadata: PhotoMetadata,
        compression: str | None = None,
    ) -> None:
        """Write a page.

        Args:
            pixels: uint8 or uint16 (H, W, 3), sRGB, or (H, W) grey.
            alpha: (H, W) of the same type, or None.
            metadata: to write in the page's tags.
            compression: `lzw`, `deflate` or None for none.
        """
        samples = np.dstack([pixels] if alpha is None else [pixels, alpha])
        height, width, channels = samples.shape
        rows = min(height, max(1, _STRIP_BYTES // (width * channels * samples.itemsize)))
        strips = [
            _encode_strip(samples[top : top + rows], compression) for top in range(0, height, rows)
        ]
        directory = self._describe(samples, metadata)
        directory[Tag.Compression] = _CODES[compression]
        if compression is not None:
            directory[Tag.Predictor] = _HORIZONTAL
        directory[Tag.RowsPerStrip] = rows
        self._add_places(directory, [len(strip) for strip in strips])
        start = self._file.tell()
        start += start % 2
        self._file.seek(start)
        self._file.write(directory.tobytes(start))
        for strip in strips:
            self._file.write(strip)
        self._link_to(start, len(directory))

    def _link_to(self, start: int, entries: int) -> None:
        end = self._file.tell()
        self._file.seek(self._link)
        self._file.write(struct.pack("<Q" if self._big else "<I", start))
        self._file.seek(end)
        self._link = start + (8 + 20 * entries if self._big else 2 + 12 * entries)

    def _describe(self, samples: Pixels, metadata: PhotoMetadata) -> ImageFileDirectory_v2:
        height, width, channels = samples.shape
        tags = ImageFileDirectory_v2(_HEADERS[self._big])
        _add_exif(tags, metadata.exif)
        if metadata.dpi is not None and Tag.XResolution not in tags:
            tags[Tag.XResolution], tags[Tag.YResolution] = metadata.dpi
            tags[Tag.ResolutionUnit] = 2  # inches
        photoshop = metadata.photoshop
        if photoshop and metadata.iptc:  # Photoshop reads IPTC here rather than in its own tag
            photoshop += make_resource(IPTC_RESOURCE, metadata.iptc)
        for tag, content, kind in (
            (XMP_TAG, metadata.xmp, TiffTags.BYTE),
            (IPTC_TAG, metadata.iptc, TiffTags.UNDEFINED),
            (PHOTOSHOP_TAG, photoshop, TiffTags.BYTE),
            (Tag.InterColorProfile, metadata.icc_profile, TiffTags.UNDEFINED),
        ):
            if content:
                tags.tagtype[tag] = kind
                tags[tag] = content
        tags[Tag.ImageWidth], tags[Tag.ImageLength] = width, height
        tags[Tag.BitsPerSample] = (8 * samples.itemsize,) * channels
        tags[Tag.PhotometricInterpretation] = _RGB if channels > 2 else _BLACK_IS_ZERO
        tags[Tag.SamplesPerPixel] = channels
        tags[Tag.PlanarConfiguration] = 1  # interleaved
        if channels % 2 == 0:
            tags[Tag.ExtraSamples] = _UNASSOCIATED_ALPHA
        return tags

    def _add_places(self, tags: ImageFileDirectory_v2, counts: list[int]) -> None:
        """Add where the strips are, of so many bytes each."""
        wide = TiffTags.LONG8 if self._big else TiffTags.LONG
        tags.tagtype[Tag.StripByteCounts] = tags.tagtype[Tag.StripOffsets] = wide
        tags[Tag.StripByteCounts] = tuple(counts)
        # From the end of the directory; Pillow adds where that is.
        tags[Tag.StripOffsets] = tuple(int(start) for start in np.cumsum([0, *counts[:-1]]))


def _encode_strip(samples: Pixels, compression: str | None) -> bytes:
    strip = np.ascontiguousarray(samples)
    strip = strip.astype(strip.dtype.newbyteorder("<"), copy=False)
    if compression is None:
        return strip.tobytes()
    import imagecodecs  # here, because it takes long to import

    differences: Any = imagecodecs.delta_encode(strip, axis=1)
    if compression == "lzw":
        return bytes(imagecodecs.lzw_encode(differences))
    return bytes(imagecodecs.deflate_encode(differences, level=6, raw=False))


def _add_exif(tags: ImageFileDirectory_v2, block: bytes) -> None:
    """Add an EXIF block's tags, its subdirectories included."""
    exif = Image.Exif()
    exif.load(block)
    for tag, value in exif.items():
        is_group = tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
        tags[tag] = exif.get_ifd(tag) if is_group else value
