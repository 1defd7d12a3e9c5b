"""A reference photo: like things take its colors."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import namespace
from deepkoal.color import Tensor, rgb_to_lab
from deepkoal.errors import DeepkoalError
from deepkoal.guidance.affinity import AffinityPoints, Kernel
from deepkoal.rendering.upsampling import resize_for_network

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]

REFERENCE_KERNEL = Kernel(features=(0.3,), lightness=(15.0,), position=(math.inf,), weights=(1.0,))
"""Narrower than for hints, of which there are few; `benchmarks/guidance.py` compares widths."""

DAMPING = 5e-4
"""Share of the reference photo that needs to be alike for half of its color to be taken over."""

DISAGREEMENT = 20.0
"""Deviation among the colors of what is alike, in ab units, at which half of their mean counts."""

_COLORED = 5.0  # chroma above what a scanner or JPEG leaves in a grey photo
_ENOUGH = 1e-3
_FINER = 4


def pull_to_reference(
    ab: Tensor,
    points: AffinityPoints,
    reference_places: AffinityPoints,
    reference_ab: Tensor,
    kernel: Kernel = REFERENCE_KERNEL,
    strength: Tensor | float = 1.0,
) -> Tensor:
    """Let the places of a photo take the colors that like places have in another photo.

    ab + c · (m − ab), where m is the mean of the reference's ab weighted by affinity
    (Nadaraya 1964; Watson 1964), and c = s / (s + `DAMPING`) · d² / (d² + v): s is the mean
    affinity, v the variance about m of the colors it is made of and d `DISAGREEMENT`. So what
    has no counterpart in the reference, or several that disagree, keeps its color.

    Args:
        ab: (..., N, 2), the predicted ab in CIE Lab units.
        points: N of them.
        reference_places: K of them; their position does not count.
        reference_ab: (..., K, 2), true ab at these places, see `measure_ab`.
        kernel: how alike two places are.
        strength: factor on c, which stays at 1 at most; 0 leaves ab as it is.

    Returns:
        (..., N, 2) in CIE Lab units.
    """
    mean, trust = match_reference(points, reference_places, reference_ab, kernel)
    ops = namespace(ab)
    return ab + ops.minimum(strength * trust, 1.0) * (mean - ab)


def match_reference(
    points: AffinityPoints,
    reference_places: AffinityPoints,
    reference_ab: Tensor,
    kernel: Kernel = REFERENCE_KERNEL,
) -> tuple[Tensor, Tensor]:
    """Find the colors that like places have in another photo: all that does not depend on ab.

    Args:
        points: N of them.
        reference_places: K of them, see `pull_to_reference`.
        reference_ab: (..., K, 2), likewise.
        kernel: how alike two places are.

    Returns:
        m (..., N, 2) in CIE Lab units and c (..., N, 1) at strength 1, see `pull_to_reference`.
    """
    ops = namespace(reference_ab)
    affinity = kernel.compare(points, reference_places, near=False)
    total = ops.sum(affinity, axis=-1, keepdims=True)
    weights = affinity / ops.maximum(total, 1e-12)
    mean = ops.matmul(weights, reference_ab)
    square = ops.sum(reference_ab * reference_ab, axis=-1, keepdims=True)
    variance = ops.matmul(weights, square) - ops.sum(mean * mean, axis=-1, keepdims=True)
    alike = ops.mean(affinity, axis=-1, keepdims=True)
    trust = alike / (alike + DAMPING)
    return mean, trust * DISAGREEMENT**2 / (DISAGREEMENT**2 + ops.maximum(variance, 0.0))


def measure_ab(rgb: ByteArray, height: int, width: int) -> FloatArray:
    """Measure a color photo's ab, averaged to a coarse grid.

    Args:
        rgb: uint8 (H, W, 3) sRGB.
        height: of the grid.
        width: likewise.

    Returns:
        float32 (height, width, 2) in CIE Lab units.

    Raises:
        DeepkoalError: the array is no color photo, or has no colors.
    """
    if (
        not isinstance(rgb, np.ndarray)
        or rgb.dtype != np.uint8
        or rgb.ndim != 3
        or rgb.shape[2] != 3
        or 0 in rgb.shape
    ):
        got = f"{rgb.dtype} {rgb.shape}" if isinstance(rgb, np.ndarray) else type(rgb).__name__
        raise DeepkoalError(
            f"expected a color photo as uint8 (H, W, 3), got {got}; deepkoal.read_image gives "
            "such an array"
        )
    # Averaged in two steps, so that a large photo is never held in floating point.
    rows, columns = min(rgb.shape[0], _FINER * height), min(rgb.shape[1], _FINER * width)
    small = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA)
    ab = np.ascontiguousarray(rgb_to_lab(small.astype(np.float32) / 255)[..., 1:])
    if np.mean(np.hypot(ab[..., 0], ab[..., 1]) > _COLORED) < _ENOUGH:
        raise DeepkoalError(
            "expected a photo with colors to take them from, got one in shades of grey; "
            "choose a color photo"
        )
    return resize_for_network(ab, height, width)
