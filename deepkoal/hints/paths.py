"""The cheapest paths from hints to all places of a photo, over NumPy arrays and backend tensors."""

from __future__ import annotations

import numpy as np

from deepkoal.arrays import Tensor, arange, cast, fold, namespace, running_minimum

GROUPS = 32
"""Of hints that are measured together. At a place only the nearest of each counts: all of as many
hints, and of more of them the nearest and most of the next."""

FAR = 1e4
"""Cost of what no path has reached."""

_ROUNDS = 6


def measure_paths(
    things: Tensor, l: Tensor, fine: Tensor, lightness: float
) -> tuple[Tensor, Tensor]:
    """Return the cost of the cheapest path to each place from the nearest of each group of hints.

    Args:
        things: float32 (H, W, T), whose changes along a path are its cost.
        l: float32 (H, W), whose changes are, too.
        fine: integers (K,), the hints' places, row by row.
        lightness: cost of a step for each unit of L.

    Returns:
        float32 (G, H, W); and which hint that is, int32 (G, H, W).
    """
    ops = namespace(things)
    steps = []
    for axis in (0, 1):
        changed = ops.sqrt(ops.sum(ops.diff(things, axis=axis) ** 2, axis=-1))
        cost = changed + lightness * ops.abs(ops.diff(l, axis=axis))
        start = ops.zeros_like(l[:1] if axis == 0 else l[:, :1])
        steps.append(ops.cumsum(ops.concatenate([start, cost], axis=axis), axis=axis))

    def move(pair: Tensor, by: Tensor) -> Tensor:
        return ops.concatenate([pair[:1] + by, pair[1:]], axis=0)

    def sweep(pair: Tensor, _: Tensor) -> Tensor:
        for axis, along in enumerate(steps, 2):
            ahead = move(running_minimum(move(pair, -along), axis), along)
            back = running_minimum(ops.flip(move(pair, along), axis), axis)
            back = move(ops.flip(back, axis), -along)
            pair = ops.where(ahead[:1] <= back[:1], ahead, back)
        return pair

    start = _seed(l, fine)
    if ops is np and len(fine) <= GROUPS:  # one in each: that need not be carried along
        distance = fold(sweep, start[:1], _ROUNDS)[0]
        hint = np.broadcast_to(np.arange(len(fine))[:, None, None], distance.shape)
    else:
        pair = fold(sweep, start, _ROUNDS)
        distance, hint = pair[0], cast(pair[1], "int32")
    return distance, hint


def _seed(l: Tensor, fine: Tensor) -> Tensor:
    """Return distances and nearest hints of each group before any step, float32 (2, G, H, W)."""
    ops = namespace(l)
    places = ops.reshape(ops.cumsum(ops.ones_like(ops.reshape(l, (-1,)))) - 1, ops.shape(l))
    count = ops.shape(fine)[0]
    groups = ops.minimum(count, GROUPS)
    order = arange(groups, l)
    none = ops.zeros_like(cast(order, "float32"))[:, None, None] + ops.zeros_like(l) - 1

    def set_out(there: Tensor, number: Tensor) -> Tensor:
        hints = number * groups + order
        cells = ops.where(hints < count, ops.take(fine, ops.minimum(hints, count - 1), axis=0), -1)
        here = cast(cells, "float32")[:, None, None] == places
        return ops.where(here, cast(hints, "float32")[:, None, None], there)

    there = fold(set_out, none, (count + groups - 1) // ops.maximum(groups, 1))
    return ops.stack([ops.where(there < 0, FAR, 0.0), ops.maximum(there, 0)])
