"""What of a photo is there to be colored: the print's inside, and whether anything is to be seen.

Written once for NumPy arrays and backend tensors.
"""

from __future__ import annotations

from deepkoal.arrays import Tensor, arange, cast, constant, namespace, settle
from deepkoal.rendering.resampling import fit_grid, resize
from deepkoal.traced_once import traced_once

LOOKED_AT = 256
"""Side in pixels, at most, at which a photo is searched for a border."""
PLAIN = 2.5
"""L by which a line of a border may deviate, and its mean from the outermost line's."""
PAPER, INK = 90.0, 10.0
"""L from which, and up to which, a border need not lie around the whole photo."""
MOST = 0.9
"""Share of a side that two opposite borders may take."""
RIM = 0.08
"""Share of a side that a border at a single edge may take: more is a white sky."""
OLD_PAPER = 80.0
"""L from which a border may be written on up to its outermost line at one of the four edges."""
FRAME = 5.0
"""L by which a border may differ from edge to edge, and slope along one."""
NEAR = 6.0
"""L by which stained paper may differ from the outermost line's."""
SHARP = 8.0
"""L by which one of a photo's first lines must differ from its border: a pale sky and a pavement go
on where a border ends."""
FIRST = 5
"""Lines of the photo that are looked at for it."""
MOSTLY, SURELY = 0.5, 0.85
"""Shares of a line that are border where something is written on it, and at the last line."""
BRIDGED = 2
"""Lines between, at `LOOKED_AT`, that need be nothing."""
ROUNDS = 5
"""A print may have a rim within its border, and lie on a scanner's bed."""

GRID = 12
"""Large things are what differs among means over 12×12 blocks of a square photo."""
STRUCTURE = (3.5, 5.5)
"""Deviation of these means, in L, at which nothing and all of the chroma is shown."""
REPEATED = (0.3, 0.45)
"""Share of it that is left in blocks of twice the side, at which nothing and all is shown.

A pattern that repeats, such as a checkerboard, averages out: what the blocks show is their moiré.
So do portraits in rows, of many tones, which are to be seen: this is for what has but two.
"""
TONES = (1.36, 1.5)
"""Kurtosis less squared skewness of L, up to which it has two tones, and from which it has more.

Never below 1 (Pearson 1916), which two tones alone attain; checkerboards whose squares are seen
have at most 1.34, and scikit-image's photos in rows 1.56 and more.
"""


def find_border(l: Tensor) -> Tensor:
    """Return what a plain border leaves of a photo.

    From each edge inward, lines belong to a border whose L deviates by less than `PLAIN` and whose
    mean is as near to the outermost line's; where they end another tone begins, or they are no more
    than at the other edges. White and black lines count; of any other tone only if all four edges
    have it alike, as a clear sky is plain too; at one edge alone, a rim only.

    Args:
        l: float32 (H, W), lightness in 0…100.

    Returns:
        float32 (4,): where the inside begins and ends down, then across, as shares of height and
        width; 0, 1, 0, 1 where there is no border.
    """
    ops = namespace(l)
    size = ops.shape(l)
    rows, columns = (ops.minimum(side, LOOKED_AT) for side in size)
    part = resize(l, rows, columns)
    whole = cast(ops.stack([rows * 0, rows, columns * 0, columns]), "int32")
    inward = constant([1, -1, 1, -1], whole)

    def narrow(edges: Tensor) -> Tensor:
        top, bottom, left, right = (edges[number] for number in range(4))
        lengths = ops.stack([bottom - top, bottom - top, right - left, right - left])
        counts = _count_border_lines(part[top:bottom, left:right], cast(lengths, "float32"))
        return edges + inward * counts

    edges = cast(settle(narrow, whole, ROUNDS), "float32")
    return edges / cast(ops.stack([rows, rows, columns, columns]), "float32")


def find_box(l: Tensor) -> tuple[slice, slice]:
    """Return the rows and columns that a border leaves of lightness (H, W), see `find_border`.

    For NumPy arrays: a graph has no slices.
    """
    height, width = l.shape
    top, bottom, left, right = find_border(l) * [height, height, width, width]
    return slice(round(top), round(bottom)), slice(round(left), round(right))


def _count_border_lines(l: Tensor, lengths: Tensor) -> Tensor:
    """Return how many lines at the top, bottom, left and right are a border, integers (4,)."""
    ops = namespace(l)
    seen = [(lines, *_measure_lines(lines)) for lines in (l, ops.transpose(l))]
    turned = [tuple(ops.flip(part, axis=0) for part in each) for each in seen]
    views, means, flat = zip(seen[0], turned[0], seen[1], turned[1], strict=True)
    tone = ops.stack([mean[0] for mean in means])
    begun = ops.stack([lines[0] for lines in flat])
    found = ops.stack(
        [
            _count_first((ops.abs(mean - mean[0]) < PLAIN) & lines)
            for mean, lines in zip(means, flat, strict=True)
        ]
    )
    weights = cast(begun, "float32")
    paper = ops.sum(tone * weights) / ops.maximum(ops.sum(weights), 1)
    alike = begun & (ops.abs(tone - paper) < FRAME)
    on_paper = (paper >= OLD_PAPER) | (paper <= INK)
    framed = ops.all(alike) | ((ops.sum(cast(alike, "int32")) >= 3) & on_paper)
    extreme = (tone >= PAPER) | (tone <= INK)
    paired = alike & extreme & ops.stack([alike[1], alike[0], alike[3], alike[2]])
    found = ops.where(framed | extreme, found, 0)
    tones = ops.where(begun, tone, paper)
    reached = ops.stack(
        [
            _count_written(lines, mean, plain, tones[edge])
            for edge, (lines, mean, plain) in enumerate(zip(views, means, flat, strict=True))
        ]
    )
    found = ops.where(framed | paired, ops.maximum(found, reached), found)
    ends = ops.stack(
        [_ends_sharply(lines, found[edge], tones[edge]) for edge, lines in enumerate(views)]
    )
    found = ops.where(ends, found, ops.minimum(found, ops.max(ops.where(ends, found, 0))))
    share = cast(found, "float32") / lengths
    alone = ops.sum(cast(found > 0, "int32")) == 1
    too_much = (share[0] + share[1] >= MOST) | (share[2] + share[3] >= MOST)
    found = ops.where((alone & (share > RIM)) | too_much, 0, found)
    return cast(found, "int32")


def _measure_lines(l: Tensor) -> tuple[Tensor, Tensor]:
    """Return each line's mean, and whether it deviates little from a straight slope."""
    ops = namespace(l)
    x = _center(ops.shape(l)[1], l)
    mean = ops.mean(l, axis=1)
    slope = ops.mean(l * x, axis=1) / ops.mean(x * x)
    rest = l - mean[:, None] - slope[:, None] * x
    return mean, (ops.std(rest, axis=1) < PLAIN) & (ops.abs(slope) < FRAME)


def _count_written(l: Tensor, mean: Tensor, plain: Tensor, tone: Tensor) -> Tensor:
    """Return how many lines reach to the last one that is border behind what is written on it.

    A caption, a stamp, a film's perforation, a deckled edge: of each line most is of the border's
    tone, or as light or dark as paper and ink are; two lines between, such as one drawn around
    the photo, may be anything.
    """
    ops = namespace(l)
    is_border = (ops.abs(l - tone) < NEAR) | (l >= PAPER) | (l <= INK)
    share = ops.mean(cast(is_border, "float32"), axis=1)
    plain = plain & ((ops.abs(mean - tone) < NEAR) | (mean >= PAPER) | (mean <= INK))
    sure = plain | (share >= SURELY)
    places = arange(ops.shape(l)[0], l)
    likely = sure | (share >= MOSTLY)
    for _ in range(BRIDGED):
        likely = likely | ops.take(likely, ops.maximum(places - 1, 0), axis=0)
    run = cast(ops.cumprod(cast(likely, "int32"), axis=0), "bool") & sure
    return ops.max(cast(run, "int32") * (places + 1))


def _ends_sharply(l: Tensor, count: Tensor, tone: Tensor) -> Tensor:
    """Return whether what follows the first lines of L is another tone than theirs, bool ()."""
    ops = namespace(l)
    apart = ops.mean(ops.abs(l - tone), axis=1)
    places = ops.minimum(count + arange(FIRST, count), ops.shape(l)[0] - 1)
    return ops.max(ops.take(apart, places, axis=0)) >= SHARP


def _count_first(true: Tensor) -> Tensor:
    ops = namespace(true)
    return ops.sum(ops.cumprod(cast(true, "int32"), axis=0))


@traced_once
def measure_structure(l: Tensor) -> Tensor:
    """Return how much of a photo there is to see, 0…1: of its large-scale structure in lightness.

    The standard deviation of the means of about 12×12 blocks from their best quadratic surface,
    which is a lamp's shade or a lens's: from nothing at `STRUCTURE[0]` to all at `STRUCTURE[1]`.
    Of flat grey it is 0, of `skimage.data.moon` 3.0, of `text` 3.4 and of `page` 3.8; of 400
    everyday photos 4.5 and more. Of these photos 0.46 and more is left in 6×6 blocks, see
    `REPEATED`; of checkerboards of 16 to 64 pixels in 512, at most 0.28, and they have two tones.

    Args:
        l: float32 (h, w), lightness in 0…100; h and w from 4 up.

    Returns:
        float32 ().
    """
    ops = namespace(l)
    deviation = _measure_deviation(l, GRID)
    low, high = STRUCTURE
    least, most = REPEATED
    left = _measure_deviation(l, GRID // 2) / ops.maximum(deviation, 1e-6)
    two, more = TONES
    structure = ops.clip((deviation - low) / (high - low), 0, 1)
    is_whole = ops.clip((left - least) / (most - least), 0, 1)
    has_tones = ops.clip((_measure_tones(l) - two) / (more - two), 0, 1)
    return structure * ops.maximum(is_whole, has_tones)


def _measure_tones(l: Tensor) -> Tensor:
    """Return kurtosis less squared skewness: 1 where there are two tones, more of more."""
    ops = namespace(l)
    rest = l - ops.mean(l)
    square = ops.maximum(ops.mean(rest**2), 1e-6)
    return ops.mean(rest**4) / square**2 - ops.mean(rest**3) ** 2 / square**3


def _measure_deviation(l: Tensor, grid: int) -> Tensor:
    """Return the standard deviation of the means of blocks from their best quadratic surface."""
    ops = namespace(l)
    rows, columns = fit_grid(l, grid)
    means = resize(l, rows, columns)
    y, x = _center(rows, l)[:, None], _center(columns, l)[None]
    y, x = y + 0 * x, x + 0 * y
    # Polynomials orthogonal on this grid, so that the best surface is a sum of projections.
    rest = means - ops.mean(means)
    for shape in (x, y, x * y, x * x - ops.mean(x * x), y * y - ops.mean(y * y)):
        rest = rest - shape * (ops.sum(rest * shape) / ops.maximum(ops.sum(shape * shape), 1e-6))
    return ops.sqrt(ops.mean(rest * rest))


def _center(count: Tensor, like: Tensor) -> Tensor:
    """Return `count` numbers evenly from −1 to 1, float32; −1 where there is but one."""
    places = cast(arange(count, like), "float32")
    # A count may be a plain number, that no array library has.
    return 2 * places / namespace(like).maximum(places[-1], 1) - 1
