"""How a photo is to be read: all kinds of guidance together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from deepkoal.guidance.affinity import Places
from deepkoal.guidance.hints import Hint
from deepkoal.guidance.palette import Palette
from deepkoal.guidance.variations import Noise

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Reference:
    """A color photo whose colors others take, see `guidance.pull_to_reference`.

    Attributes:
        places: K places, as the network sees them.
        ab: float32 (K, 2), their true ab in CIE Lab units.
    """

    places: Places
    ab: FloatArray


class Look(TypedDict, total=False):
    """How a photo is to be read: the arguments of `PreparedPhoto.read_ab`."""

    vibrance: float
    hints: Sequence[Hint]
    palette: Palette | None
    reference: Reference | None
    variation: Noise | None
    tidy: bool
