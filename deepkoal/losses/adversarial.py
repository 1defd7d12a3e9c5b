"""Both sides of a game between a network and a discriminator of true and colored photos."""

from __future__ import annotations

from typing import Literal

import keras
from keras import ops

from deepkoal.color import Tensor, normalize_ab, normalize_l
from deepkoal.losses.loss_domain import LossDomain

Kind = Literal["hinge", "vanilla"]


class AdversarialLoss(keras.losses.Loss):
    """A network's and a discriminator's losses in one scalar, which plain `fit` lowers.

    The network's part sees the discriminator's weights as constants, the discriminator's part sees
    the colored picture as a constant: one gradient of the sum is that of each side by itself,
    taken at the same moment. With an optimizer that does not care for scale, as Adam, the weight
    of the loss acts on the network alone.

    - `vanilla`: Goodfellow et al. 2014 (arXiv 1406.2661), the network's part non-saturating, the
      discriminator's halved as in Pix2Pix (arXiv 1611.07004, section 3.3).
    - `hinge`: Lim & Ye 2017 (arXiv 1705.02894).

    `y_true` and `y_pred` are Lab pictures (B, H, W, 3).

    Args:
        discriminator: from a picture, l_norm and ab_norm (B, H, W, 3), to scores (B, h, w, 1),
            high where it takes it for true; see `models.patch_discriminator`. Trained along.
        kind: `hinge` or `vanilla`.
    """

    domain = LossDomain.PICTURE

    def __init__(
        self, discriminator: keras.Model, kind: Kind = "hinge", name: str = "adversarial"
    ) -> None:
        super().__init__(name=name)
        self.discriminator = discriminator
        self.kind = kind

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each picture, (B,)."""
        true, colored = _to_network_units(y_true), _to_network_units(y_pred)
        fooled = self._score_by_constants(colored)
        on_true, on_colored = (
            self.discriminator(true),
            self.discriminator(ops.stop_gradient(colored)),
        )
        if self.kind == "hinge":
            network = -fooled
            discriminator = [ops.relu(1 - on_true), ops.relu(1 + on_colored)]
        else:
            network = ops.softplus(-fooled)
            discriminator = [ops.softplus(-on_true) / 2, ops.softplus(on_colored) / 2]
        return sum(ops.mean(part, axis=(1, 2, 3)) for part in (network, *discriminator))

    def _score_by_constants(self, pictures: Tensor) -> Tensor:
        scores, _ = self.discriminator.stateless_call(
            [
                ops.stop_gradient(variable.value)
                for variable in self.discriminator.trainable_variables
            ],
            [variable.value for variable in self.discriminator.non_trainable_variables],
            pictures,
        )
        return scores


def _to_network_units(lab: Tensor) -> Tensor:
    return ops.concatenate([normalize_l(lab[..., :1]), normalize_ab(lab[..., 1:])], axis=-1)
