"""How one set of weights is read: what a preset knows beside its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deepkoal.guidance.affinity import Kernel


@dataclass(frozen=True, eq=False)
class Reading:
    """The constants of every reading of a network's outputs.

    Attributes:
        temperature: of the annealed mean (networks that output a distribution).
        gain: factor on the vibrance that users give, so that at vibrance 1 photos are as colorful
            as real ones are on average.
        faithful_vibrance: the vibrance, as users give it, that comes nearest to the true colors
            (highest PSNR on validation photos): paler than real photos, as every mean is.
        kernel: the affinity that hints spread by.
        prior: float (Q,), share of each ab bin among the training pixels; None where unknown.
    """

    temperature: float = 0.38
    gain: float = 1.0
    faithful_vibrance: float = 1.0
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
