"""How a run stands: which network was best so far, and whether it is over."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from deepkoal.pretrained.recipe import Recipe


class EarlyStopping:
    """The best epoch so far.

    Args:
        recipe: says what is best, and how long to wait for better.
        epochs: figures of the epochs that are done, by name, as numbers or text.
    """

    def __init__(self, recipe: Recipe, epochs: Sequence[Mapping[str, float | str]]) -> None:
        self._by, self._patience = recipe.best_by, recipe.patience
        # A network that stands still gets no better.
        self._waited = -(-recipe.discriminator_warmup // recipe.steps_per_epoch)
        self._best, self._best_epoch, self._done = math.inf, 0, 0
        for figures in epochs:
            self.add(figures)

    def add(self, figures: Mapping[str, float | str]) -> bool:
        """Take in the figures of one more epoch; return whether its network is the best so far."""
        self._done += 1
        score = self._score(figures)
        if score >= self._best:
            return False
        self._best, self._best_epoch = score, self._done
        return True

    @property
    def is_over(self) -> bool:
        """Whether the best is too long ago."""
        since = self._done - max(self._best_epoch, self._waited)
        return bool(self._patience) and since >= self._patience

    def _score(self, figures: Mapping[str, float | str]) -> float:
        """Return the figure that the least of is best; it is no number where it was not taken."""
        if self._by == "psnr_at_cf":
            return -float(figures["val_psnr_at_cf"])
        judged = figures.get("val_loss", "NA")  # as CSVLogger writes what was not validated
        return float(figures["loss"] if judged == "NA" else judged)
