"""The loop of a campaign: draws, steps, reports and savings, by the clock."""

from __future__ import annotations

import csv
import math
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from deepkoal.errors import RunError

from .checkpoints import drop_averaged, save_averaged, save_state
from .photo_store import PhotoStore
from .settings import Settings, schedule
from .step import State, Stepper
from .views import draw_views

IN_FLIGHT = 3
"""Steps handed to the device before the first of them has answered."""

REPORT_SECONDS = 10
FINAL = "final"


class Campaign:
    """The loop: draws, steps, reports and savings."""

    def __init__(
        self,
        out: Path,
        settings: Settings,
        stepper: Stepper,
        store: PhotoStore,
        state: State,
        progress: dict[str, Any],
        end: float,
    ) -> None:
        self.out, self.settings, self.stepper, self.store = out, settings, stepper, store
        self.state, self.progress, self.end = state, progress, end
        self.rng = np.random.default_rng([settings.seed, progress["steps"]])
        self.begun = self.saved = self.reported = time.monotonic()
        self.losses: list[float] = []
        self.recent = self.taken = 0
        self.decaying = False

    def run(self) -> Path:
        """Train until the time or the steps are used up, and return the final weights' file."""
        settings, names = self.settings, list(self.settings.sizes)
        shares = np.array(list(settings.sizes.values()), float)
        flying: deque[Any] = deque()
        compiled: set[int] = set()
        while (share := self._share()) < 1:
            if settings.decay and share >= 1 - settings.decay and not self.decaying:
                # What a further call goes on from: with the stable rate, not what the decay made.
                save_state(self.stepper, self.state, self.out, self.progress)
                self.decaying = True
            size = names[int(self.rng.choice(len(names), p=shares / shares.sum()))]
            if self.taken < len(names):
                size = names[self.taken]  # each is compiled at the start, and none near the end
            rate = schedule(settings, self.progress["steps"], share)
            began = time.monotonic()
            batch = self._batch(size)
            flying.append(self._step(size, batch, rate))
            if len(flying) > IN_FLIGHT or size not in compiled:
                self.losses.append(float(flying.popleft()))
            if size not in compiled:
                compiled.add(size)
                seconds = time.monotonic() - began
                print(f"size {size}, batch {batch}: first step {seconds:.0f} s", flush=True)
            self._report(rate)
            if time.monotonic() - self.saved > 60 * settings.save_minutes:
                self._save(f"averaged-{self.progress['steps']:07d}")
        self.losses += [float(loss) for loss in flying]
        self._report(0.0, now=True)
        self._save(FINAL)
        return self.out / f"{FINAL}.safetensors"

    def _share(self) -> float:
        """Return the share of the time that has passed since training began, 1 at its end."""
        share = (time.monotonic() - self.begun) / max(self.end - self.begun, 1e-9)
        if self.settings.steps is not None:
            share = max(share, self.taken / self.settings.steps)
        return min(share, 1.0)

    def _batch(self, size: int) -> int:
        first = next(iter(self.settings.sizes))
        return max(8, round(self.settings.batch * (first / size) ** 2 / 8) * 8)

    def _step(self, size: int, batch: int, rate: float) -> Any:
        photos, sizes = self.store.draw(self.rng, batch)
        views = draw_views(self.rng, sizes, size)
        done = np.float32(self.progress["steps"])
        self.state, loss = self.stepper.step(
            self.state, photos, views, np.float32(rate), done, size
        )
        self.progress["steps"] += 1
        self.progress["photos"] += batch
        self.taken += 1
        self.recent += batch
        return loss

    def _report(self, rate: float, *, now: bool = False) -> None:
        """Print and log, every ten seconds.

        Raises:
            RunError: the loss is not a number.
        """
        passed = time.monotonic() - self.reported
        if not self.losses or (passed < REPORT_SECONDS and not now):
            return
        loss = float(np.mean(self.losses))
        if not math.isfinite(loss):
            raise RunError(
                f"training diverged at step {self.progress['steps']}; go on from the last state "
                "with a lower --rate"
            )
        seconds = max(0.0, self.end - time.monotonic())
        row = {
            **self.progress,
            "loss": round(loss, 4),
            "photos_per_second": round(self.recent / passed, 1),
            "rate": float(f"{rate:.3g}"),
            "seconds_left": round(seconds),
        }
        print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        log = self.out / "log.csv"
        fresh = not log.exists()
        with log.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row)
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        self.reported, self.losses, self.recent = time.monotonic(), [], 0

    def _save(self, name: str) -> None:
        """Write the averaged weights, and the state unless the rate decays; drop old weights."""
        save_averaged(self.stepper, self.state, self.out / f"{name}.safetensors")
        if not self.decaying:
            save_state(self.stepper, self.state, self.out, self.progress)
        if self.settings.keep:
            drop_averaged(self.out, self.settings.keep - (name == FINAL))
        self.saved = time.monotonic()
