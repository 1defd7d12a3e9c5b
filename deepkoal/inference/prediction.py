"""A photo that a network has seen, and everything that can be read of it without another pass."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from deepkoal.errors import DeepkoalError
from deepkoal.guidance import (
    AffinityPoints,
    ColorOptions,
    DecodingConfig,
    Hint,
    Palette,
    Reference,
    VariationLatents,
    check_hints,
    check_vibrance,
    decode_outputs,
    expected_error,
    find_cell,
    list_likely_colors,
    make_affinity_points,
    match_reference,
    rank_variations,
    remaining_doubt,
    sample_latents,
    shift_prior,
    spread,
    suggest_hints,
    uncertainty,
    vary,
)
from deepkoal.guidance.chroma_cleanup import cleanup as clean_chroma
from deepkoal.rendering.composition import render
from deepkoal.rendering.upsampling import fit_chroma, resize_for_network, touch_chroma

ByteArray = NDArray[np.uint8]
FloatArray = NDArray[np.float32]


HALF_DOUBT = 20.0
"""Expected error, in ab units, at which uncertainty is 0.5."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """A photo that the network has seen: any reading of it costs no further pass.

    `dataclasses.replace(prepared, l=…)` is the same photo at another size, in the same colors; so
    a screen can be served with a small one, and the file with a large one.

    Attributes:
        l: float32 (H, W), the photo's own lightness in 0…100.
        outputs: the network's outputs, float32 (h, w, C) each.
        decoding: the constants of the network's readings.
    """

    l: FloatArray
    outputs: dict[str, FloatArray]
    decoding: DecodingConfig

    @functools.cached_property
    def points(self) -> AffinityPoints:
        """What an affinity compares: the places of `outputs["features"]`."""
        features = self.outputs["features"]
        height, width = features.shape[:2]
        return make_affinity_points(features, resize_for_network(self.l, height, width))

    @functools.cached_property
    def _match(self) -> Callable[[Reference], tuple[FloatArray, FloatArray]]:
        """`match_reference`, the costliest reading, of which the last is kept."""
        return functools.lru_cache(maxsize=1)(
            lambda reference: match_reference(self.points, reference.points, reference.ab)
        )

    def read_ab(
        self,
        *,
        vibrance: float = 1.0,
        hints: Sequence[Hint] = (),
        palette: Palette | None = None,
        reference: Reference | None = None,
        variation: VariationLatents | None = None,
        cleanup: bool = True,
    ) -> FloatArray:
        """Return the coarse chroma.

        Args:
            vibrance: see `Colorizer.colorize`.
            hints: likewise.
            palette: likewise.
            reference: see `Colorizer.open_reference`.
            variation: one of `list_variations`, which all else then starts from.
            cleanup: see `Colorizer.colorize`.

        Returns:
            float32 (h, w, 2) in CIE Lab units, with hints spread by affinity.

        Raises:
            DeepkoalError: vibrance is out of range, a hint lies outside the photo, or the network
                tells no distribution that a palette could shift.
        """
        check_vibrance(vibrance)
        check_hints(hints, *self.l.shape)
        outputs = self._lead(palette)
        doubted = outputs.get("logits")
        if variation is not None:
            self._tell_distribution("variations")
            outputs = {**outputs, "logits": vary(outputs["logits"], self.points, variation)[0]}
            vibrance = vibrance * float(variation.vibrances[0])
        ab = decode_outputs(outputs, self.decoding, vibrance)
        if cleanup and doubted is not None:
            ab = self._clean_up(ab, doubted)
        if reference is not None:
            mean, trust = self._match(reference)
            ab = self._add_at_features(ab, lambda x: x + trust * (mean - x))
        return self._spread_hints(ab, hints) if hints else ab

    def render(self, **options: Unpack[ColorOptions]) -> ByteArray:
        """Return the colored photo.

        Args and errors as in `read_ab`.

        Returns:
            uint8 (H, W, 3) sRGB, with the photo's own lightness.
        """
        field = fit_chroma(self.l, self.read_ab(**options))
        for hint in options.get("hints", ()):
            field = touch_chroma(field, self.l, hint.x, hint.y, hint.ab)
        return render(self.l, field)

    def variations(
        self, count: int = 4, *, seed: int = 0, vibrance: float = 1.0
    ) -> list[ByteArray]:
        """Return alternatives, see `Colorizer.variations`."""
        looks = [None, *self.list_variations(count, seed=seed)]
        return [self.render(variation=options, vibrance=vibrance) for options in looks]

    def list_variations(self, count: int = 4, *, seed: int = 0) -> list[VariationLatents]:
        """Return what variations do apart from the automatic colors, to be part of a look.

        Args:
            count: of variations, the automatic one included.
            seed: the same seed gives the same ones.

        Returns:
            The count − 1 others, most likely first.

        Raises:
            DeepkoalError: the network tells no distribution, or the count is below 1.
        """
        logits = self._tell_distribution("variations")
        latents = sample_latents(count, seed, self.points.features.shape[-1], self.decoding.kernel)
        if count == 1:
            return []
        varied = vary(logits, self.points, latents)
        order = rank_variations(logits, varied, latents, self.decoding.temperature)
        return [latents.take([index]) for index in order]

    def uncertainty(self, *, hints: Sequence[Hint] = ()) -> FloatArray:
        """Return the network's doubt, see `Colorizer.uncertainty`.

        Args:
            hints: that have been given; what they told is doubted less.
        """
        error = self._expect_error(self.decoding.temperature, hints)
        doubt = error / (error + HALF_DOUBT)
        return resize_for_network(doubt.astype(np.float32), *self.l.shape)

    def suggest_hints(
        self, count: int = 5, *, hints: Sequence[Hint] = ()
    ) -> list[tuple[float, float]]:
        """Return where hints would help most, the most helpful first.

        Args:
            count: of places.
            hints: that have been given; what they told is not asked for again.

        Returns:
            x and y of each place, in pixels.

        Raises:
            DeepkoalError: the network tells no distribution, or a hint lies outside the photo.
        """
        doubt = self._expect_error(1.0, hints)
        cells = suggest_hints(doubt, self.points, self.decoding.kernel, count)
        scale = np.array(self.l.shape) / doubt.shape
        return [(float(x), float(y)) for y, x in (cells + 0.5) * scale]

    def list_likely_colors(self, x: float, y: float, count: int = 6) -> FloatArray:
        """List the colors that a place may well have, the likeliest first.

        Args:
            x: from the photo's left edge, in pixels.
            y: from its upper edge.
            count: of colors, at most.

        Returns:
            float32 (count, 2), ab in CIE Lab units.

        Raises:
            DeepkoalError: the network tells no distribution.
        """
        logits = self._tell_distribution("likely colors")
        cell = find_cell(x, y, self.l.shape, logits.shape)
        return list_likely_colors(logits.reshape(-1, logits.shape[-1])[cell], count)

    def _expect_error(self, temperature: float, hints: Sequence[Hint]) -> FloatArray:
        check_hints(hints, *self.l.shape)
        logits = self._tell_distribution("measures of doubt")
        error: FloatArray = expected_error(logits, self.read_ab(), temperature)
        if hints:
            hint_points = self.points.take(self._find_hint_cells(hints))
            error = remaining_doubt(error, self.points, hint_points, self.decoding.kernel)
        return error

    def _find_hint_cells(self, hints: Sequence[Hint]) -> NDArray[np.intp]:
        """Return the indices of the hints' places among all."""
        grid = self.outputs["features"].shape[:2]
        return np.array([find_cell(hint.x, hint.y, self.l.shape, grid) for hint in hints])

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
        logits, prior = self._tell_distribution("palettes"), self.decoding.prior
        if prior is None:
            raise DeepkoalError(
                "palettes need the prior of the training colors, which a preset's config.json "
                "tells; use a network that came with deepkoal"
            )
        led = shift_prior(logits, palette.probabilities, prior, palette.strength, palette.smoothing)
        return {**self.outputs, "logits": led}

    def _clean_up(self, ab: FloatArray, logits: FloatArray) -> FloatArray:
        l = resize_for_network(self.l, *ab.shape[:2])
        cleaned = clean_chroma(ab, self.outputs["features"], l, uncertainty(logits))
        return np.asarray(cleaned, np.float32)

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
        cells = self._find_hint_cells(hints)
        hint_points = self.points.take(cells)
        wanted = np.stack([hint.ab for hint in hints])
        return self._add_at_features(
            ab,
            lambda x: x + spread(self.points, hint_points, wanted - x[cells], self.decoding.kernel),
        )
