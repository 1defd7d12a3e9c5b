"""What a network predicts of a photo, and all that can be decoded of it without another pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Unpack

import numpy as np

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.deprecation import rename_members
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import (
    CarriedColors,
    ColorKeywords,
    ColorOptions,
    Palette,
    Reference,
    VariationLatents,
    measure_ab,
    sample_latents,
)
from deepkoal.guidance.color_balance import balance_colors
from deepkoal.guidance.registration import Picture
from deepkoal.hints import HintArrays, check_kind, list_hints
from deepkoal.image_io.pixels import round_to_8_bits
from deepkoal.inference.prediction.doubt import PredictionDoubt
from deepkoal.rendering.composition import render
from deepkoal.short_repr import short_repr


@short_repr
@rename_members(read_ab="decode_ab")
@dataclass(frozen=True, eq=False)
class Prediction(PredictionDoubt):
    """What a network predicts of one photo, in NumPy arrays: no decoding of it costs another pass.

    `dataclasses.replace(prediction, l=…)` is the same photo at another size, in the same colors;
    so a screen can be served with a small one, and the file with a large one.

    Attributes:
        l: see `SeenPhoto`, as are `outputs` and `decoding`.
        read_reference: `Colorizer.open_reference` of the network, for reference photos that it
            has not seen; each costs two passes.
        bits: of the photo's samples and its results', 8 or 16.
    """

    l: FloatArray
    outputs: dict[str, FloatArray]
    read_reference: Callable[[Any], Reference] | None = field(default=None, repr=False)
    bits: int = 8

    def decode_ab(
        self, options: ColorOptions | None = None, **keywords: Unpack[ColorKeywords]
    ) -> FloatArray:
        """Return the coarse chroma.

        Args:
            options: how the photo is to be colored.
            keywords: fields of `ColorOptions`, given anew.

        Returns:
            float32 (h, w, 2) in CIE Lab units, under hints.

        Raises:
            DeepkoalError: as `ColorOptions`, a hint lies outside the photo, or the network
                predicts no distribution that a palette or a variation could shift.
        """
        options, hints = self._collect(options, keywords)
        ab: FloatArray = self._decode(options, options.variation)[0]
        return ab if hints is None else np.asarray(self.hinted_ab(ab, hints), np.float32)

    def render(
        self, options: ColorOptions | None = None, **keywords: Unpack[ColorKeywords]
    ) -> SampleArray:
        """Return the colored photo.

        Args and errors as in `decode_ab`.

        Returns:
            uint8 (H, W, 3) sRGB, with the photo's own lightness; uint16 where it had 16 bits.
        """
        options, hints = self._collect(options, keywords)
        return self._render(self._decode(options, options.variation)[0], hints)

    def variations(
        self,
        count: int = 4,
        options: ColorOptions | None = None,
        *,
        seed: int = 0,
        **keywords: Unpack[ColorKeywords],
    ) -> list[SampleArray]:
        """Return the photo in several plausible ways.

        Args:
            count: of results, 1…16; another seed gives others.
            options: as in `decode_ab`, but that `variation` is chosen here.
            seed: the same seed gives the same results.
            keywords: as in `decode_ab`.

        Returns:
            `count` photos, uint8 (H, W, 3) sRGB: first what `render` returns, then alternatives,
            most likely first.

        Raises:
            DeepkoalError: as in `decode_ab`, the network predicts no distribution, the count is
                not in 1…16 or the seed below 0.
        """
        options, hints = self._collect(options, keywords)
        if options.variation is not None:
            raise DeepkoalError("variations start from no other variation; leave it out")
        latents = self._sort_latents(count, seed)
        chromas = [self._decode(options, None)]
        if count > 1:
            chromas.append(self._decode(options, latents))
        return [self._render(ab, hints) for ab in np.concatenate(chromas)]

    def list_variations(self, count: int = 4, *, seed: int = 0) -> list[VariationLatents]:
        """Return what variations do apart from the automatic colors, each for `ColorOptions`.

        Args:
            count: of variations, the automatic one included, 1…16.
            seed: the same seed gives the same ones.

        Returns:
            The count − 1 others, most likely first.

        Raises:
            DeepkoalError: the network predicts no distribution, the count is not in 1…16 or the
                seed below 0.
        """
        latents = self._sort_latents(count, seed)
        return [latents.take([index]) for index in range(count - 1)]

    def to_reference(self, photo: SampleArray) -> Reference:
        """Return what others need to take the colors of the photo, see `Colorizer.open_reference`.

        Args:
            photo: uint8 or uint16 (H, W, 3) sRGB, in its own colors.

        Raises:
            DeepkoalError: it has none.
        """
        height, width = self.outputs["features"].shape[:2]
        box = self.box
        inside = photo if box is None else photo[box[0] : box[1], box[2] : box[3]]
        rgb = round_to_8_bits(inside)
        ab = measure_ab(rgb, height, width)
        return Reference(self.points, ab.reshape(-1, 2), (Picture.of_photo(rgb),))

    def _collect(
        self, options: ColorOptions | None, keywords: Mapping[str, Any]
    ) -> tuple[ColorOptions, HintArrays | None]:
        """Return validated options, whose reference the network has seen, and the hints."""
        options = ColorOptions.collect(options, keywords)
        given = check_kind(options.hints)
        hints = list_hints(given, *self.l.shape) if given else None
        if not isinstance(options.reference, (Reference, CarriedColors, type(None))):
            if self.read_reference is None:
                raise DeepkoalError(
                    "expected a reference as Colorizer.open_reference returns it, got a photo; "
                    "this prediction has no network at hand to see it"
                )
            options = replace(options, reference=self.read_reference(options.reference))
        return options, hints

    def _decode(self, options: ColorOptions, variation: VariationLatents | None) -> FloatArray:
        """Return chroma before hints, float32 (n, h, w, 2): n is 1 or the count of variations."""
        palette, reference = options.palette, options.reference
        ab = self.decode(
            options.vibrance,
            palette=palette.shift if isinstance(palette, Palette) else None,
            reference=reference if isinstance(reference, (Reference, CarriedColors)) else None,
            variation=variation,
            cleanup=options.cleanup,
        )
        ab = balance_colors(
            ab, self._coarse_l, warmth=options.warmth, saturation=options.saturation
        )
        return np.asarray(ab, np.float32).reshape(-1, *ab.shape[-3:])

    def _render(self, ab: FloatArray, hints: HintArrays | None) -> SampleArray:
        field = np.asarray(self.fit_field(ab, hints), np.float32)
        inside = render(self.inner_l, field, bits=self.bits)
        if self.box is None:
            return inside
        neutral = np.zeros((1, 1, 4), np.float32)
        return self._frame(inside, render(self.l, neutral, bits=self.bits))

    def _sort_latents(self, count: int, seed: int) -> VariationLatents:
        self.demand_distribution("variations")
        depth = self.outputs["features"].shape[-1]
        return self.sort_variations(sample_latents(count, seed, depth, self.decoding.kernel))
