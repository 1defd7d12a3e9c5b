"""How a network's outputs are decoded: what a preset knows beside its weights."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

from deepkoal.affinity import Kernel
from deepkoal.arrays import FloatArray
from deepkoal.color import Tensor, decode_ab, denormalize_ab
from deepkoal.errors import DeepkoalError
from deepkoal.short_repr import short_repr

VIBRANCE_RANGE = (0.2, 5.0)

_FORMER_NAMES = {"faithful_vibrance": "psnr_optimal_vibrance"}  # in runs of version 0.1


@short_repr
@dataclass(frozen=True, eq=False)
class DecodingConfig:
    """The constants of every decoding of a network's outputs.

    Attributes:
        temperature: of the annealed mean (networks that output a distribution).
        chroma_penalty: see `color.decode_ab`.
        gain: factor on the vibrance that users give, so that 1 looks natural. `calibrate` makes
            photos as colorful as real ones are on average; koala-lite's is 0.8 of that,
            where old photos show fewer of its errors (see its recipe).
        psnr_optimal_vibrance: the vibrance, as users give it, that comes nearest to the true colors
            (highest PSNR on validation photos): paler than real photos, as every mean is.
        kernel: the affinity that hints spread by.
        prior: float (Q,), share of each ab bin among the training pixels; None where unknown.
    """

    temperature: float = 0.38
    chroma_penalty: float = 0.0
    gain: float = 1.0
    psnr_optimal_vibrance: float = 1.0
    kernel: Kernel = field(default_factory=Kernel)
    prior: FloatArray | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the decoding that `to_config` described.

        Raises:
            TypeError, ValueError: it is something else.
        """
        settings = {_FORMER_NAMES.get(name, name): value for name, value in config.items()}
        if "kernel" in settings:
            settings["kernel"] = Kernel(**settings["kernel"])
        if settings.get("prior") is not None:
            settings["prior"] = np.asarray(settings["prior"], np.float32)
        return cls(**settings)

    def to_config(self) -> dict[str, Any]:
        """Return what `from_config` rebuilds the decoding from, as JSON can hold it."""
        prior = None if self.prior is None else self.prior.tolist()
        return {**asdict(self), "prior": prior}


def check_vibrance(vibrance: Any) -> float:
    """Return the vibrance, if it is one.

    Raises:
        DeepkoalError: it is no number in 0.2…5.
    """
    low, high = VIBRANCE_RANGE
    is_number = isinstance(vibrance, numbers.Real) and not isinstance(vibrance, bool)
    if not is_number or not low <= vibrance <= high:
        raise DeepkoalError(
            f"vibrance must lie in {low:g}…{high:g} (1 is neutral), not {vibrance!r}"
        )
    return float(vibrance)


def decode_outputs(
    outputs: Mapping[str, Tensor], decoding: DecodingConfig, vibrance: Tensor | float = 1.0
) -> Tensor:
    """Return the chroma that a network's outputs mean, at a vibrance.

    The one way from outputs to ab, in training as in inference: of a distribution (`logits`) the
    annealed mean, see `color.decode_ab`; of a regression (`ab_norm`) ab itself; times gain and
    vibrance. Vibrance is a plain factor: a distribution that it also sharpened would bring out
    blotches of its likeliest colors.

    Args:
        outputs: `logits` (..., h, w, Q) or `ab_norm` (..., h, w, 2) in −1…1; others are ignored.
        decoding: gives temperature, penalty and gain.
        vibrance: as users give it, 0.2…5; must broadcast with (..., h, w, 1).

    Returns:
        ab (..., h, w, 2) in CIE Lab units.
    """
    if "logits" in outputs:
        ab = decode_ab(outputs["logits"], decoding.temperature, decoding.chroma_penalty)
    else:
        ab = denormalize_ab(outputs["ab_norm"])
    return ab * (decoding.gain * vibrance)
