"""A photo that a network has seen, and everything that can be read of it without another pass."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepkoal.guidance import (
    Hint,
    Places,
    Reading,
    check_hints,
    check_vibrance,
    make_places,
    read_ab,
    spread,
)
from deepkoal.postprocess import render
from deepkoal.upsample import fit_chroma, resize_for_network, touch_chroma

ByteArray = NDArray[np.uint8]
FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PreparedPhoto:
    """A photo that the network has seen: any reading of it costs no further pass.

    Attributes:
        l: float32 (H, W), the photo's own lightness in 0…100.
        outputs: the network's outputs, float32 (h, w, C) each.
        reading: the constants of the network's readings.
    """

    l: FloatArray
    outputs: dict[str, FloatArray]
    reading: Reading

    @functools.cached_property
    def places(self) -> Places:
        """What an affinity compares: the places of `outputs["features"]`."""
        features = self.outputs["features"]
        height, width = features.shape[:2]
        return make_places(features, resize_for_network(self.l, height, width))

    def read_ab(self, vibrance: float = 1.0, *, hints: Sequence[Hint] = ()) -> FloatArray:
        """Return the coarse chroma.

        Args:
            vibrance: 0.2…5, see `Colorizer.colorize`.
            hints: likewise.

        Returns:
            float32 (h, w, 2) in CIE Lab units, with hints spread by affinity.

        Raises:
            DeepkoalError: vibrance is out of range or a hint lies outside the photo.
        """
        gain = self.reading.gain * check_vibrance(vibrance)
        check_hints(hints, *self.l.shape)
        ab = read_ab(self.outputs, self.reading.temperature, gain)
        return ab + self._spread_hints(ab, hints) if hints else ab

    def render(self, vibrance: float = 1.0, *, hints: Sequence[Hint] = ()) -> ByteArray:
        """Return the colored photo.

        Args and errors as in `read_ab`.

        Returns:
            uint8 (H, W, 3) sRGB, with the photo's own lightness.
        """
        field = fit_chroma(self.l, self.read_ab(vibrance=vibrance, hints=hints))
        for hint in hints:
            field = touch_chroma(field, self.l, hint.x, hint.y, hint.ab)
        return render(self.l, field)

    def _spread_hints(self, ab: FloatArray, hints: Sequence[Hint]) -> FloatArray:
        """Return what hints change of ab (h, w, 2), of the same shape."""
        height, width = self.outputs["features"].shape[:2]
        rows = [min(int(hint.y * height / self.l.shape[0]), height - 1) for hint in hints]
        columns = [min(int(hint.x * width / self.l.shape[1]), width - 1) for hint in hints]
        predicted = resize_for_network(ab, height, width)[rows, columns]
        wanted = np.stack([hint.ab for hint in hints])
        marks = self.places.take(np.array(rows) * width + columns)
        change = spread(self.places, marks, wanted - predicted, self.reading.kernel)
        return resize_for_network(change.reshape(height, width, 2), *ab.shape[:2])
