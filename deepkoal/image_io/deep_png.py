"""PNG files of 16 bits, which Pillow neither reads nor writes in color."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from PIL import Image

from deepkoal.image_io.photo import Pixels
from deepkoal.image_io.pixels import to_rgb

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEEP_PNG = ("RGB;16B", "RGBA;16B", "LA;16B")


def is_deep_png(image: Image.Image) -> bool:
    """Whether Pillow would cut this PNG's 16-bit colors to their upper byte."""
    tiles = getattr(image, "tile", ())
    return image.format == "PNG" and any(tile.args in _DEEP_PNG for tile in tiles)


def has_sound_chunks(png: bytes) -> bool:
    """Whether a PNG's chunks all end inside the file.

    OpenCV allocates whatever a damaged length asks for, up to 4 GiB, before it finds out.
    """
    return any(name == b"IEND" for name, _ in _split_chunks(png))


def decode_deep_png(png: bytes) -> tuple[Pixels, Pixels | None]:
    """Return colors (H, W) or (H, W, 3) and alpha (H, W) or None of a PNG, uint8 or uint16.

    Raises:
        ValueError: it is damaged.
    """
    samples = None
    if has_sound_chunks(png):
        samples = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None:
        raise ValueError("OpenCV cannot decode its pixels")
    if samples.ndim == 2:
        return samples, None
    rgb = np.ascontiguousarray(samples[..., 2::-1])
    return rgb, samples[..., 3].copy() if samples.shape[2] == 4 else None


def encode_deep_png(pixels: Pixels, alpha: Pixels | None, options: dict[str, Any]) -> bytes:
    """Return a PNG file of 16 bits.

    Args:
        pixels: uint16 (H, W, 3), sRGB, or (H, W) grey, which with alpha becomes RGBA.
        alpha: uint16 (H, W), or None.
        options: as `PIL.Image.save` takes them: metadata, and `compress_level`.

    Raises:
        ValueError: OpenCV cannot encode it.
    """
    if alpha is not None:  # OpenCV has no grey with alpha
        samples = np.dstack([to_rgb(pixels)[..., ::-1], alpha])
    else:
        samples = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    level = [cv2.IMWRITE_PNG_COMPRESSION, options["compress_level"]]
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(samples), level)
    if not done:
        raise ValueError("OpenCV cannot encode its pixels")
    # Pillow writes the metadata's chunks, around a single pixel.
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "PNG", **options)
    extra = [chunk for name, chunk in _split_chunks(file.getvalue()) if name not in _PIXELS]
    (_, header), *rest = _split_chunks(encoded.tobytes())
    content = [chunk for name, chunk in rest if name in _PIXELS]
    return b"".join([_SIGNATURE, header, *extra, *content])


_PIXELS = (b"IHDR", b"IDAT", b"IEND")


def _split_chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and bytes of each chunk that ends inside the file, up to the last."""
    place = len(_SIGNATURE)
    while place + 12 <= len(png):
        end = place + 12 + int.from_bytes(png[place : place + 4])
        if end > len(png):
            return
        name = png[place + 4 : place + 8]
        yield name, png[place:end]
        if name == b"IEND":
            return
        place = end
