"""What can be decoded of a network's outputs, over arrays: the one way from outputs to chroma.

Written once for NumPy arrays, where `Prediction` adds what users give and get, and for tensors of
a graph that is being exported, where `export.graph` adds the same. Nothing is validated here.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from deepkoal.arrays import Tensor, namespace
from deepkoal.chroma_cleanup import cleanup as clean_chroma
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import (
    CarriedColors,
    PaletteShift,
    Reference,
    VariationLatents,
    decode_outputs,
    shift_prior,
    sort_variations,
    uncertainty,
    vary,
)
from deepkoal.guidance.reference import match_photo
from deepkoal.inference.prediction.hinted_photo import HintedPhoto
from deepkoal.inference.scene import measure_structure
from deepkoal.short_repr import short_repr


@short_repr
@dataclass(frozen=True, eq=False)
class PredictionCore(HintedPhoto):
    """What a network predicts of one photo; attributes as in `SeenPhoto`."""

    @functools.cached_property
    def _matches(self) -> dict[Reference, tuple[Tensor, Tensor]]:
        return {}

    @functools.cached_property
    def entropy(self) -> Tensor:
        """How much the network doubts each place, (h, w) in 0…1, see `guidance.uncertainty`."""
        return uncertainty(self.outputs["logits"])

    def decode(
        self,
        vibrance: Tensor | float = 1.0,
        *,
        palette: PaletteShift | None = None,
        reference: Reference | CarriedColors | None = None,
        variation: VariationLatents | None = None,
        cleanup: bool = True,
    ) -> Tensor:
        """Return the coarse chroma, before hints.

        Args:
            vibrance: 0.2…5, a number or a tensor ().
            palette: leads the distribution.
            reference: whose colors like places take.
            variation: n of them, which all else then starts from.
            cleanup: see `ColorOptions`.

        Returns:
            float32 (h, w, 2) in CIE Lab units, or (n, h, w, 2) of n variations.

        Raises:
            DeepkoalError: the network predicts no distribution for a palette or a variation.
        """
        outputs = self._lead(palette)
        doubted = outputs.get("logits")
        if variation is not None:
            self.demand_distribution("variations")
            outputs = {**outputs, "logits": vary(outputs["logits"], self.points, variation)}
            vibrance = vibrance * variation.vibrances[:, None, None, None]
        ab = decode_outputs(outputs, self.decoding, vibrance)
        if cleanup and doubted is not None:
            doubt = self.entropy if palette is None else uncertainty(doubted)
            ab = clean_chroma(ab, self.outputs["features"], self._coarse_l, doubt, vibrance)
            ab = ab * measure_structure(self._coarse_l)
        return ab if reference is None else self.pull(ab, *self._match(reference))

    def pull(self, ab: Tensor, mean: Tensor, trust: Tensor) -> Tensor:
        """Return coarse chroma (…, h, w, 2) that takes colors of another photo.

        Args:
            ab: without them.
            mean: (N, 2), those of the features' places.
            trust: (N, 1) in 0…1, how far each place takes them; likewise (1, 2) and (1, 1) for all.
        """
        return self._add(ab, trust * (mean - self._at_points(ab)))

    def sort_variations(self, latents: VariationLatents) -> VariationLatents:
        """Return variations of this photo, the likeliest first.

        Raises:
            DeepkoalError: the network predicts no distribution.
        """
        logits = self.demand_distribution("variations")
        return sort_variations(logits, self.points, latents, self.decoding)

    def demand_distribution(self, what: str) -> Tensor:
        """Return the logits.

        Raises:
            DeepkoalError: there are none, for what is then named.
        """
        if "logits" not in self.outputs:
            raise DeepkoalError(
                f"{what} need a network that predicts a distribution of colors, such as "
                "koala-lite; this one predicts a single color for each place"
            )
        return self.outputs["logits"]

    def _lead(self, palette: PaletteShift | None) -> dict[str, Tensor]:
        """Return the outputs, with their distribution led toward a palette."""
        if palette is None:
            return self.outputs
        logits, prior = self.demand_distribution("palettes"), self.decoding.prior
        if prior is None:
            raise DeepkoalError(
                "palettes need the prior of the training colors, which is in a preset's "
                "config.json; use a network that came with deepkoal"
            )
        led = shift_prior(logits, palette.probabilities, prior, palette.strength, palette.smoothing)
        return {**self.outputs, "logits": led}

    def _match(self, reference: Reference | CarriedColors) -> tuple[Tensor, Tensor]:
        """Return `match_photo`, the costliest step, of which the last is kept."""
        if isinstance(reference, CarriedColors):
            return reference.ab, reference.trust
        if reference not in self._matches:
            self._matches.clear()
            size = namespace(self.l).shape(self.outputs["features"])[:2]
            self._matches[reference] = match_photo(self.points, self.inner_l, size, reference)
        return self._matches[reference]
