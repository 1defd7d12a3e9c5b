"""How often each color occurs in the training photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from keras import ops

from deepkoal.color import encode_ab
from deepkoal.data import evaluation_batches
from deepkoal.training.task import rgb_to_l_ab


def measure_prior(records: str | Path, photos: int = 4096) -> np.ndarray:
    """Measure the distribution of ab over its bins, softly as `encode_ab` does.

    Args:
        records: a folder that `dataset.prepare` finished; its order is random already.
        photos: how many of them to look at, each at 64×64.

    Returns:
        float64 (Q,), positive, summing to 1.
    """
    batches = evaluation_batches(records, batch_size=64, size=64)
    histogram = np.zeros((221, 221))
    for batch in batches.take(-(-photos // 64)):
        ab = ops.convert_to_numpy(rgb_to_l_ab(batch["rgb"])[1]).reshape(-1, 2)
        steps = np.clip(np.rint(ab), -110, 110).astype(int) + 110
        np.add.at(histogram, (steps[:, 0], steps[:, 1]), 1)
    found = np.argwhere(histogram)
    encoded = ops.convert_to_numpy(encode_ab((found - 110).astype("float32")))
    prior = histogram[tuple(found.T)] @ encoded.astype("float64") + 1e-6
    return np.asarray(prior / prior.sum())
