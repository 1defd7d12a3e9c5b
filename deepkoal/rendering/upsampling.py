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

from deepkoal.arrays import Tensor, arange, cast, fold, namespace
from deepkoal.rendering.resampling import box_filter, resize

RADIUS = 1
"""Half side of the fitting window, in cells of the coarse chroma."""
EPSILON = 60.0
"""Variance of L between cells, in squared L units, at which the slope is halved. Less draws edges
of color harder and takes more texture and grain of L for color."""


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

    One place after another: of two within a cell the later one is met exactly.

    Args:
        field: float32 (h, w, 4), see above.
        places: float32 (K, 2), as shares of the photo's height and width, 0…1.
        l: float32 (K,), the photo's L there, 0…100.
        ab: float32 (K, 2), in CIE Lab units.

    Returns:
        float32 (h, w, 4).
    """
    return fold(
        lambda field, number: _bend(field, places[number], l[number], ab[number]),
        field,
        namespace(field).shape(places)[0],
    )


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


def _bend(field: Tensor, place: Tensor, l: Tensor, ab: Tensor) -> Tensor:
    """Bend a field (h, w, 4) so that it gives ab (2,) at one place, where lightness is l.

    It is the least change of the four cells around the place that their interpolation turns into
    what is missing. The place is given as shares of the photo, down and right, 0…1.
    """
    ops = namespace(field)

    def weigh(share: Tensor, count: Tensor | int) -> Tensor:
        """Return each cell's part in the interpolation, (n,), along one side."""
        cells = cast(arange(count, field), "float32")
        center = ops.clip(share * (cells[-1] + 1) - 0.5, 0, cells[-1])
        return ops.maximum(1 - ops.abs(cells - center), 0)

    height, width = ops.shape(field)[:2]
    shares = (weigh(place[0], height)[:, None] * weigh(place[1], width))[..., None]
    here = ops.sum(shares * field, axis=(0, 1))
    change = shares / ops.sum(shares * shares) * (ab - (here[:2] * l + here[2:]))
    return ops.concatenate([field[..., :2], field[..., 2:] + change], axis=-1)
