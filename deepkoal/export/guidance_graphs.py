"""All between a network's outputs and a photo's pixels, as ONNX graphs for a page in the browser.

They are traced from the very formulas that the Colorizer runs, see `export.tracing`. A photo's
lightness is asked for on the grid that hints are spread on, so that no photo's size slows them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from deepkoal.arrays import Tensor
from deepkoal.export.tracing import Dims, OnnxTensor, trace
from deepkoal.guidance import AffinityPoints, DecodingConfig, PaletteShift, Reference
from deepkoal.guidance.color_balance import HUES, scale_saturation, tint
from deepkoal.guidance.reference import list_matches, weigh_matches
from deepkoal.hints import HintArrays
from deepkoal.hints.arrays import HINT_SHAPES
from deepkoal.inference.prediction.core import PredictionCore
from deepkoal.inference.prediction.working_size import finish_merging, prepare_merging
from deepkoal.inference.scene import find_border

_GRID: Dims = (None, None)


def trace_guidance(
    decoding: DecodingConfig, bins: int, depth: int, things: int = 0
) -> dict[str, Any]:
    """Return the graphs, by name, as ONNX models. All inputs are float32.

    - `border`: `l` (H, W), at most 256 pixels a side, to `border` (4,), see `scene.find_border`.
    - `share`: `logits` (h, w, Q) of one working size and `grid` (2,), height and width of the
      largest one's, to `share`: the sum over the sizes is the next one's.
    - `match`: `features` (N, F) and `l` (N,) of places, `reference_features` (K, F), `reference_l`
      (K,) and `reference_ab` (K, 2) to `matches` (N, 7), see `reference.list_matches`: of a block
      of places at a time, as N · K numbers are many.
    - `colors`: `shares` and their `count`, `features` (h, w, F), `l` on the grid of hints, see
      `SeenPhoto`, `palette` (Q,) with `lead` (2,) its strength and smoothing, `vibrance`, `cleanup`
      (0 or 1), `matches` of all places, (1, 7) zeros for no reference, `warmth` (2,) as
      `color_balance.find_warmth_factors` has it and `saturation` by hue, to `chroma` (h, w, 2),
      the `field` that carries it to the photo's size, and `deviation` (h, w, 1), see
      `guidance.deviation`.
    - `hints`: `chroma`, `deviation`, `features`, `things` where there are some, `l` and what
      `HintArrays` has, points and edges in cells of the grid of hints, of each one or more;
      `places` (K, 2) and `place_l` (K,), where their pixels lie, as shares down and across, and how
      light they are. To the `field` under hints.

    Args:
        decoding: of the network.
        bins: Q, of its distribution.
        depth: F, of its features.
        things: T, of its output `things`; 0 for none.
    """
    features: Dims = (None, None, depth)

    def find(l: OnnxTensor) -> dict[str, Tensor]:
        return {"border": find_border(l)}

    def share(logits: OnnxTensor, grid: OnnxTensor) -> dict[str, Tensor]:
        size = grid.cast("int64")
        return {"share": prepare_merging(logits, "logits", (size[0], size[1]))}

    def see(
        shares: OnnxTensor, count: OnnxTensor, features: OnnxTensor, l: OnnxTensor
    ) -> PredictionCore:
        logits = finish_merging(shares, "logits", count)
        return PredictionCore(l, {"logits": logits, "features": features}, decoding)

    def match(
        features: OnnxTensor,
        l: OnnxTensor,
        reference_features: OnnxTensor,
        reference_l: OnnxTensor,
        reference_ab: OnnxTensor,
    ) -> dict[str, Tensor]:
        # Position does not count between photos.
        own = AffinityPoints(features, l, features)
        others = AffinityPoints(reference_features, reference_l, reference_features)
        return {"matches": list_matches(own, Reference(others, reference_ab))}

    def color(
        shares: OnnxTensor,
        count: OnnxTensor,
        features: OnnxTensor,
        l: OnnxTensor,
        palette: OnnxTensor,
        lead: OnnxTensor,
        vibrance: OnnxTensor,
        cleanup: OnnxTensor,
        matches: OnnxTensor,
        warmth: OnnxTensor,
        saturation: OnnxTensor,
    ) -> dict[str, Tensor]:
        seen = see(shares, count, features, l)
        shift = None if decoding.prior is None else PaletteShift(palette, lead[0], lead[1])
        plain = seen.decode(vibrance, palette=shift, cleanup=False)
        ab = plain + cleanup * (seen.decode(vibrance, palette=shift) - plain)
        ab = seen.pull(ab, *weigh_matches(matches))
        ab = scale_saturation(ab, {hue: saturation[place] for place, hue in enumerate(HUES)})
        ab = tint(ab, seen._coarse_l, warmth[0], warmth[1])
        return {
            "chroma": ab,
            "deviation": seen.deviation,
            "field": seen.fit_field(ab),
        }

    def hint(
        chroma: OnnxTensor,
        features: OnnxTensor,
        l: OnnxTensor,
        deviation: OnnxTensor,
        places: OnnxTensor,
        place_l: OnnxTensor,
        **hints: OnnxTensor,
    ) -> dict[str, Tensor]:
        outputs = {"ab_norm": chroma, "features": features}  # whatever has the grid's size
        if things:
            outputs["things"] = hints.pop("things")
        seen = _PlacedPhoto(l, outputs, decoding, told=deviation, places=places, place_l=place_l)
        return {"field": seen.fit_field(chroma, HintArrays(**hints))}

    seen: dict[str, Dims] = {
        "shares": (*_GRID, bins),
        "count": (),
        "features": features,
        "l": _GRID,
    }
    return {
        "border": trace(find, {"l": _GRID}, "border"),
        "share": trace(share, {"logits": (*_GRID, bins), "grid": (2,)}, "share"),
        "match": trace(
            match,
            {
                "features": (None, depth),
                "l": (None,),
                "reference_features": (None, depth),
                "reference_l": (None,),
                "reference_ab": (None, 2),
            },
            "match",
        ),
        "colors": trace(
            color,
            {
                **seen,
                "palette": (bins,),
                "lead": (2,),
                "vibrance": (),
                "cleanup": (),
                "matches": (None, 7),
                "warmth": (2,),
                "saturation": (len(HUES),),
            },
            "colors",
        ),
        "hints": trace(
            hint,
            {
                "chroma": (*_GRID, 2),
                "features": features,
                **({"things": (None, None, things)} if things else {}),
                "l": _GRID,
                "deviation": (*_GRID, 1),
                "places": (None, 2),
                "place_l": (None,),
                **HINT_SHAPES,
            },
            "hints",
        ),
    }


@dataclass(frozen=True, eq=False, kw_only=True)
class _PlacedPhoto(PredictionCore):
    """A photo of which the grid alone is here, and of the pixels at hints what they need."""

    told: Tensor
    places: Tensor
    place_l: Tensor

    @functools.cached_property
    def deviation(self) -> Tensor:
        """What the graph `colors` gave."""
        return self.told

    def _find_pixels(self, points: Tensor) -> tuple[Tensor, Tensor]:
        return self.places, self.place_l
