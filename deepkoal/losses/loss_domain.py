"""What a loss looks at: of one output of a network there are three forms."""

from __future__ import annotations

import enum
from typing import Protocol

from deepkoal.color import Tensor


class LossDomain(enum.Enum):
    """The form in which a loss wants truth and prediction.

    Attributes:
        LOGITS: ab (B, h, w, 2) in ab units; and logits (B, h, w, Q) over `color.ab_bins()`.
        AB: ab (B, h, w, 2) in ab units, both; of a distribution the annealed mean.
        PICTURE: Lab (B, H, W, 3) at the photo's size, both, with the photo's own lightness. The
            truth's ab is as coarse as the network's, so that sharpness gives neither
            away.
    """

    LOGITS = "logits"
    AB = "ab"
    PICTURE = "picture"


class ColorLoss(Protocol):
    """A `keras.losses.Loss` that says what it looks at."""

    domain: LossDomain
    name: str

    def __call__(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the scalar loss."""
        ...
