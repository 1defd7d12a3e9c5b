"""Samples of more than 8 bits from the formats of which Pillow gives only 8."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from deepkoal.image_io.decoding.decoded import Decoded

_SPACE = rb"(?:\s|#[^\n]*\n)+"
_PPM_HEADER = re.compile(rb"P[36]" + 3 * (_SPACE + rb"(\d+)") + rb"\s")


def _decode_deep_jpeg2000(data: bytes) -> Decoded | None:
    import imagecodecs

    start = data.find(b"\xff\x4f\xff\x51")
    bits = (data[start + 42] & 0x7F) + 1 if 0 <= start < len(data) - 42 else 8  # SIZ, Ssiz
    if bits <= 8:
        return None
    return _split_samples(imagecodecs.jpeg2k_decode(data), bits)


def _decode_deep_avif(data: bytes) -> Decoded | None:
    import imagecodecs

    start = data.find(b"av1C")
    if start < 0 or not data[start + 6] & 0x40:  # AV1 codec ISO media file format, 2.3
        return None
    bits = 12 if data[start + 6] & 0x20 else 10
    return _split_samples(imagecodecs.avif_decode(data), bits)


def _decode_deep_heif(data: bytes) -> Decoded | None:
    import pillow_heif

    opened = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    if not opened.mode.endswith(";16"):
        return None
    return _split_samples(np.asarray(opened), 16)


def _decode_deep_ppm(data: bytes) -> Decoded | None:
    """Decode a color file whose largest sample is above 255 (netpbm's ppm(5)), as Pillow does not.

    Pillow has decoded it before to 8 bits, so that it is known to be whole.
    """
    import cv2

    header = _PPM_HEADER.match(data)
    if header is None or not 255 < int(header[3]) < 65536:
        return None
    # It looks for white space behind the last number.
    bgr = cv2.imdecode(np.frombuffer(data + b"\n", np.uint8), cv2.IMREAD_UNCHANGED)
    if bgr is None or bgr.dtype != np.uint16 or bgr.ndim != 3:
        return None
    return Decoded(np.ascontiguousarray(bgr[..., ::-1]), white=float(header[3]))


def _split_samples(samples: npt.NDArray[Any], bits: int) -> Decoded | None:
    if samples.dtype.itemsize < 2:
        return None
    alpha = None
    if samples.ndim == 3:
        count = samples.shape[2]
        alpha = samples[..., -1] if count in (2, 4) else None
        samples = samples[..., 0] if count <= 2 else samples[..., :3]
    white = 2.0**bits - 1
    if alpha is not None:
        alpha = np.rint(alpha * (65535 / white)).astype(np.uint16)
    return Decoded(np.ascontiguousarray(samples), alpha, white=white)


DEEP_DECODERS: dict[str, Callable[[bytes], Decoded | None]] = {
    "JPEG2000": _decode_deep_jpeg2000,
    "AVIF": _decode_deep_avif,
    "HEIF": _decode_deep_heif,
    "PPM": _decode_deep_ppm,
}
"""Format to a function from a file's bytes to its samples, None where it has 8 bits."""
