"""Recipes: how a network is trained, as data."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from deepkoal.errors import RunError
from deepkoal.rendering.upsampling import NETWORK_STRIDE

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


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. Every default is used where a recipe file is silent.

    Attributes:
        size: side in pixels of the square training crops, a multiple of 32.
        batch_size: photos per step.
        epochs: how many times `steps_per_epoch` steps are taken.
        steps_per_epoch: steps between two checkpoints and validations.
        losses: weight of each loss in their sum, names as in `LOSSES`. Empty: cross-entropy for a
            network that tells a distribution, else the mean squared error.
        learning_rate: peak rate of the one-cycle schedule (linear warm-up, cosine to zero).
        warmup: share of all steps spent warming up, in 0…1.
        momentum: Adam's decay of the gradients' mean (β₁), below 1.
        weight_decay: AdamW's decoupled decay; pretrained encoder and critic are left out of it.
        encoder_rate: the pretrained encoder's learning rate as a share of the decoder's.
        rebalance_mix: share of the uniform distribution mixed into the color prior, in 0…1.
        rebalance_power: exponent of the rare colors' reweighting; 0 turns it off, 1 is
            Zhang et al. 2016 in full.
        discriminator_filters: of the first layer of the critic that adversarial losses train.
        discriminator_rate: its learning rate as a multiple of the network's.
        discriminator_warmup: how many steps it learns by itself first, while the network stands still.
        degradation: share of the training photos whose lightness is aged, see
            `degradation.DegradeLightness`, in 0…1.
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
    warmup: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-2
    encoder_rate: float = 1.0
    rebalance_mix: float = 0.5
    rebalance_power: float = 0.4
    discriminator_filters: int = 64
    discriminator_rate: float = 1.0
    discriminator_warmup: int = 0
    degradation: float = 0.0
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
        if self.best_by not in BEST_BY:
            raise RunError(f"best_by must be {' or '.join(BEST_BY)}, not {self.best_by!r}")
        if not 0 <= self.seed < 2**32:
            raise RunError(f"seed must lie in 0…{2**32 - 1}, not {self.seed}")
        if not 0 <= self.momentum < 1:
            raise RunError(f"momentum must be 0 or more and below 1, not {self.momentum}")
        for name in ("warmup", "rebalance_mix", "rebalance_power", "encoder_rate", "degradation"):
            if not 0 <= getattr(self, name) <= 1:
                raise RunError(f"{name} must lie in 0…1, not {getattr(self, name)}")
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
            settings = tomllib.loads(Path(path).read_text(encoding="utf-8"))
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
        for name, value in settings.items():
            if name not in fields:
                raise RunError(f"unknown recipe setting {name!r}; known: {', '.join(fields)}")
            accepted = (int, float) if fields[name] is float else fields[name]
            if isinstance(value, bool) or not isinstance(value, accepted):
                raise RunError(
                    f"recipe setting {name} must be {fields[name].__name__}, not {value!r}"
                )
        return dataclasses.replace(self, **settings)
