"""How colorful a photo is."""

from __future__ import annotations

import numpy as np

from deepkoal.arrays import Tensor, namespace


def colorfulness(rgb: Tensor) -> Tensor:
    """Measure colorfulness after Hasler & Süsstrunk 2003, with signed opponent channels.

    Args:
        rgb: (..., H, W, 3), 0…255.

    Returns:
        float (...): 0 for grey, about 15 slightly, 45 quite, 80 and more highly colorful.
    """
    ops = namespace(rgb)
    rgb = rgb.astype("float32") if ops is np else ops.cast(rgb, "float32")
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    rg = red - green
    yb = 0.5 * (red + green) - blue
    spread = ops.var(rg, axis=(-2, -1)) + ops.var(yb, axis=(-2, -1))
    center = ops.mean(rg, axis=(-2, -1)) ** 2 + ops.mean(yb, axis=(-2, -1)) ** 2
    return _root(spread) + 0.3 * _root(center)


def _root(x: Tensor) -> Tensor:
    """Return the square root; its slope at 0, which has no end, is taken as 0."""
    ops, tiny = namespace(x), 1e-12
    return ops.where(x > tiny, ops.sqrt(ops.maximum(x, tiny)), 0 * x)
