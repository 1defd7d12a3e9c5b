"""At what size a network sees a photo, and how it is run at it.

Written once for NumPy arrays and backend tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from deepkoal.arrays import Tensor, arange, cast, namespace
from deepkoal.color import normalize_l, softmax
from deepkoal.errors import check_range
from deepkoal.models import NETWORK_STRIDE
from deepkoal.rendering.resampling import resize

ROUND_TO = 8
"""Sides of working sizes are multiples of this many pixels."""

LEAST_SIDE = 32
DETAIL_RANGE = (LEAST_SIDE, 1024)
"""Working sizes that users may ask for: at 1024 a pass takes gigabytes."""
_FAINT = 1e-9  # a probability that is as good as none

MOST_STRETCH = 8.0
"""Ratio of the sides beyond which a photo's aspect is not kept."""

_OWN_STRIDES = {"koala": 8}


def sort_working_sizes(working_size: int | Iterable[int]) -> tuple[int, ...]:
    """Return one or several working sizes, see `Colorizer`, from small to large.

    Raises:
        DeepkoalError: one is no whole number of at least `LEAST_SIDE`.
    """
    sizes: list[Any] = list(working_size) if isinstance(working_size, Iterable) else []
    for size in sizes or [working_size]:
        check_range(size, "a working size", LEAST_SIDE, whole=True)
    return tuple(sorted(int(size) for size in sizes or [working_size]))


def fit_working_size(size: Tensor, working_size: Tensor | int) -> Tensor:
    """Return the size at which a network sees a photo: constant area, the photo's aspect.

    Args:
        size: integers (2,), height and width of the photo in pixels.
        working_size: side of a square photo as the network sees it; or several, float64 (S, 1).

    Returns:
        int32 (2,), or (S, 2), height and width, multiples of 8 from 32 up; the aspect is kept to
        1:8 at most.
    """
    ops = namespace(size)
    size = cast(size, "float64")
    stretch = ops.clip(size / ops.flip(size), 1 / MOST_STRETCH, MOST_STRETCH)
    sides = ops.round(working_size * ops.sqrt(stretch) / ROUND_TO) * ROUND_TO
    return cast(ops.maximum(sides, LEAST_SIDE), "int32")


def find_stride(network: str) -> int:
    """Return what the sides of a network's input must be multiples of, in pixels.

    Photos are padded to it. `koala` takes multiples of 8, as working sizes are, so that its expert
    sees the whole photo and nothing else, as in training.

    Args:
        network: its name, such as `lite`.
    """
    return _OWN_STRIDES.get(network, NETWORK_STRIDE)


def run_network(
    run: Callable[[Tensor], Mapping[str, Tensor]], l: Tensor, stride: int
) -> dict[str, Tensor]:
    """Return a network's outputs for photos at their working size.

    Args:
        run: from l_norm (B, H, W, 1) in −1…1 to the outputs, (B, h, w, C) each.
        l: float32 (B, H, W), lightness in 0…100.
        stride: what the sides of the network's input must be multiples of; photos are mirrored at
            their lower and right edges to that, and the outputs cropped again.

    Returns:
        The outputs, float32 (B, h, w, C) each, of the photos alone.
    """
    ops = namespace(l)
    height, width = ops.shape(l)[1:]
    padded = normalize_l(_mirror(_mirror(l, 1, height, stride), 2, width, stride))[..., None]
    rows = ops.shape(padded)[1]
    cropped = {}
    for name, output in run(padded).items():
        factor = rows // ops.shape(output)[1]
        cropped[name] = cast(output[:, : height // factor, : width // factor], "float32")
    return cropped


def merge_outputs(outputs: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return what a network predicts of photos that it has seen at several sizes.

    Seen small, large things come out whole; seen large, small ones are found. The distributions of
    all sizes are averaged at the places of the largest, where the features are its own.

    Args:
        outputs: of a photo at each size, the largest last, (h, w, C) each; or of several photos,
            (B, h, w, C).

    Returns:
        The outputs, of the largest size's shapes: `logits` are logarithms of mean probabilities,
        `ab_norm` is the mean.
    """
    merged = dict(outputs[-1])
    if len(outputs) > 1:
        name = name_color_output(merged)
        grid = namespace(merged[name]).shape(merged[name])[-3:-1]
        shares = [prepare_merging(each[name], name, grid) for each in outputs]
        merged[name] = finish_merging(sum(shares[:-1], shares[-1]), name, len(outputs))
    return merged


def name_color_output(outputs: Iterable[str]) -> str:
    """Return which of a network's outputs, by their names, says what colors there are."""
    return "logits" if "logits" in outputs else "ab_norm"


def prepare_merging(output: Tensor, name: str, grid: Sequence[Any] | None = None) -> Tensor:
    """Return what is added of one size's output, see `merge_outputs`.

    Args:
        output: (B, h, w, C).
        name: see `name_color_output`.
        grid: height and width of the largest size's output; None of that itself.
    """
    share = softmax(output) if name == "logits" else output
    return share if grid is None else resize(share, *grid)


def finish_merging(total: Tensor, name: str, count: Tensor | int) -> Tensor:
    """Return the merged output of the sum of what `prepare_merging` returned of each size."""
    mean = total / count
    return namespace(mean).log(mean + _FAINT) if name == "logits" else mean


def _mirror(x: Tensor, axis: int, side: Tensor | int, stride: int) -> Tensor:
    """Return x with one side mirrored at its end up to the next multiple of the stride."""
    ops = namespace(x)
    places = arange(side + -side % stride, x)
    return ops.take(x, ops.minimum(places, 2 * (side - 1) - places), axis=axis)
