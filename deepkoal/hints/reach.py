"""How far a hint reaches: over the thing it lies on, and to the edges of that.

A hint is a target. Its thing is what lies near it by a geodesic distance, a path's cost being the
sum of how features and lightness change along it, and by the likeness of its features (Criminisi,
Sharp and Blake 2008, "GeoS", without its strokes for the background). What counts as features
depends on the hints, see `hints.things`. Within its thing the target replaces what the network
guessed; outside nothing moves. Of several hints the nearest counts.

A guess that a hint all but confirms is believed elsewhere, too: a small difference spreads to what
is like its place by kriging, see `affinity.spread`, by more where the network is less sure, and the
guess's own texture of chroma stays. A large one says only that the network was wrong about this
thing, unless several others confirm theirs: true colors differ from guesses now and then.
"""

from __future__ import annotations

from dataclasses import dataclass

from deepkoal.affinity import AffinityPoints, Kernel, weigh_hints
from deepkoal.arrays import Tensor, namespace
from deepkoal.hints.arrays import HintArrays
from deepkoal.hints.paths import FAR, measure_paths

FINER = 3
"""Cells along a side for each of the features': things are cut at edges that those are too coarse
for. An odd number, so that the middles of the coarse cells are among the finer ones'."""

LIGHTNESS = 0.014
"""Cost of a step for each unit of L, in widths of the kernel: an edge of 70 L costs one width."""
LIKENESS = 2.1
"""Cost of being unlike the hint's place, for each squared width of the kernel."""
REACH = 8.6
"""Distance, in widths of the kernel, at which a thing ends."""
FADING = 0.3
"""Share of the reach over which the target fades out."""
NEARER = 0.08
"""Share of the reach by which a hint must be nearer than another to count e times as much."""

BELIEF = 30.0
"""Difference between a hint and the guess at its place, in ab units, about which the guess is no
longer believed elsewhere."""
TOGETHER = 0.25
"""What each hint that confirms the guess, beyond those that contradict it, adds to a factor of 1
for `BELIEF` and `CAP`."""
AT_MOST = 0.8
"""What they add together: more moves too much where one thing is repainted beside what is kept."""
CAP = 12.0
"""How far, in ab units, hints that settle little move what lies outside their things."""
SETTLED = 40.0
"""By how much more what they settle wholly, likewise."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """By what things are told apart.

    Attributes:
        vectors: float32 (h, w, T), whose changes along a path are its cost, in widths of the
            kernel.
        apart: float32 (T,), how much each part of these counts in a place's distance from a hint's.
        fading: share of the reach over which the target fades out.
    """

    vectors: Tensor
    apart: Tensor
    fading: Tensor | float = FADING


@dataclass(frozen=True, eq=False)
class Reach:
    """Where each of K hint points counts, on a grid that is `FINER` than the features'.

    Attributes:
        weights: float32 (H, W, G), 0…1: how far the target of each group's nearest hint replaces
            what is there.
        nearest: integers (H, W, G), which of the K that is.
        kriging: float32 (N, K), what each counts by affinity at the features' N places.
        settled: float32 (N,), share of those places' variance that the hints explain, 0…1.
    """

    weights: Tensor
    nearest: Tensor
    kriging: Tensor
    settled: Tensor


def measure_reach(
    things: Comparison,
    l: Tensor,
    points: AffinityPoints,
    cells: Tensor,
    fine: Tensor,
    kernel: Kernel,
) -> Reach:
    """Return where hint points count.

    Args:
        things: see `things.compare_things`, its vectors (H, W, T) at the finer grid's places.
        l: float32 (H, W), lightness in 0…100 at the finer grid's places.
        points: N of them, the places that the affinity compares.
        cells: integers (K,), the hint points' indices among these.
        fine: integers (K,), their indices on the finer grid, row by row.
        kernel: the affinity.
    """
    ops = namespace(l)
    hint_points = points.take(cells)
    known, kriging = weigh_hints(points, hint_points, kernel)
    settled = ops.clip(ops.sum(known * kriging, axis=-1) / sum(kernel.weights), 0, 1)
    distance, hint = _measure_distance(things, l, fine)
    least = ops.min(distance, axis=0, initial=FAR)
    weights = ops.clip(0.5 + (1 - distance / REACH) / things.fading, 0, 1)
    weights = weights * ops.exp((least - distance) / (NEARER * REACH))
    total = ops.sum(weights, axis=0)
    # As far as the strongest of them; among themselves they share.
    weights = weights * (ops.max(weights, axis=0, initial=0.0) / ops.maximum(total, 1e-6))
    return Reach(ops.moveaxis(weights, 0, -1), ops.moveaxis(hint, 0, -1), kriging, settled)


def _measure_distance(things: Comparison, l: Tensor, fine: Tensor) -> tuple[Tensor, Tensor]:
    """Return how far each place is from the nearest of each group of the K hints, and which it is.

    Returns:
        float32 (G, H, W), in widths of the kernel; int32 (G, H, W).
    """
    ops = namespace(l)
    distance, hint = measure_paths(things.vectors, l, fine, LIGHTNESS)
    flat = ops.reshape(things.vectors * things.apart, (-1, things.vectors.shape[-1]))
    there = ops.take(flat, fine, axis=0)
    apart = (
        ops.sum(there * there, axis=-1)[:, None]
        + ops.sum(flat * flat, axis=-1)
        - 2 * ops.matmul(there, ops.transpose(flat))
    )
    chosen = ops.reshape(hint, (ops.shape(hint)[0], ops.shape(flat)[0]))
    apart = ops.take_along_axis(apart, chosen, axis=0)
    return distance + LIKENESS * ops.reshape(ops.maximum(apart, 0.0), ops.shape(hint)), hint


def believe(hints: HintArrays, here: Tensor, loosened: Tensor | float = 1.0) -> Tensor:
    """Return how far a hint confirms the guess at its place, (K, 1), 0…1.

    Args:
        hints: K points.
        here: float32 (K, 2), the guess.
        loosened: how many times `BELIEF` it may be off, see `loosen`.
    """
    ops = namespace(here)
    apart = ops.sum((hints.ab - here) ** 2, axis=-1, keepdims=True)
    return ops.exp(-((apart / (loosened * BELIEF) ** 2) ** 2))


def contradict(hints: HintArrays, here: Tensor) -> Tensor:
    """Return how far hints contradict the guess on average, a float32 scalar, 0…1.

    Args:
        hints: K points; those that keep what is there say nothing.
        here: float32 (K, 2), the guess.
    """
    ops = namespace(here)
    free = 1 - hints.own
    return ops.sum(free * (1 - believe(hints, here)[:, 0])) / ops.maximum(ops.sum(free), 1)


def loosen(hints: HintArrays, contradiction: Tensor) -> Tensor:
    """Return how many times `BELIEF` a hint's difference may be, from 1 to 1 + `AT_MOST`.

    Args:
        hints: K points; those that keep what is there say nothing.
        contradiction: of the guess by these, see `contradict`.
    """
    ops = namespace(contradiction)
    confirming = ops.sum(1 - hints.own) * (1 - 2 * contradiction)  # less those that contradict it
    return 1 + ops.clip(TOGETHER * confirming, 0.0, AT_MOST)


def spread_confirmed(
    reach: Reach,
    hints: HintArrays,
    here: Tensor,
    loosened: Tensor,
    deviation: Tensor,
    cells: Tensor,
) -> Tensor:
    """Return what hints that confirm the guess change of all that is like their places.

    Args:
        reach: see `Reach`.
        hints: K points.
        here: float32 (K, 2), the guess at their places.
        loosened: see `believe`.
        deviation: float32 (N, 1), how far, in any unit, true colors may be from the guess.
        cells: integers (K,), the hint points' indices among the N places.

    Returns:
        float32 (N, 2), in ab units.
    """
    ops = namespace(here)
    residuals = (hints.ab - here) * (1 - hints.own[:, None]) * believe(hints, here, loosened)
    change = deviation * ops.matmul(reach.kriging, residuals / ops.take(deviation, cells, axis=0))
    most = loosened * CAP + SETTLED * reach.settled[:, None] ** 2
    length = ops.sqrt(ops.sum(change * change, axis=-1, keepdims=True))
    return change * most / ops.maximum(length, most)


def fill_things(
    reach: Reach,
    hints: HintArrays,
    ab: Tensor,
    before: Tensor,
    here: Tensor,
    loosened: Tensor | float,
) -> Tensor:
    """Return chroma with the hints' things in their colors.

    Args:
        reach: see `Reach`.
        hints: K points.
        ab: float32 (H, W, 2), after `spread_confirmed`.
        before: float32 (H, W, 2), as it was, for what is to stay so.
        here: float32 (K, 2), ab at the hints' places.
        loosened: see `believe`.

    Returns:
        float32 (H, W, 2).
    """
    ops = namespace(ab)
    free = 1 - hints.own[:, None]
    kept = believe(hints, here, loosened) * free
    parts = ops.concatenate([(hints.ab - kept * here) * free, kept, hints.own[:, None]], axis=-1)
    parts = ops.sum(ops.take(parts, reach.nearest, axis=0) * reach.weights[..., None], axis=-2)
    target = parts[..., :2] + parts[..., 2:3] * ab + parts[..., 3:] * before
    return ab + target - ops.sum(reach.weights, axis=-1, keepdims=True) * ab
