"""How a campaign trains, and its learning rate by the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """How a campaign trains.

    Attributes:
        minutes: of the whole call, decoding and compiling included.
        sizes: sides of the crops, each with its share of the steps.
        batch: photos a step at the first size; at others as many pixels.
        rate: the stable learning rate.
        warmup: steps until it is reached, none when a state goes on.
        decay: share of the time at the end in which the rate falls to zero; 0 for never.
        average: decay of the moving average.
        losses: names and weights, see `deepkoal.pretrained.recipe.LOSSES`; else the preset's.
        precision: a Keras dtype policy.
        square: side of the squares that photos are kept as.
        first_parts: how many parts to take; all where None.
        shares: shares of sources that differ from the manifest's.
        save_minutes: between two savings.
        keep: how many averaged weights to keep, the newest, the final ones among them; 0: all.
        steps: to take at most.
        seed: of the draws.
        cpu: whether a processor will do.
    """

    minutes: float
    sizes: Mapping[int, float]
    batch: int = 512
    rate: float = 2e-3
    warmup: int = 200
    decay: float = 0.3
    average: float = 0.999
    losses: Mapping[str, float] = field(default_factory=dict)
    precision: str = "mixed_bfloat16"
    square: int = 160
    first_parts: int | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    save_minutes: float = 2
    keep: int = 0
    steps: int | None = None
    seed: int = 0
    cpu: bool = False


def schedule(settings: Settings, done: int, share: float) -> float:
    """Return the learning rate after `done` steps, when a share of the time has passed."""
    warm = min(1.0, (done + 1) / settings.warmup) if settings.warmup else 1.0
    left = min(1.0, (1 - share) / settings.decay) if settings.decay else 1.0
    return settings.rate * warm * max(0.0, left)
