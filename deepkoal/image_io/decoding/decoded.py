"""What a reader hands over: pixels as they lie in the file, and how they are to be understood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from deepkoal.image_io.metadata.file_metadata import FileMetadata
from deepkoal.image_io.pixels import find_white, scale_samples

_NO_UNDERSHOOT = 0.02
"""Share of samples below 0 from which on they are no ringing of a resampled edge."""


@dataclass
class Decoded:
    """Decoded pixels, neither upright nor in sRGB.

    Attributes:
        colors: a picture in mode L, RGB, CMYK or LAB; or samples of more than 8 bits, (H, W) or
            (H, W, 3) of any number type.
        alpha: likewise, in mode L or (H, W); None where there is none.
        found: what else the file carries.
        white: the sample that is white, where `colors` are samples.
        notes: what the reader should know, a line each.
        pages: how many photos the file holds.
        quality: of a JPEG file, 1…100.
        compression: see `Photo`.
    """

    colors: Image.Image | npt.NDArray[Any]
    alpha: Image.Image | npt.NDArray[Any] | None = None
    found: FileMetadata = field(default_factory=FileMetadata)
    white: float = 0.0
    notes: list[str] = field(default_factory=list)
    pages: int = 1
    quality: int | None = None
    compression: str | None = None

    @property
    def is_deep(self) -> bool:
        """Whether it has more than 8 bits."""
        return isinstance(self.colors, np.ndarray)

    def stretch(self, asked: bool) -> None:
        """Notice samples that use a small part of their range, as 12 bits stored in 16 do.

        Args:
            asked: whether to make the largest of so many bits white.
        """
        if not isinstance(self.colors, np.ndarray) or self.colors.dtype.kind not in "ui":
            return
        largest = int(self.colors.max(initial=0))
        white = 2 ** largest.bit_length() - 1
        if not 0 < white <= self.white / 4:
            return
        share = round((self.white + 1) / (white + 1))
        found = f"its largest sample, {largest}, uses 1/{share} of the range"
        if asked:
            self.white = white
            self.notes.append(f"{found}: stretched")
        else:
            self.notes.append(f"{found}, so it looks dark; --stretch makes {white} white")

    def scale(self, bits: int) -> None:
        """Bring samples to 8 bits, as pictures, or to 16; notice what becomes black by that."""
        if not isinstance(self.colors, np.ndarray):
            return
        below = float(np.mean(self.colors < 0)) if self.colors.dtype.kind in "if" else 0.0
        if below >= _NO_UNDERSHOOT:
            least = float(np.nanmin(self.colors))
            self.notes.append(
                f"{below:.0%} of its samples are below 0, the least {least:.6g}, and black"
            )
        self.colors = scale_samples(self.colors, self.white, bits)
        if isinstance(self.alpha, np.ndarray):
            self.alpha = scale_samples(self.alpha, find_white(self.alpha), bits)
        if bits == 8:
            self.colors = Image.fromarray(self.colors)
            if isinstance(self.alpha, np.ndarray):
                self.alpha = Image.fromarray(self.alpha)
