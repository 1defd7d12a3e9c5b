"""A photo that a network has seen, and everything that can be read of it without another pass."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from deepkoal.config import DeepkoalError
from deepkoal.guidance import (
    Hint,
    Palette,
    Places,
    Reading,
    check_hints,
    check_vibrance,
    draw_noise,
    draw_variations,
    expected_error,
    make_places,
    pull_to_reference,
    read_ab,
    shift_prior,
    spread,
    suggest_hints,
    uncertainty,
)
from deepkoal.postprocess import render
from deepkoal.tidy import tidy as tidy_ab
from deepkoal.upsample import fit_chroma, resize_for_network, touch_chroma

ByteArray = NDArray[np.uint8]
FloatArray = NDArray[np.float32]


HALF_DOUBT = 20.0
"""Expected error, in ab units, at which uncertainty is 0.5."""


@dataclass(frozen=True, eq=False)
class Reference:
    """A color photo whose colors others take, see `guidance.pull_to_reference`.

    Attributes:
        places: K places, as the network sees them.
        ab: float32 (K, 2), their true ab in CIE Lab units.
    """

    places: Places
    ab: FloatArray


class Look(TypedDict, total=False):
    """How a photo is to be read: the arguments of `PreparedPhoto.read_ab`."""

    vibrance: float
    hints: Sequence[Hint]
    palette: Palette | None
    reference: Reference | None
    tidy: bool


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

    def read_ab(
        self,
        *,
        vibrance: float = 1.0,
        hints: Sequence[Hint] = (),
        palette: Palette | None = None,
        reference: Reference | None = None,
        tidy: bool = True,
    ) -> FloatArray:
        """Return the coarse chroma.

        Args:
            vibrance: see `Colorizer.colorize`.
            hints: likewise.
            palette: likewise.
            reference: see `Colorizer.open_reference`.
            tidy: see `Colorizer.colorize`.

        Returns:
            float32 (h, w, 2) in CIE Lab units, with hints spread by affinity.

        Raises:
            DeepkoalError: vibrance is out of range, a hint lies outside the photo, or the network
                tells no distribution that a palette could shift.
        """
        gain = self.reading.gain * check_vibrance(vibrance)
        check_hints(hints, *self.l.shape)
        outputs = self._lead(palette)
        ab = read_ab(outputs, self.reading.temperature, gain)
        if tidy and "logits" in outputs:
            ab = self._tidy(ab, outputs["logits"])
        if reference is not None:
            ab = self._add_at_features(
                ab, lambda x: pull_to_reference(x, self.places, reference.places, reference.ab)
            )
        return self._spread_hints(ab, hints) if hints else ab

    def render(self, **look: Unpack[Look]) -> ByteArray:
        """Return the colored photo.

        Args and errors as in `read_ab`.

        Returns:
            uint8 (H, W, 3) sRGB, with the photo's own lightness.
        """
        field = fit_chroma(self.l, self.read_ab(**look))
        for hint in look.get("hints", ()):
            field = touch_chroma(field, self.l, hint.x, hint.y, hint.ab)
        return render(self.l, field)

    def variations(
        self, count: int = 4, *, seed: int = 0, vibrance: float = 1.0
    ) -> list[ByteArray]:
        """Return alternatives, see `Colorizer.variations`."""
        logits = self._tell_distribution("variations")
        gain = self.reading.gain * check_vibrance(vibrance)
        kernel = self.reading.kernel
        noise = draw_noise(count, seed, self.places.features.shape[-1], kernel)
        looks = draw_variations(logits, self.places, noise, self.reading.temperature, gain)
        looks = [self._tidy(ab, logits) for ab in looks]
        return [render(self.l, fit_chroma(self.l, ab)) for ab in looks]

    def uncertainty(self) -> FloatArray:
        """Return the network's doubt, see `Colorizer.uncertainty`."""
        logits = self._tell_distribution("uncertainty")
        error = expected_error(logits, self.read_ab(), self.reading.temperature)
        doubt = error / (error + HALF_DOUBT)
        return resize_for_network(doubt.astype(np.float32), *self.l.shape)

    def suggest_hints(self, count: int = 5) -> list[tuple[float, float]]:
        """Return where hints would help most, the most helpful first.

        Returns:
            x and y of each place, in pixels.

        Raises:
            DeepkoalError: the network tells no distribution.
        """
        doubt = expected_error(self._tell_distribution("suggestions of hints"), self.read_ab())
        cells = suggest_hints(doubt, self.places, self.reading.kernel, count)
        scale = np.array(self.l.shape) / doubt.shape
        return [(float(x), float(y)) for y, x in (cells + 0.5) * scale]

    def _tell_distribution(self, what: str) -> FloatArray:
        if "logits" not in self.outputs:
            raise DeepkoalError(
                f"{what} need a network that tells a distribution of colors, such as koala-lite; "
                "this one tells a single color for each place"
            )
        return self.outputs["logits"]

    def _lead(self, palette: Palette | None) -> dict[str, FloatArray]:
        """Return the outputs, with their distribution led toward a palette."""
        if palette is None:
            return self.outputs
        logits, prior = self._tell_distribution("palettes"), self.reading.prior
        if prior is None:
            raise DeepkoalError(
                "palettes need the prior of the training colors, which a preset's config.json "
                "tells; use a network that came with deepkoal"
            )
        led = shift_prior(logits, palette.probabilities, prior, palette.strength, palette.smoothing)
        return {**self.outputs, "logits": led}

    def _tidy(self, ab: FloatArray, logits: FloatArray) -> FloatArray:
        l = resize_for_network(self.l, *ab.shape[:2])
        tidied = tidy_ab(ab, self.outputs["features"], l, uncertainty(logits))
        return np.asarray(tidied, np.float32)

    def _add_at_features(
        self, ab: FloatArray, change: Callable[[FloatArray], FloatArray]
    ) -> FloatArray:
        """Add to ab (h, w, 2) what a change makes of it at the N places of the features."""
        height, width = self.outputs["features"].shape[:2]
        before = resize_for_network(ab, height, width).reshape(-1, 2)
        difference = (change(before) - before).reshape(height, width, 2)
        return ab + resize_for_network(difference, *ab.shape[:2])

    def _spread_hints(self, ab: FloatArray, hints: Sequence[Hint]) -> FloatArray:
        """Return ab (h, w, 2) with what hints ask for."""
        height, width = self.outputs["features"].shape[:2]
        rows = [min(int(hint.y * height / self.l.shape[0]), height - 1) for hint in hints]
        columns = [min(int(hint.x * width / self.l.shape[1]), width - 1) for hint in hints]
        cells = np.array(rows) * width + columns
        marks = self.places.take(cells)
        wanted = np.stack([hint.ab for hint in hints])
        return self._add_at_features(
            ab, lambda x: x + spread(self.places, marks, wanted - x[cells], self.reading.kernel)
        )
