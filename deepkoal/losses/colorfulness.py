"""A loss that asks for color, whichever it is."""

from __future__ import annotations

import keras

from deepkoal.color import Tensor, colorfulness, lab_to_rgb
from deepkoal.losses.loss_domain import LossDomain


@keras.saving.register_keras_serializable(package="deepkoal")
class ColorfulnessLoss(keras.losses.Loss):
    """One minus a hundredth of the colorfulness (Hasler & Süsstrunk 2003), as in DDColor.

    DDColor (arXiv 2212.11613), section 3.4. It knows no truth: alone it makes photos garish.
    `y_true` and `y_pred` are Lab pictures (B, H, W, 3).
    """

    domain = LossDomain.PICTURE

    def __init__(self, name: str = "colorfulness") -> None:
        super().__init__(name=name)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each picture, (B,)."""
        return 1 - colorfulness(255 * lab_to_rgb(y_pred)) / 100

    def get_config(self) -> dict[str, object]:
        """Return what rebuilds the loss."""
        return {"name": self.name}
