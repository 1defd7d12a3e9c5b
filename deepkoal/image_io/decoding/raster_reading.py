"""Every format that Pillow or a plug-in opens: the first frame, at the depth that is there."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import IO

import numpy as np
from PIL import Image

from deepkoal.image_io.decoding import salvage
from deepkoal.image_io.decoding.decoded import Decoded
from deepkoal.image_io.decoding.deep_decoding import DEEP_DECODERS
from deepkoal.image_io.deep_png import decode_deep_png, has_sound_chunks, is_deep_png
from deepkoal.image_io.formats import jpeg_xl, plugins
from deepkoal.image_io.metadata.file_metadata import read_metadata
from deepkoal.image_io.metadata.jpeg_quality import estimate_quality
from deepkoal.image_io.metadata.xmp import clean_xmp
from deepkoal.image_io.pixels import find_white, split_alpha


def decode_raster(
    file: IO[bytes],
    kind: str,
    check_size: Callable[[tuple[int, int]], None],
    *,
    is_deep_wanted: bool,
    keep_damaged: bool,
) -> Decoded:
    """Decode a file of any format but TIFF, camera raw and DICOM.

    Args:
        file: at its start.
        kind: its format, a key of `formats.WRITTEN`.
        check_size: raises where its width and height are too much, before they are decoded.
        is_deep_wanted: whether samples of more than 8 bits are, where Pillow would cut them.
        keep_damaged: whether to take what decodes of a damaged file.

    Raises:
        Exception: of whatever kind, on damaged data.
    """
    if kind == "JXL":
        check_size(jpeg_xl.read_size(file.read()))
        file.seek(0)
    image = plugins.open_image(kind, file)
    check_size(image.size)
    notes = _note_frames(image, kind)
    is_deep = is_deep_png(image)
    try:
        image.load()
    except Exception:
        if not keep_damaged:
            raise
        return _salvage(file, kind, image, notes)
    found = read_metadata(image)
    if kind == "JXL":
        found.rest = replace(found.rest, xmp=clean_xmp(jpeg_xl.read_xmp(_read_all(file))))
    decoded = None
    if is_deep and has_sound_chunks(data := _read_all(file)):
        colors, alpha = decode_deep_png(data)
        decoded = Decoded(colors, alpha, white=find_white(colors))
    elif is_deep_wanted and kind in DEEP_DECODERS:
        decoded = DEEP_DECODERS[kind](_read_all(file))
    if decoded is None and image.mode.startswith(("I", "F")):
        values = np.asarray(image)
        is_full = image.mode.startswith("I;16") or (kind == "PPM" and image.mode == "I")
        decoded = Decoded(values, white=65535.0 if is_full else find_white(values))
    if decoded is None:
        decoded = Decoded(*split_alpha(image))
    decoded.found, decoded.notes = found, notes
    if kind == "JPEG":
        decoded.quality = estimate_quality(getattr(image, "quantization", {}))
    if kind == "WEBP" and _is_lossless_webp(_read_all(file)):
        decoded.compression = "lossless"
    return decoded


def _is_lossless_webp(data: bytes) -> bool:
    """Whether a file's (first) frame has the lossless codec's chunk (RFC 9649, 2.5 to 2.7)."""
    place = 12
    while place + 8 <= len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        if name in (b"VP8 ", b"VP8L"):
            return name == b"VP8L"
        # A frame of an animation holds chunks of its own, behind 16 bytes.
        place += 24 if name == b"ANMF" else 8 + size + size % 2
    return False


def _note_frames(image: Image.Image, kind: str) -> list[str]:
    """Return a line where a file has several frames, of which the first is read."""
    try:
        frames = int(getattr(image, "n_frames", 1))
    except Exception:  # damaged beyond the first, which may be whole
        return []
    if frames < 2:
        return []
    what = "pictures" if kind in ("JPEG", "HEIF") else "frames"
    which = "main one" if kind == "HEIF" else "first"
    return [f"the {which} of its {frames} {what}"]


def _salvage(file: IO[bytes], kind: str, image: Image.Image, notes: list[str]) -> Decoded:
    data = _read_all(file)
    if kind == "JPEG" and "progression" in image.info:
        # What there is of each scan is spread over all rows, so there is no telling how much.
        whole = plugins.open_image(kind, io.BytesIO(salvage.close_jpeg(data)))
        whole.load()
        note = "damaged: its last scans are missing, so it is coarser than it was"
    else:
        whole, note = salvage.load_rows(lambda: plugins.open_image(kind, io.BytesIO(data)))
    found = read_metadata(image)
    quality = estimate_quality(getattr(image, "quantization", {})) if kind == "JPEG" else None
    return Decoded(*split_alpha(whole), found, notes=[*notes, note], quality=quality)


def _read_all(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
