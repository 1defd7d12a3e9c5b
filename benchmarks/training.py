"""Photos a second in training, and the same step fed from memory: what the pipeline costs.

python benchmarks/training.py RECORDS [--preset koala-lite] [--batch-size 32] [--steps 20]
"""

from __future__ import annotations

import argparse
import time

import keras
import numpy as np
import tensorflow as tf

from deepkoal.color import ab_bins
from deepkoal.dataset import training_batches
from deepkoal.losses import AbMeanSquaredError, RebalancedCrossEntropy
from deepkoal.memory import keep_freed_memory
from deepkoal.presets import build_untrained
from deepkoal.training.task import ColorizationTask, network_from_embedding


class StepTimes(keras.callbacks.Callback):
    """Note when each step ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records")
    parser.add_argument("--preset", default="koala-lite")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    keep_freed_memory()
    network = build_untrained(arguments.preset)
    embedded = arguments.preset == "koala"
    trunk = network_from_embedding(network) if embedded else network
    if embedded:
        task = ColorizationTask(trunk, "ab_norm", AbMeanSquaredError())
    else:
        task = ColorizationTask(trunk, "logits", RebalancedCrossEntropy(np.ones(len(ab_bins()))))
    task.compile(keras.optimizers.AdamW(1e-3))
    stream = training_batches(
        arguments.records,
        batch_size=arguments.batch_size,
        size=arguments.size,
        with_embedding=embedded,
    )
    memory = tf.data.Dataset.from_tensors(next(iter(stream))).repeat()
    seconds: dict[str, list[float]] = {"from memory": [], "from records": []}
    for _ in range(arguments.rounds):
        for name, batches in (("from memory", memory), ("from records", stream)):
            times = StepTimes()
            task.fit(
                batches,
                steps_per_epoch=arguments.steps,
                verbose=0,
                shuffle=False,
                callbacks=[times],
            )
            # The first steps trace the graph and fill the prefetch buffer.
            seconds[name].extend(np.diff(times.ends)[2:])
    rates = {name: arguments.batch_size / np.median(steps) for name, steps in seconds.items()}
    for name, rate in rates.items():
        print(f"{name:14s} {rate:7.1f} photos a second")
    print(f"the pipeline costs {1 - rates['from records'] / rates['from memory']:.1%}")


if __name__ == "__main__":
    main()
