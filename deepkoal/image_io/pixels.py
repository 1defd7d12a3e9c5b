"""Pixels of every depth and kind, brought to 8 bits: gray, RGB, CMYK or Lab, and alpha."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.ExifTags import Base as Tag

_PLANAR, _WHITE_IS_ZERO, _RGB = 2, 0, 2
_RAW_COLORS = (32803, 34892)  # TIFF/EP color filter array, DNG linear raw
_DNG_VERSION = 50706
_DEEP_PNG = ("RGB;16B", "RGBA;16B", "LA;16B")


def is_raw(tags: Mapping[int, Any]) -> bool:
    """Whether TIFF tags are those of a camera raw file, whose first picture is a thumbnail."""
    return bool(
        _DNG_VERSION in tags
        or tags.get(Tag.PhotometricInterpretation) in _RAW_COLORS
        or (tags.get(Tag.NewSubfileType, 0) & 1 and Tag.SubIFDs in tags)
    )


def _bits(tags: Mapping[int, Any]) -> int:
    return int(np.max(tags.get(Tag.BitsPerSample, 1)))


def is_deep_planar(tags: Mapping[int, Any]) -> bool:
    """Whether TIFF tags are those of deep separate planes, which both decoders garble."""
    return (
        tags.get(Tag.PlanarConfiguration) == _PLANAR
        and tags.get(Tag.SamplesPerPixel, 1) > 1
        and _bits(tags) > 8
    )


def is_deep_tiff(tags: Mapping[int, Any]) -> bool:
    """Whether Pillow would cut these TIFF pixels to 8 bits or refuse them, and OpenCV not."""
    kind = tags.get(Tag.PhotometricInterpretation)
    premultiplied = tags.get(Tag.ExtraSamples) == 1
    return (kind == _RGB and _bits(tags) > 8 and not premultiplied) or (
        kind == 1 and tags.get(Tag.SamplesPerPixel, 1) == 1 and _bits(tags) > 16
    )


def is_deep_png(image: Image.Image) -> bool:
    """Whether Pillow would cut this PNG's 16-bit colors to their upper byte."""
    tiles = getattr(image, "tile", ())
    return image.format == "PNG" and any(tile.args in _DEEP_PNG for tile in tiles)


def has_sound_chunks(png: bytes) -> bool:
    """Whether a PNG's chunks all end inside the file.

    OpenCV allocates whatever a damaged length asks for, up to 4 GiB, before it finds out.
    """
    place = 8
    while place + 12 <= len(png):
        if png[place + 4 : place + 8] == b"IEND":
            return True
        place += 12 + int.from_bytes(png[place : place + 4])
    return False


def decode_deep(data: bytes, *, keep_alpha: bool) -> tuple[Image.Image, Image.Image | None]:
    """Decode a picture of more than 8 bits with OpenCV, which applies a TIFF's orientation.

    Returns:
        The picture in mode L or RGB, and its alpha in mode L or None.

    Raises:
        ValueError: OpenCV cannot decode the file.
    """
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise ValueError("OpenCV cannot decode its pixels")
    levels = _to_8_bits(values)
    if levels.ndim == 2:
        return Image.fromarray(levels), None
    alpha = Image.fromarray(levels[..., 3]) if keep_alpha and levels.shape[2] == 4 else None
    return Image.fromarray(cv2.cvtColor(levels[..., :3], cv2.COLOR_BGR2RGB)), alpha


def split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Split a decoded picture of any Pillow mode into colors and alpha.

    Returns:
        The picture in mode L, RGB, CMYK or LAB, and its alpha in mode L or None.
    """
    alpha = None
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(_deep_gray(image))
    elif image.has_transparency_data:
        gray = image.mode in ("1", "L", "LA", "La")
        image = image.convert("LA" if gray else "RGBA")
        alpha = image.getchannel("A")
        image = image.convert("L" if gray else "RGB")
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("RGB")
    return image, alpha


def _deep_gray(image: Image.Image) -> npt.NDArray[np.uint8]:
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        white = 2 ** _bits(tags) - 1 if tags else 65535
        levels = _to_8_bits(values.astype(np.uint16, copy=False), white)
    else:
        levels = _to_8_bits(values)
    inverted = tags.get(Tag.PhotometricInterpretation) == _WHITE_IS_ZERO
    return 255 - levels if inverted else levels


def _to_8_bits(values: npt.NDArray[Any], white: float | None = None) -> npt.NDArray[np.uint8]:
    """Scale samples so that `white` becomes 255, rounded to nearest; what is below 0 is black.

    Without `white`: 255 and 65535 for those depths. Wider samples do not record what their white
    is, so it is the least of 1 (floats only), 255 and 65535 that none of them exceeds, or else
    the largest finite sample. Infinity is white, and what is no number black.
    """
    if values.dtype == np.uint8:
        return values
    if white is None and values.dtype == np.uint16:
        white = 65535
    if white is None:
        usual = (1, 255, 65535) if np.issubdtype(values.dtype, np.floating) else (255, 65535)
        values = values.astype(np.float64)
        largest = float(np.max(values, where=np.isfinite(values), initial=0.0))
        white = next((level for level in usual if largest <= level), largest)
        values = np.nan_to_num(values, nan=0.0, posinf=white, neginf=0.0)
    if values.dtype == np.uint16:  # one pass without a float copy
        return np.asarray(cv2.convertScaleAbs(values, alpha=255 / white), np.uint8)
    return np.rint(np.clip(values * (255 / white), 0, 255)).astype(np.uint8)


def to_array(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the pixels of an RGB picture as a writable uint8 (H, W, 3) array."""
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    # Bands that fit the cache: np.array(image) takes three to four times as long.
    rows = max(1, 2**18 // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
    return pixels
