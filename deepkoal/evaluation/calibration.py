"""Calibrating a reading: as colorful as the truth at vibrance 1, and where it comes nearest."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deepkoal.evaluation.fidelity import Row, match_colorfulness
from deepkoal.evaluation.metrics import colorfulness
from deepkoal.evaluation.photos import Bench, PhotoSet, SeenPhoto
from deepkoal.evaluation.psnr_optimal_vibrance import find_psnr_optimal_vibrance
from deepkoal.evaluation.workers import Workers
from deepkoal.guidance import VIBRANCE_RANGE, DecodingConfig
from deepkoal.inference.colorizer import ByteArray, Colorizer


def calibrate(
    colorizer: Colorizer, photos: Sequence[ByteArray], *, progress: bool = False
) -> DecodingConfig:
    """Find the gain and the faithful vibrance of a network's reading.

    Args:
        colorizer: the network, with a reading to begin with.
        photos: color photos that it was not trained on, uint8 (H, W, 3) sRGB, at least one.
        progress: draw bars on stderr.

    Returns:
        The reading, with the gain at which the photos come out as colorful as they are, on
        average, at vibrance 1, and the vibrance of highest PSNR; all else as it was.
    """
    true_cf = float(np.mean([colorfulness(photo) for photo in photos]))
    seen = [
        SeenPhoto.from_prepared(Path(str(index)), index, photo, colorizer.predict(photo))
        for index, photo in enumerate(photos)
    ]
    with Workers(progress=progress) as workers:

        def read(vibrance: float) -> Row:
            def measure(photo: SeenPhoto) -> float:
                return colorfulness(photo.prepare().render(vibrance=vibrance))

            cf = float(np.mean(workers.map(measure, seen, f"vibrance {vibrance:.2f}")))
            return Row("calibrated", vibrance, math.nan, cf, abs(cf - true_cf))

        matched = match_colorfulness(read, true_cf).vibrance or 1.0
        bench = Bench(colorizer, PhotoSet(seen, 0, ()), workers)
        psnr_optimal = find_psnr_optimal_vibrance(bench).vibrance / matched
    low, high = VIBRANCE_RANGE
    return dataclasses.replace(
        colorizer.decoding,
        gain=colorizer.decoding.gain * matched,
        psnr_optimal_vibrance=min(max(psnr_optimal, low), high),
    )
