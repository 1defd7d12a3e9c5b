"""How one set of weights is read: what a preset knows beside its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deepkoal.color import Tensor, decode_ab, denormalize_ab
from deepkoal.errors import DeepkoalError
from deepkoal.guidance.affinity import Kernel

VIBRANCE_RANGE = (0.2, 5.0)


@dataclass(frozen=True, eq=False)
class DecodingConfig:
    """The constants of every reading of a network's outputs.

    Attributes:
        temperature: of the annealed mean (networks that output a distribution).
        gain: factor on the vibrance that users give, so that at vibrance 1 photos are as colorful
            as real ones are on average.
        psnr_optimal_vibrance: the vibrance, as users give it, that comes nearest to the true colors
            (highest PSNR on validation photos): paler than real photos, as every mean is.
        kernel: the affinity that hints spread by.
        prior: float (Q,), share of each ab bin among the training pixels; None where unknown.
    """

    temperature: float = 0.38
    gain: float = 1.0
    psnr_optimal_vibrance: float = 1.0
    kernel: Kernel = field(default_factory=Kernel)
    prior: NDArray[np.float32] | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make a reading of what `to_config` returned.

        Raises:
            TypeError, ValueError: it is something else.
        """
        settings = dict(config)
        if "kernel" in settings:
            settings["kernel"] = Kernel(**settings["kernel"])
        if settings.get("prior") is not None:
            settings["prior"] = np.asarray(settings["prior"], np.float32)
        return cls(**settings)

    def to_config(self) -> dict[str, Any]:
        """Return what `from_config` makes the same reading of; `json` takes it."""
        prior = None if self.prior is None else self.prior.tolist()
        return {**asdict(self), "prior": prior}


def check_vibrance(vibrance: float) -> float:
    """Return the vibrance, if it is one.

    Raises:
        DeepkoalError: it is no number in 0.2…5.
    """
    low, high = VIBRANCE_RANGE
    if not low <= vibrance <= high:
        raise DeepkoalError(f"vibrance must lie in {low:g}…{high:g} (1 is neutral), not {vibrance}")
    return vibrance


def read_ab(outputs: Mapping[str, Tensor], temperature: float, vibrance: Tensor | float) -> Tensor:
    """Read chroma off a network's outputs.

    From a distribution (`logits`): its annealed mean (Zhang et al. 2016, eq. 5) at temperature /
    vibrance, times vibrance: sharper and stronger, because sharpening alone ends at the mode,
    which is paler than photographs are. From a regression (`ab_norm`): ab times vibrance.

    Args:
        outputs: `logits` (..., h, w, Q) or `ab_norm` (..., h, w, 2) in −1…1.
        temperature: of the annealed mean at vibrance 1.
        vibrance: 0.2…5.

    Returns:
        ab (..., h, w, 2) in CIE Lab units.
    """
    if "logits" in outputs:
        return decode_ab(outputs["logits"], temperature / vibrance) * vibrance
    return denormalize_ab(outputs["ab_norm"]) * vibrance
