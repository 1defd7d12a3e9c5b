"""Photos as training records: `prepare` writes them once, two tf.data pipelines read them.

This package imports TensorFlow; the rest of the library does not need it.
"""

from __future__ import annotations

from deepkoal.dataset.pipeline import (
    check_records,
    evaluation_batches,
    name_damage,
    stay_on_processor,
    training_batches,
)
from deepkoal.dataset.prepare import prepare
from deepkoal.dataset.records import Manifest, load_manifest
from deepkoal.dataset.split import hold_back

__all__ = [
    "Manifest",
    "check_records",
    "evaluation_batches",
    "hold_back",
    "load_manifest",
    "name_damage",
    "prepare",
    "stay_on_processor",
    "training_batches",
]
