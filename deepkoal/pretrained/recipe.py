"""Recipes: how a network is trained, as data."""

from __future__ import annotations

import dataclasses
import math
import tomllib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from deepkoal.errors import RunError
from deepkoal.models import NETWORK_STRIDE

LOSSES = (
    "cross_entropy",
    "mse",
    "mae",
    "huber",
    "perceptual_lite0",
    "perceptual_vgg16",
    "adversarial_hinge",
    "adversarial_vanilla",
    "colorfulness",
)
"""What a recipe may add up, see `deepkoal.losses`."""

BEST_BY = ("loss", "psnr_at_cf")
"""What a run's best network may be chosen by."""

SCHEDULES = ("cosine", "wsd")
"""How the learning rate may fall, see `training.optimizer`."""

RENAMED = {
    "critic_filters": "discriminator_filters",
    "critic_rate": "discriminator_rate",
    "critic_steps": "discriminator_warmup",
}
"""Settings of version 0.1 and their names now."""


def rename_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's settings, those of an older version under their present names."""
    return {RENAMED.get(name, name): value for name, value in settings.items()}


_SHARES = (
    "warmup",
    "decay",
    "rebalance_mix",
    "rebalance_power",
    "encoder_rate",
    "degradation",
    "film",
)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. Every default is used where a recipe file is silent.

    Attributes:
        size: side in pixels of the square training crops, a multiple of 32.
        batch_size: photos per step.
        epochs: how many times `steps_per_epoch` steps are taken.
        steps_per_epoch: steps between two checkpoints and validations.
        losses: weight of each loss in their sum, names as in `LOSSES`. Empty: cross-entropy for a
            network with a distribution, else the mean squared error.
        learning_rate: peak rate of the schedule.
        schedule: after a linear warm-up `cosine`, a cosine to zero; or `wsd`, a stable rate that
            falls to zero over the last `decay` of all steps.
        warmup: share of all steps spent warming up, in 0…1.
        decay: share of all steps over which `wsd` falls, in 0…1; with `warmup` 1 at most.
        momentum: Adam's decay of the gradients' mean (β₁), below 1.
        weight_decay: AdamW's decoupled decay, of kernels only: biases and the scales and offsets
            of normalizations are left out of it, and so are a pretrained encoder and the
            discriminator.
        ema: decay per step of an exponential moving average of the weights, below 1, which is
            then what is validated, kept as best and returned; 0: none. Normalization statistics
            are averages anyway and stay as they are.
        encoder_rate: the pretrained encoder's learning rate as a share of the decoder's.
        rebalance_mix: share of the uniform distribution mixed into the color prior, in 0…1.
        rebalance_power: exponent of the rare colors' reweighting; 0 turns it off, 1 is
            Zhang et al. 2016 in full.
        discriminator_filters: of the first layer of what adversarial losses train along.
        discriminator_rate: its learning rate as a multiple of the network's.
        discriminator_warmup: how many steps it learns alone first, while the network stands still.
        degradation: share of the training photos whose lightness is degraded, see
            `degradation.DegradeLightness`, in 0…1.
        film: share of them that an old film recorded, see `film.FilmLightness`, in 0…1.
        best_by: what the best network is chosen by: `loss`, the lowest; or `psnr_at_cf`, the
            highest PSNR at the vibrance at which validation photos are as colorful as in truth.
        patience: after how many epochs without a better network a run stops; 0: never.
        precision: a Keras dtype policy: `float32`, `mixed_bfloat16` or `mixed_float16`.
        seed: seed of the initial weights, the photos' order and their crops.
    """

    size: int = 128
    batch_size: int = 32
    epochs: int = 10
    steps_per_epoch: int = 250
    losses: dict[str, float] = field(default_factory=dict)
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    warmup: float = 0.1
    decay: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 1e-2
    ema: float = 0.0
    encoder_rate: float = 1.0
    rebalance_mix: float = 0.5
    rebalance_power: float = 0.4
    discriminator_filters: int = 64
    discriminator_rate: float = 1.0
    discriminator_warmup: int = 0
    degradation: float = 0.0
    film: float = 0.0
    best_by: str = "loss"
    patience: int = 0
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        """Reject settings no run could use."""
        if self.size < NETWORK_STRIDE or self.size % NETWORK_STRIDE:
            raise RunError(f"size must be a multiple of {NETWORK_STRIDE}, not {self.size}")
        for name in ("batch_size", "epochs", "steps_per_epoch", "discriminator_filters"):
            if getattr(self, name) < 1:
                raise RunError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("learning_rate", "discriminator_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise RunError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in ("weight_decay", "discriminator_warmup", "patience"):
            if not 0 <= getattr(self, name) < math.inf:
                raise RunError(f"{name} must be 0 or more, not {getattr(self, name)}")
        for name, weight in self.losses.items():
            if name not in LOSSES:
                raise RunError(f"unknown loss {name!r}; known: {', '.join(LOSSES)}")
            if isinstance(weight, bool) or not isinstance(weight, int | float):
                raise RunError(f"the weight of loss {name} must be a number, not {weight!r}")
            if not 0 < weight < math.inf:
                raise RunError(f"the weight of loss {name} must be above 0, not {weight}")
        for name, choices in (("best_by", BEST_BY), ("schedule", SCHEDULES)):
            if getattr(self, name) not in choices:
                expected = " or ".join(choices)
                raise RunError(f"{name} must be {expected}, not {getattr(self, name)!r}")
        if not 0 <= self.seed < 2**32:
            raise RunError(f"seed must lie in 0…{2**32 - 1}, not {self.seed}")
        for name in ("momentum", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise RunError(f"{name} must be 0 or more and below 1, not {getattr(self, name)}")
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise RunError(f"{name} must lie in 0…1, not {getattr(self, name)}")
        if self.schedule == "wsd" and self.warmup + self.decay > 1:
            raise RunError(
                f"warmup and decay must be 1 together at most, not {self.warmup} and {self.decay}"
            )
        if self.precision not in ("float32", "mixed_bfloat16", "mixed_float16"):
            raise RunError(
                "precision must be float32, mixed_bfloat16 or mixed_float16, "
                f"not {self.precision!r}"
            )

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a recipe from a TOML file of flat `name = value` lines.

        Raises:
            RunError: the file cannot be read, is not TOML, or holds an unknown setting or one
                that no run could use.
        """
        try:
            settings = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise RunError(f"{path}: not a readable recipe ({error})") from error
        try:
            return cls().replace(**settings)
        except RunError as error:
            raise RunError(f"{path}: {error}") from error

    def replace(self, /, **settings: Any) -> Self:
        """Return a copy with the given settings changed; None leaves a setting as it is.

        Raises:
            RunError: a setting is unknown, of the wrong type or out of range.
        """
        fields = {name: type(value) for name, value in vars(self).items()}
        settings = {name: value for name, value in settings.items() if value is not None}
        former = [f"{name} ({RENAMED[name]})" for name in settings if name in RENAMED]
        if former:
            warnings.warn(
                f"recipe settings with a new name, the old of which will go: {', '.join(former)}",
                DeprecationWarning,
                stacklevel=2,
            )
        settings = rename_settings(settings)
        for name, value in settings.items():
            if name not in fields:
                raise RunError(f"unknown recipe setting {name!r}; known: {', '.join(fields)}")
            accepted = (int, float) if fields[name] is float else fields[name]
            if isinstance(value, bool) or not isinstance(value, accepted):
                raise RunError(
                    f"recipe setting {name} must be {fields[name].__name__}, not {value!r}"
                )
        return dataclasses.replace(self, **settings)
