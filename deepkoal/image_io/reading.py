"""Reading: any photo file in, a `Photo` or an error with its remedy out."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.ExifTags import Base as Tag

from deepkoal.errors import PhotoError, check_range
from deepkoal.image_io import metadata, pixels
from deepkoal.image_io.kinds import READERS, sniff_kind
from deepkoal.image_io.photo import Photo

MAX_PIXELS = 200_000_000
"""Pixels (width × height) above which a file is refused before it is decoded."""

_REMEDY = "copy or download it again, or save it as JPEG or PNG in a picture editor"


def read_photo(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes],
    *,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Photo:
    """Read a photo: JPEG, PNG, WebP, TIFF, BMP or GIF, known by its content, not its name.

    Of several frames or pages the first is read. Any depth is scaled to 8 bits, orientation is
    applied and colors are brought to sRGB by the file's color profile.

    Args:
        source: a path, the file's bytes, or an open binary file.
        name: what messages call the file; by default its path.
        max_pixels: limit to width × height, checked before anything is decoded.

    Raises:
        PhotoError: the file is missing, unreadable, empty, damaged, too large or no photo, the
            source is no file, or `max_pixels` no whole number above 0.
    """
    check_range(max_pixels, "max_pixels", 1, whole=True, error=PhotoError)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _read(io.BytesIO(source), name or "photo", max_pixels)
    if not isinstance(source, (str, os.PathLike)):
        return _read_stream(source, name or str(getattr(source, "name", "photo")), max_pixels)
    path = Path(source)
    name = name or str(path)
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait forever
            kind = "a folder" if path.is_dir() else "not a regular file"
            raise PhotoError(f"{name}: is {kind}; give the path of a photo file")
        file = path.open("rb")
    except FileNotFoundError as error:
        raise PhotoError(f"{name}: no such file; check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        cause = getattr(error, "strerror", None) or error
        raise PhotoError(
            f"{name}: cannot be opened ({cause}); check the path and your permissions"
        ) from error
    with file:
        return _read(file, name, max_pixels)


def decode_photo(
    data: bytes | bytearray | memoryview, name: str = "photo", *, max_pixels: int = MAX_PIXELS
) -> Photo:
    """Decode the bytes of a photo file, as `read_photo` does.

    Raises:
        PhotoError: the bytes are empty, damaged, too large a picture or none.
    """
    return read_photo(data, name=name, max_pixels=max_pixels)


def read_image(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes],
) -> npt.NDArray[np.uint8]:
    """Read a photo's pixels: uint8 (H, W, 3) in 0…255, sRGB, upright.

    Raises:
        PhotoError: as for `read_photo`.
    """
    return read_photo(source).rgb


def _read_stream(stream: IO[bytes], name: str, max_pixels: int) -> Photo:
    try:
        data: object = stream.read()
    except (AttributeError, OSError, ValueError) as error:  # ValueError: it is closed
        raise PhotoError(
            f"{name}: cannot be read ({error}); give a path, bytes or an open binary file"
        ) from error
    if not isinstance(data, bytes):
        raise PhotoError(
            f"{name}: expected a file opened in binary mode, got one that gives "
            f"{type(data).__name__}; open it with mode 'rb'"
        )
    return _read(io.BytesIO(data), name, max_pixels)


def _read(file: IO[bytes], name: str, max_pixels: int) -> Photo:
    try:
        kind = sniff_kind(file.read(32), name)
        file.seek(0)
    except OSError as error:
        raise PhotoError(
            f"{name}: cannot be read ({error.strerror or error}); {_REMEDY}"
        ) from error
    with _explained(name, kind, max_pixels):
        colors, alpha, exif, icc_profile = _decode(file, kind, name, max_pixels)
        colors, icc_profile = metadata.convert_to_srgb(colors, icc_profile)
        colors = metadata.make_upright(colors, exif)
        return Photo(
            rgb=pixels.to_array(colors),
            alpha=None if alpha is None else np.array(metadata.make_upright(alpha, exif)),
            exif=metadata.clean_exif(exif, colors.size),
            icc_profile=icc_profile,
            source=name,
        )


def _decode(
    file: IO[bytes], kind: str, name: str, max_pixels: int
) -> tuple[Image.Image, Image.Image | None, Image.Exif, bytes | None]:
    """Return the colors (mode L, RGB, CMYK or LAB), alpha, EXIF and color profile of a file."""
    if kind == "TIFF":
        tags = _read_tags(file)
        _refuse_unsupported(tags, name)
        if pixels.is_deep_tiff(tags):
            size = int(tags[Tag.ImageWidth]), int(tags[Tag.ImageLength])
            _check_size(size, name, kind, max_pixels)
            file.seek(0)
            keep_alpha = tags.get(Tag.ExtraSamples) != 0
            colors, alpha = pixels.decode_deep(file.read(), keep_alpha=keep_alpha)
            tags.pop(Tag.Orientation, None)  # OpenCV has applied it
            return colors, alpha, tags, tags.get(Tag.InterColorProfile)
        file.seek(0)
    # The format's own reader, because Image.open has a limit of its own, global to the process;
    # no file name, because given one it may map that file instead of reading this.
    image = READERS[kind][0](file, "")
    _check_size(image.size, name, kind, max_pixels)
    is_deep = pixels.is_deep_png(image)
    image.load()
    exif, icc_profile = _read_exif(image), image.info.get("icc_profile")
    if is_deep:
        file.seek(0)
        data = file.read()
        if pixels.has_sound_chunks(data):
            return *pixels.decode_deep(data, keep_alpha=True), exif, icc_profile
    return *pixels.split_alpha(image), exif, icc_profile


@contextmanager
def _explained(name: str, kind: str, max_pixels: int) -> Iterator[None]:
    """Turn whatever a decoder raises into a `PhotoError`."""
    try:
        yield
    except PhotoError:
        raise
    except Image.DecompressionBombError as error:
        raise PhotoError(
            f"{name}: the {kind} is larger than the limit of {max_pixels:,} pixels or than "
            "Pillow's own; scale it down"
        ) from error
    except MemoryError as error:
        raise PhotoError(
            f"{name}: not enough memory to decode the {kind}; scale it down, or close programs"
        ) from error
    except Exception as error:  # on damaged data decoders raise nearly every kind there is
        cause = " ".join(str(error).split()) or type(error).__name__
        raise PhotoError(
            f"{name}: the {kind} is cut short, damaged or of an unknown kind ({cause}); {_REMEDY}"
        ) from error


def _check_size(size: tuple[int, int], name: str, kind: str, max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise PhotoError(
            f"{name}: the {kind} is {width}×{height} pixels, so it holds no picture; {_REMEDY}"
        )
    if width * height > max_pixels:
        raise PhotoError(
            f"{name}: {width}×{height} pixels are more than the limit of {max_pixels:,}; scale it "
            f"down, or if you trust the file raise the limit to {width * height} (max_pixels, or "
            "--max-pixels of deepkoal colorize)"
        )


def _read_tags(file: IO[bytes]) -> Image.Exif:
    """Return the tags of a TIFF file's first picture; none where Pillow should report on them."""
    tags = Image.Exif()
    try:
        tags.load_from_fp(file)
        dict(tags)
    except Exception:  # damaged, or BigTIFF, which only the TIFF reader knows
        return Image.Exif()
    return tags


def _refuse_unsupported(tags: Image.Exif, name: str) -> None:
    if pixels.is_raw(tags):
        raise PhotoError(
            f"{name}: a camera raw file, whose picture is still to be developed; export it as "
            "JPEG or TIFF from your photo program"
        )
    if pixels.is_deep_planar(tags):
        raise PhotoError(
            f"{name}: a TIFF of more than 8 bits in separate planes, which is not read; save it "
            "with interleaved channels, or with 8 bits"
        )


def _read_exif(image: Image.Image) -> Image.Exif:
    try:
        exif = image.getexif()
        dict(exif)  # reads every tag now, so that damage shows here
    except Exception:  # the picture is worth having without its damaged EXIF
        return Image.Exif()
    return exif
