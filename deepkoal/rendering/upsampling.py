"""Carries coarse ab chroma to a photo's full size, so that colors stop at the edges of L.

The model is the guided filter's: around each place ab is a linear function of L. It is fitted on
the coarse grid and evaluated at full size, which makes it the fast guided filter (He and Sun 2015,
arXiv 1505.00996) with one change. The original smooths ab itself by two box means, on top of the
averaging that made it coarse; here only the slope is smoothed, and it adds what a coarse cell
cannot hold: ab = ab_coarse + slope * (L - L_coarse). So the prediction keeps its means, small
colored things stay colored, and where L is flat the result is plain bilinear interpolation.

A field is this function at every grid point, float (..., h, w, 4): slope of a, slope of b (ab units
per L unit), offset of a, offset of b (ab units), over the whole photo; between grid points they are
bilinear with half-pixel centers. Written once for NumPy arrays and backend tensors.
"""

from __future__ import annotations

from deepkoal.arrays import Tensor, arange, cast, namespace
from deepkoal.rendering.resampling import box_filter, resize

RADIUS = 1
"""Half side of the fitting window, in cells of the coarse chroma."""
EPSILON = 60.0
"""Variance of L between cells, in squared L units, at which the slope is halved. Less draws edges
of color harder and takes more texture and grain of L for color."""

RIDGE = 1.5e-3
"""Share of what two places have in common that is left out, so that unlike colors a fraction of a
cell apart do not throw the cells around them far beyond both. Less meets both nearer."""


def fit_chroma(
    l_guide: Tensor, ab: Tensor, radius: int = RADIUS, epsilon: float = EPSILON
) -> Tensor:
    """Return the field that fits ab = slope * L + offset around each coarse cell.

    The slope is cov(L, ab) / (var(L) + epsilon) over a square window, averaged over the same
    window: equations 5 and 8 of He, Sun and Tang, "Guided image filtering", 2013. The offset is
    ab - slope * L of the cell itself.

    Args:
        l_guide: float32 (H, W), the photo's L in 0…100 at any size; it is resized to that of ab.
        ab: float32 (..., h, w, 2), coarse chroma of the whole photo in CIE Lab units.
        radius: the window reaches this many cells to each side of its center, at least 1.
        epsilon: in squared L units, see `EPSILON`.

    Returns:
        float32 (..., h, w, 4).
    """
    ops = namespace(ab)
    size = ops.shape(ab)[-3:-1]
    l, mean = resize(l_guide, *size)[..., None], box_filter(size, radius, ab)
    l_mean = mean(l)
    variance = ops.maximum(mean(l * l) - l_mean * l_mean, 0)
    covariance = mean(l * ab) - l_mean * mean(ab)
    slope = mean(covariance / (variance + epsilon))
    return ops.concatenate([slope, ab - slope * l], axis=-1)


def touch_chroma(field: Tensor, places: Tensor, l: Tensor, ab: Tensor) -> Tensor:
    """Return a field that gives just these ab at their places, and the same two cells away.

    Places a third of a cell apart are met within about 2 ab units, of ones nearer yet each gives
    way to the other, see `RIDGE`.

    Args:
        field: float32 (h, w, 4), see above.
        places: float32 (K, 2), as shares of the photo's height and width, 0…1.
        l: float32 (K,), the photo's L there, 0…100.
        ab: float32 (K, 2), in CIE Lab units.

    Returns:
        float32 (h, w, 4).
    """
    ops = namespace(field)
    (height, width), count = ops.shape(field)[:2], ops.shape(places)[0]
    down, across = _weigh(places[:, 0], height), _weigh(places[:, 1], width)
    lines = ops.matmul(down, ops.reshape(field, (height, 4 * width)))
    lines = ops.reshape(lines, (count, width, 4))
    here = ops.sum(across[..., None] * lines, axis=1)
    missing = ab - (here[:, :2] * l[:, None] + here[:, 2:])
    # All at once: the least change of the cells that their interpolation turns into all that is
    # missing. Each is told the others' parts a little smaller, which a place by itself needs not.
    shared = ops.matmul(down, ops.transpose(down)) * ops.matmul(across, ops.transpose(across))
    order = arange(count, field)
    change = ops.linalg.solve(ops.where(order == order[:, None], 1.0, 1 - RIDGE) * shared, missing)
    added = [
        ops.matmul(ops.transpose(down), across * change[:, part : part + 1]) for part in (0, 1)
    ]
    return ops.concatenate([field[..., :2], field[..., 2:] + ops.stack(added, axis=-1)], axis=-1)


def find_pixels(points: Tensor, l: Tensor) -> tuple[Tensor, Tensor]:
    """Return where the pixels lie that points fall on, and how light they are.

    Args:
        points: (K, 2), x and y in pixels from the photo's upper left corner, inside it.
        l: float32 (H, W), the photo's L in 0…100.

    Returns:
        float32 (K, 2), the pixels' middles as shares of height and width; float32 (K,), their L.
    """
    ops = namespace(l)
    size = ops.stack(ops.shape(l))
    pixels = ops.minimum(cast(points[:, ::-1], "int32"), size - 1)
    flat = ops.reshape(l, (-1,))
    known = ops.take(flat, pixels[:, 0] * size[1] + pixels[:, 1], axis=0)
    return (cast(pixels, "float32") + 0.5) / cast(size, "float32"), known


def _weigh(shares: Tensor, count: Tensor | int) -> Tensor:
    """Return each cell's part in the interpolation at places along one side, float32 (K, count).

    Args:
        shares: float32 (K,), of the photo's side, 0…1.
        count: of cells.
    """
    ops = namespace(shares)
    cells = cast(arange(count, shares), "float32")
    center = ops.clip(shares[:, None] * (cells[-1] + 1) - 0.5, 0, cells[-1])
    return ops.maximum(1 - ops.abs(cells - center), 0)
