"""One photo file on its way into the records: read, checked, resized once, encoded at most once."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from PIL import Image

from deepkoal.arrays import ByteArray
from deepkoal.errors import PhotoError
from deepkoal.image_io import read_photo
from deepkoal.short_repr import short_repr

GREY_BELOW = 3.0
"""Mean of max(RGB) - min(RGB), of 255, below which a photo counts as grey (the protocol's)."""

JPEG_QUALITY = 95

LONGEST_SIDE = 65500
"""In pixels, of a JPEG file: libjpeg's JPEG_MAX_DIMENSION."""

_ORIENTATION = 0x0112  # the EXIF tag; 1 is upright


@short_repr
@dataclass(frozen=True)
class StoredPhoto:
    """A photo as the records keep it: a JPEG file, upright RGB, and its size in pixels."""

    jpeg: bytes
    height: int
    width: int


@dataclass(frozen=True)
class GreyPhoto:
    """A photo without color, which has nothing to teach."""


Outcome = StoredPhoto | GreyPhoto | PhotoError
"""What becomes of a file: kept, left out as grey, or left out because it cannot be read."""


def store_photo(folder: Path, name: str, size: int) -> Outcome:
    """Read a photo file and make it fit for the records.

    A JPEG file that needs no change (short side at most `size`, RGB, upright, sRGB) keeps its
    very bytes; anything else is encoded at quality 95 without chroma subsampling. Whatever goes
    wrong with a file is that file's failure, returned as a value.

    Args:
        folder: the photos' folder.
        name: the file's path below it.
        size: short side in pixels that larger photos are resized to.

    Returns:
        The photo; or that it is grey; or why it could not be read or kept.
    """
    try:
        return _store(folder / name, name, size)
    except PhotoError as error:
        return error
    except OSError as error:
        return PhotoError(f"{name}: cannot be read ({error.strerror})")
    except Exception as error:  # of a kind that nobody foresaw
        return describe_failure(name, error)


def describe_failure(name: str, error: Exception) -> PhotoError:
    """Return what failed with one photo, in a line, so that it can be left out."""
    reason = " ".join(str(error).split())[:200]
    return PhotoError(f"{name}: cannot be used ({type(error).__name__}: {reason})")


def _store(path: Path, name: str, size: int) -> StoredPhoto | GreyPhoto:
    photo = read_photo(path, name=name)
    content = path.read_bytes()
    rgb = photo.rgb
    height, width = rgb.shape[:2]
    short = min(height, width)
    if short > size:
        height, width = round(height * size / short), round(width * size / short)
    if max(height, width) > LONGEST_SIDE:
        raise PhotoError(
            f"{name}: {width}×{height} pixels, but a JPEG file has at most {LONGEST_SIDE} to a "
            "side; cut it into parts"
        )
    if short > size:
        resized = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        rgb = np.asarray(resized, np.uint8)
    if is_grey(rgb):
        return GreyPhoto()
    if (
        short > size
        or not _is_plain_jpeg(content, photo.icc_profile)
        or not _can_be_trained_on(content, height, width)
    ):
        content = encode_jpeg(rgb)
    return StoredPhoto(content, height, width)


def is_grey(rgb: ByteArray) -> bool:
    """Return whether a photo is near grey: mean over pixels of max(RGB) - min(RGB) below 3.

    Args:
        rgb: uint8 (H, W, 3).
    """
    red, green, blue = cv2.split(rgb)
    highest = cv2.max(cv2.max(red, green), blue)
    lowest = cv2.min(cv2.min(red, green), blue)
    return float(np.mean(cv2.subtract(highest, lowest))) < GREY_BELOW


def encode_jpeg(rgb: ByteArray) -> bytes:
    """Encode a uint8 photo (H, W, 3) as JPEG, quality 95, 4:4:4; the inverse of `decode_jpeg`."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    return encoded.tobytes()


def decode_jpeg(jpeg: bytes) -> ByteArray:
    """Decode a stored JPEG file to a uint8 photo (H, W, 3), RGB."""
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(np.asarray(bgr), cv2.COLOR_BGR2RGB), np.uint8)


def _can_be_trained_on(content: bytes, height: int, width: int) -> bool:
    """Return whether the decoders that read the records later see what was read here."""
    try:
        later = tf.io.decode_jpeg(content, channels=3, try_recover_truncated=True)
        return tuple(later.shape) == decode_jpeg(content).shape == (height, width, 3)
    except (tf.errors.OpError, cv2.error):
        return False


def _is_plain_jpeg(content: bytes, icc_profile_read: bytes | None) -> bool:
    with Image.open(io.BytesIO(content)) as photo:
        return (
            photo.format == "JPEG"
            and photo.mode == "RGB"
            and photo.getexif().get(_ORIENTATION, 1) == 1
            and photo.info.get("icc_profile") == icc_profile_read  # else it was converted
        )
