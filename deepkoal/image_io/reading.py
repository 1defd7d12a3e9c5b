"""Reading: any photo file in, a `Photo` or an error with its remedy out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from deepkoal.errors import PhotoError, check_range
from deepkoal.image_io import pixels
from deepkoal.image_io.decoding.decoded import Decoded
from deepkoal.image_io.decoding.raster_reading import decode_raster
from deepkoal.image_io.decoding.sensors import decode_dicom, decode_raw
from deepkoal.image_io.decoding.tiff_pages import CameraRawError
from deepkoal.image_io.decoding.tiff_reading import decode_tiff
from deepkoal.image_io.formats import plugins, size_limits
from deepkoal.image_io.formats.kinds import START_BYTES, sniff_kind
from deepkoal.image_io.formats.opening import Source, name_source, open_source
from deepkoal.image_io.formats.size_limits import MAX_PIXELS, REMEDY
from deepkoal.image_io.metadata import file_metadata
from deepkoal.image_io.metadata.color_profiles import convert_deep_to_srgb, convert_to_srgb
from deepkoal.image_io.photo import Photo, Pixels

_SALVAGE = (
    "--salvage of colorize, restore and stylize (read_photo's salvage=True) reads what is left of "
    "a photo, not of a reference"
)

Depth = Literal["auto", 8, 16]


@dataclass(frozen=True)
class _Request:
    """What is asked of a reading, see `read_photo`."""

    name: str
    max_pixels: int | None
    depth: Depth
    page: int
    salvage: bool
    stretch: bool
    rotate: int


def read_photo(
    source: Source,
    *,
    name: str | None = None,
    max_pixels: int | None = None,
    depth: Depth = 8,
    page: int = 0,
    salvage: bool = False,
    stretch: bool = False,
    rotate: int = 0,
) -> Photo:
    """Read a photo of any of `formats.READABLE`, known by its content, not its name.

    Of several frames the first is read, and of several pages the one that is asked for; thumbnails
    are passed over. Orientation is applied and colors are brought to sRGB by the file's profile.

    Args:
        source: a path, the file's bytes, or an open binary file.
        name: what messages call the file; by default its path.
        max_pixels: limit to width × height, checked before anything is decoded. By default
            `MAX_PIXELS`, and a file that is too small for its pixels is refused as well.
        depth: bits that samples are brought to: 8, 16, or `auto`, which is 16 for files that have
            more than 8.
        page: of a TIFF file with several photos, from 0.
        salvage: of a damaged photo, read the rows that decode, and note how many they are.
        stretch: make the largest sample white, to the next power of two, where a file uses a
            quarter of its range or less, as 12 bits stored in 16 do; without, that is noted.
        rotate: by 0, 90, 180 or 270 degrees clockwise, once it is upright by its orientation: for
            a scan that lies on its side.

    Raises:
        PhotoError: the file is missing, unreadable, empty, damaged, too large or no photo, the
            source is no file, `max_pixels` no whole number above 0, or `rotate` none of those.
    """
    if max_pixels is not None:
        check_range(max_pixels, "max_pixels", 1, whole=True, error=PhotoError)
    check_range(page, "a page", 0, whole=True, error=PhotoError)
    if depth not in ("auto", 8, 16):
        raise PhotoError(f"expected a depth of 8, 16 or 'auto', got {depth!r}")
    pixels.check_rotation(rotate, "rotate", PhotoError)
    name = name or name_source(source)
    request = _Request(name, max_pixels, depth, page, salvage, stretch, rotate)
    with open_source(source, name) as file:
        return _read(file, request)


def decode_photo(
    data: bytes | bytearray | memoryview,
    name: str = "photo",
    *,
    max_pixels: int | None = None,
    depth: Depth = 8,
    rotate: int = 0,
) -> Photo:
    """Decode the bytes of a photo file, as `read_photo` does.

    Raises:
        PhotoError: the bytes are empty, damaged, too large a picture or none.
    """
    return read_photo(data, name=name, max_pixels=max_pixels, depth=depth, rotate=rotate)


def read_image(source: Source) -> npt.NDArray[np.uint8]:
    """Read a photo's pixels: uint8 (H, W, 3) in 0…255, sRGB, upright.

    Raises:
        PhotoError: as for `read_photo`.
    """
    return pixels.round_to_8_bits(read_photo(source).rgb)


def _read(file: IO[bytes], request: _Request) -> Photo:
    name = request.name
    try:
        kind = sniff_kind(file.read(START_BYTES), name)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
    except OSError as error:
        raise PhotoError(f"{name}: cannot be read ({error.strerror or error}); {REMEDY}") from error
    plugins.demand(kind, name)
    with _explained(request, kind):
        decoded = _decode(file, kind, size, request)
        return _finish(decoded, request)


def _decode(file: IO[bytes], kind: str, file_bytes: int, request: _Request) -> Decoded:
    def check_size(size: tuple[int, int]) -> None:
        size_limits.check_size(
            size, kind, file_bytes, name=request.name, max_pixels=request.max_pixels
        )

    if kind == "TIFF":
        try:
            return decode_tiff(file, request.page, check_size, keep_damaged=request.salvage)
        except CameraRawError:
            plugins.demand("RAW", request.name)
            file.seek(0)
            kind = "RAW"
    if request.page > 0:
        raise PhotoError(
            f"expected page 1, a {kind} file's only one, got {request.page + 1}; ask for it"
        )
    if kind == "RAW":
        return decode_raw(file, check_size)
    if kind == "DICOM":
        return decode_dicom(file, check_size)
    return decode_raster(
        file, kind, check_size, is_deep_wanted=request.depth != 8, keep_damaged=request.salvage
    )


def _finish(decoded: Decoded, request: _Request) -> Photo:
    """Return decoded pixels upright, in sRGB and of the depth asked for."""
    decoded.stretch(request.stretch)
    is_deep = decoded.is_deep and request.depth != 8
    decoded.scale(16 if is_deep else 8)
    found = decoded.found
    orientation = pixels.rotate_orientation(found.orientation, request.rotate)
    rgb: Pixels
    alpha: Pixels | None = None
    if isinstance(decoded.colors, np.ndarray):
        rgb, profile = convert_deep_to_srgb(decoded.colors, found.icc_profile)
        rgb = pixels.turn_upright(rgb, orientation)
        is_grey = rgb.ndim == 2
        if is_grey:
            rgb = pixels.to_rgb(rgb)
        if decoded.alpha is not None:
            alpha = pixels.turn_upright(np.asarray(decoded.alpha), orientation)
    else:
        colors, profile = convert_to_srgb(decoded.colors, found.icc_profile)
        rgb = pixels.to_array(file_metadata.make_upright(colors, orientation))
        is_grey = decoded.colors.mode == "L" and (profile is None or pixels.is_neutral(rgb))
        if isinstance(decoded.alpha, Image.Image):
            alpha = np.array(file_metadata.make_upright(decoded.alpha, orientation))
        if request.depth == 16:
            rgb = rgb.astype(np.uint16) * 257
            alpha = None if alpha is None else alpha.astype(np.uint16) * 257
    size = rgb.shape[1], rgb.shape[0]
    return Photo(
        rgb=rgb,
        alpha=alpha,
        metadata=file_metadata.finish_metadata(found, profile, size, orientation),
        source=request.name,
        notes=tuple(decoded.notes),
        quality=decoded.quality,
        pages=decoded.pages,
        compression=decoded.compression,
        is_grey=is_grey,
    )


@contextmanager
def _explained(request: _Request, kind: str) -> Iterator[None]:
    """Turn whatever a decoder raises into a `PhotoError` that names the file."""
    name = request.name
    try:
        yield
    except PhotoError as error:
        if str(error).startswith(f"{name}: "):
            raise
        raise PhotoError(f"{name}: {error}") from error
    except Image.DecompressionBombError as error:
        raise PhotoError(
            f"{name}: the {kind} is larger than the limit of "
            f"{request.max_pixels or MAX_PIXELS:,} pixels or than Pillow's own; scale it down"
        ) from error
    except MemoryError as error:
        raise PhotoError(
            f"{name}: not enough memory to decode the {kind}; scale it down, or close programs"
        ) from error
    except Exception as error:  # on damaged data decoders raise nearly every kind there is
        cause = " ".join(str(error).split()) or type(error).__name__
        remedy = REMEDY if request.salvage else f"{REMEDY}; {_SALVAGE}"
        raise PhotoError(
            f"{name}: the {kind} is cut short, damaged or of an unknown kind ({cause}); {remedy}"
        ) from error
