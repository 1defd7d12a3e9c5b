"""How many pixels a file may state to have."""

from __future__ import annotations

from deepkoal.errors import PhotoError

MAX_PIXELS = 400_000_000
"""Pixels (width × height) above which a file is refused before it is decoded."""
BOMB_PIXELS, BOMB_RATIO = 50_000_000, 1500
"""More pixels than this, and more for each byte of the file, are a decompression bomb's: the
flattest photo that JPEG or PNG holds has about 1000 pixels a byte."""

REMEDY = "copy or download it again, or save it as JPEG or PNG in a picture editor"


def check_size(
    size: tuple[int, int], kind: str, file_bytes: int, *, name: str, max_pixels: int | None
) -> None:
    """Refuse a picture that is too large for anyone's good, before it is decoded.

    Args:
        size: width and height, as its header states them.
        kind: its format.
        file_bytes: of its file.
        name: of its file, for messages.
        max_pixels: see `reading.read_photo`.

    Raises:
        PhotoError: it has no pixels, more than the limit, or more than a photo of so many bytes.
    """
    limit = max_pixels or MAX_PIXELS
    width, height = size
    count = width * height
    if width < 1 or height < 1:
        raise PhotoError(
            f"{name}: the {kind} is {width}×{height} pixels, so it holds no picture; {REMEDY}"
        )
    raising = f"if you trust the file raise the limit to {count} (max_pixels, or --max-pixels of "
    raising += "deepkoal colorize)"
    if count > limit:
        raise PhotoError(
            f"{name}: {width}×{height} pixels are more than the limit of {limit:,}; scale it "
            f"down, or {raising}"
        )
    if max_pixels is None and count > max(BOMB_PIXELS, BOMB_RATIO * file_bytes):
        raise PhotoError(
            f"{name}: {width}×{height} pixels in a file of {file_bytes:,} bytes, as a "
            f"decompression bomb has; {raising}"
        )
