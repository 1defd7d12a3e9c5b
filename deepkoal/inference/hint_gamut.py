"""Colors that a hint asks for and its place cannot show: at a photo's lightness sRGB has fewer."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from deepkoal.color import rgb_to_lab
from deepkoal.hints import AnyHint, Region, check_hints, check_kind, place_points
from deepkoal.inference.prediction import Prediction
from deepkoal.rendering.composition import compose_rgb

TOLERANCE = 10.0
"""Distance, in ab units, from which another color is shown than the one asked for."""


def list_unshowable(prediction: Prediction, hints: Iterable[AnyHint]) -> list[tuple[AnyHint, str]]:
    """Return the hints whose color sRGB cannot show at their places' lightness.

    Args:
        prediction: of the photo.
        hints: on it. Of a stroke or region the middle lightness of its corners counts.

    Returns:
        Each such hint with the nearest color that is shown instead, of the same hue: `#rrggbb`.

    Raises:
        DeepkoalError: a hint lies outside the photo, or is none.
    """
    given = check_kind(hints)
    height, width = prediction.l.shape
    check_hints(given, height, width)
    found = []
    for hint in given:
        if hint.is_own:
            continue
        l = np.full((1, 1), _find_lightness(prediction, hint), np.float32)
        shown = compose_rgb(l, hint.ab[None, None])[0, 0]
        ab = rgb_to_lab(shown.astype(np.float32) / 255)[1:]
        if np.linalg.norm(ab - hint.ab) > TOLERANCE:
            found.append((hint, "#{:02x}{:02x}{:02x}".format(*shown)))
    return found


def _find_lightness(prediction: Prediction, hint: AnyHint) -> float:
    height, width = prediction.l.shape
    if isinstance(hint, Region) and hint.mask is not None:
        rows, columns = np.nonzero(hint.mask)
        scale = np.array([width, height]) / hint.mask.shape[::-1]
        points = np.stack([columns, rows], axis=1) * scale
    else:
        points = np.array(place_points(hint, height, width))
    x, y = np.clip(points, 0, (width - 1, height - 1)).astype(int).T
    return float(np.median(prediction.l[y, x]))
