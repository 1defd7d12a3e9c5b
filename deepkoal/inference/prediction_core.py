"""What can be decoded of a network's outputs, over arrays: the one way from outputs to chroma.

Written once for NumPy arrays, where `Prediction` adds what users give and get, and for tensors of
a graph that is being exported, where `export.graph` adds the same. Nothing is validated here.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace

import numpy as np

from deepkoal.arrays import Tensor, cast, fold, namespace
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import (
    AffinityPoints,
    CarriedColors,
    DecodingConfig,
    HintArrays,
    PaletteShift,
    Reference,
    VariationLatents,
    decode_outputs,
    find_cells,
    make_affinity_points,
    match_reference,
    shift_prior,
    sort_variations,
    uncertainty,
    vary,
)
from deepkoal.guidance.chroma_cleanup import cleanup as clean_chroma
from deepkoal.guidance.hint_arrays import cover_regions
from deepkoal.guidance.hint_reach import (
    FINER,
    Reach,
    fill_things,
    measure_reach,
    spread_confirmed,
)
from deepkoal.inference.scene import measure_structure
from deepkoal.rendering.resampling import resize
from deepkoal.rendering.upsampling import fit_chroma, touch_chroma
from deepkoal.short_repr import short_repr


@short_repr
@dataclass(frozen=True, eq=False)
class PredictionCore:
    """What a network said of one photo.

    Attributes:
        l: float32 (H, W), the photo's own lightness in 0…100.
        outputs: the network's outputs, float32 (h, w, C) each: `logits` or `ab_norm`, and for
            hints, references and variations `features`.
        decoding: the constants of decoding them.
        border: what `scene.find_border` left of the photo, float32 (4,): the network saw the inside
            alone, which the outputs are of, and what lies around it stays neutral. None where it
            saw all.
    """

    l: Tensor
    outputs: dict[str, Tensor]
    decoding: DecodingConfig = field(repr=False)
    border: Tensor | None = None

    @functools.cached_property
    def box(self) -> Tensor | None:
        """The inside's first row, last row + 1, first column, last column + 1: int32 (4,)."""
        if self.border is None:
            return None
        ops = namespace(self.border)
        height, width = ops.shape(self.l)
        sides = cast(ops.stack([height, height, width, width]), "float32")
        return cast(ops.round(self.border * sides), "int32")

    @functools.cached_property
    def inner_l(self) -> Tensor:
        """The inside's lightness, float32 (h, w)."""
        box = self.box
        return self.l if box is None else self.l[box[0] : box[1], box[2] : box[3]]

    @functools.cached_property
    def points(self) -> AffinityPoints:
        """What an affinity compares: the places of `outputs["features"]`."""
        features = self.outputs["features"]
        ops = namespace(features)
        size = ops.shape(features)[:2]
        same = ops is np and size == np.shape(self._coarse_l)  # a graph learns sizes as it runs
        return make_affinity_points(
            features, self._coarse_l if same else resize(self.inner_l, *size)
        )

    @functools.cached_property
    def _coarse_l(self) -> Tensor:
        """Lightness at the size of the coarse chroma, float32 (h, w)."""
        colors = self.outputs["logits" if "logits" in self.outputs else "ab_norm"]
        return resize(self.inner_l, *namespace(colors).shape(colors)[:2])

    @functools.cached_property
    def _matches(self) -> dict[Reference, tuple[Tensor, Tensor]]:
        return {}

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
            doubt = uncertainty(doubted)
            ab = clean_chroma(ab, self.outputs["features"], self._coarse_l, doubt)
            ab = ab * measure_structure(self._coarse_l)
        if reference is not None:
            mean, trust = self._match(reference)
            ab = self._add(ab, trust * (mean - self._at_points(ab)))
        return ab

    def fit_field(self, ab: Tensor, hints: HintArrays | None = None) -> Tensor:
        """Return the field, (..., h, w, 4), that carries coarse chroma (..., h, w, 2) to full size.

        Args:
            ab: as decoded; under hints of one version of the photo.
            hints: whose things take their colors, on a finer grid, and whose own pixels are met.
        """
        field = fit_chroma(self._coarse_l, ab)
        if hints is None:
            return field
        ops = namespace(ab)
        l = self._fine_l
        field = resize(field, *ops.shape(l))
        plain = field[..., :2] * l[..., None] + field[..., 2:]
        # What does not change is not fitted anew: outside their things hints move nothing.
        field = field + fit_chroma(l, self._apply_hints(ab, plain, hints) - plain)
        chosen = ops.nonzero(hints.exact)[0]
        points, wanted = (ops.take(each, chosen, axis=0) for each in (hints.points, hints.ab))
        return touch_chroma(field, self.inner_l, self._move_inside(points), wanted)

    def hinted_ab(self, ab: Tensor, hints: HintArrays) -> Tensor:
        """Return coarse chroma (h, w, 2) under hints."""
        field = self.fit_field(ab, hints)
        fine = field[..., :2] * self._fine_l[..., None] + field[..., 2:]
        return resize(fine, *namespace(ab).shape(ab)[:2])

    @functools.cached_property
    def _fine_l(self) -> Tensor:
        """Lightness on the grid that hints are spread on.

        A multiple of the chroma's that holds its places, so that the field there is the same one.
        """
        ops = namespace(self.l)
        rows, columns = ops.shape(self._coarse_l)
        finer = 1 + (FINER - 1) * (ops.shape(self.outputs["features"])[0] // rows)
        return resize(self.inner_l, finer * rows, finer * columns)

    def _apply_hints(self, coarse: Tensor, ab: Tensor, hints: HintArrays) -> Tensor:
        """Return ab on the finer grid under hints.

        Args:
            coarse: float32 (h, w, 2), as decoded.
            ab: the same on the finer grid, float32 (H, W, 2).
            hints: on this photo.
        """
        ops = namespace(ab)
        reach = self._measure_reach(hints)
        cells = self.find_hint_cells(hints.points)
        guess = ops.take(self._at_points(coarse), cells, axis=0)
        change = spread_confirmed(reach, hints, guess)
        grid = ops.shape(self.outputs["features"])[:2]
        after = ab + resize(ops.reshape(change, (*grid, 2)), *ops.shape(self._fine_l))
        here = guess + ops.take(change, cells, axis=0)
        after = fill_things(reach, hints, after, ab, here)
        cover = cover_regions(
            replace(hints, edges=self._shift(hints.edges)),
            ops.shape(self.inner_l),
            ops.shape(self._fine_l),
        )

        def fill(after: Tensor, number: Tensor) -> Tensor:
            own = hints.region_own[number]
            wanted = own * ab + (1 - own) * hints.region_ab[number]
            return after + cover[number][..., None] * (wanted - after)

        return fold(fill, after, ops.shape(cover)[0])

    def _measure_reach(self, hints: HintArrays) -> Reach:
        """Return `measure_reach`, of which the last is kept."""
        if hints not in self._reaches:
            self._reaches.clear()
            size = namespace(self.l).shape(self._fine_l)
            self._reaches[hints] = measure_reach(
                resize(self.outputs["features"], *size),
                self._fine_l,
                self.points,
                self.find_hint_cells(hints.points),
                find_cells(
                    self._move_inside(hints.points), namespace(self.l).shape(self.inner_l), size
                ),
                self.decoding.kernel,
            )
        return self._reaches[hints]

    @functools.cached_property
    def _reaches(self) -> dict[HintArrays, Reach]:
        return {}

    def _shift(self, edges: Tensor) -> Tensor:
        """Return lines (E, 4) of the photo as lines of its inside."""
        if self.box is None:
            return edges
        ops = namespace(edges)
        first = ops.stack([self.box[2], self.box[0]] * 2)
        return edges - cast(first, "float64" if ops is np else edges.dtype)

    def sort_variations(self, latents: VariationLatents) -> VariationLatents:
        """Return variations of this photo, the likeliest first.

        Raises:
            DeepkoalError: the network predicts no distribution.
        """
        logits = self.demand_distribution("variations")
        return sort_variations(logits, self.points, latents, self.decoding)

    def find_hint_cells(self, points: Tensor) -> Tensor:
        """Return the indices, (K,), of places (K, 2), x and y in pixels, among `points`."""
        ops = namespace(self.l)
        grid = ops.shape(self.outputs["features"])[:2]
        return find_cells(self._move_inside(points), ops.shape(self.inner_l), grid)

    def _move_inside(self, points: Tensor) -> Tensor:
        """Return places of the photo (K, 2), x and y, as the nearest ones of its inside."""
        box = self.box
        if box is None:
            return points
        ops = namespace(points)
        edges = cast(box, "float64" if ops is np else points.dtype)
        first, end = ops.stack([edges[2], edges[0]]), ops.stack([edges[3], edges[1]])
        points, size = points - first, end - first
        return ops.where(points < size, ops.maximum(points, 0), size - 0.5)

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
        """Return `match_reference`, the costliest step, of which the last is kept."""
        if isinstance(reference, CarriedColors):
            return reference.ab, reference.trust
        if reference not in self._matches:
            self._matches.clear()
            self._matches[reference] = match_reference(self.points, reference)
        return self._matches[reference]

    def _at_points(self, ab: Tensor) -> Tensor:
        """Return ab (..., h, w, 2) at the N places of the features, (..., N, 2)."""
        ops = namespace(ab)
        height, width = ops.shape(self.outputs["features"])[:2]
        shape = (*ops.shape(ab)[:-3], height * width, 2)
        return ops.reshape(resize(ab, height, width), shape)

    def _add(self, ab: Tensor, difference: Tensor) -> Tensor:
        """Add to ab (..., h, w, 2) what is to change at the N places, (..., N, 2)."""
        ops = namespace(ab)
        size = ops.shape(ab)
        grid = ops.shape(self.outputs["features"])[:2]
        difference = ops.reshape(difference, (*size[:-3], *grid, 2))
        return ab + resize(difference, *size[-3:-1])
