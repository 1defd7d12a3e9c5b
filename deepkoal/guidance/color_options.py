"""How a photo is to be read: all kinds of guidance together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from deepkoal.guidance.affinity import AffinityPoints
from deepkoal.guidance.hints import Hint
from deepkoal.guidance.palette import Palette
from deepkoal.guidance.variations import VariationLatents

FloatArray = NDArray[np.float32]

MOST_VARIATIONS = 16
"""Of a photo, the automatic one included, where a command or a request asks for them."""


@dataclass(frozen=True, eq=False)
class Reference:
    """A color photo whose colors others take, see `guidance.pull_to_reference`.

    Attributes:
        points: K places, as the network sees them.
        ab: float32 (K, 2), their true ab in CIE Lab units.
    """

    points: AffinityPoints
    ab: FloatArray


class ColorOptions(TypedDict, total=False):
    """How a photo is to be read: the arguments of `Prediction.read_ab`."""

    vibrance: float
    hints: Sequence[Hint]
    palette: Palette | None
    reference: Reference | None
    variation: VariationLatents | None
    cleanup: bool
