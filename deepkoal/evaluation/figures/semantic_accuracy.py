"""Whether a classifier recognizes more in colored photos than in grey ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import ByteArray
from deepkoal.evaluation.photos import BATCH, SIZE, Bench
from deepkoal.evaluation.scorecard import Figure, Line, Unmeasured
from deepkoal.models.efficientnet import efficientnet_lite0
from deepkoal.models.embedder import LITE0_SHA256
from deepkoal.models.weights import find_shipped, load_weights
from deepkoal.rendering.contact_sheets import desaturate

CLASSES = 1000
CROP = 224
"""Side in pixels of the center crop that the classifier sees."""


@dataclass(frozen=True)
class SemanticAccuracy(Figure):
    """Top-1 accuracy of EfficientNet-Lite0 on the labeled photos, 0…1.

    Attributes:
        recovered: (colored - grey) / (true - grey), after Zhang et al. 2016.
        grey: accuracy on the photos without color.
        colored: on the output at vibrance 1.
        true: on the true photos.
        photos: how many had a label.
    """

    recovered: float
    grey: float
    colored: float
    true: float
    photos: int

    def lines(self) -> Sequence[Line]:
        """Return the share recovered, and the accuracies it is made of."""
        tops = f"top-1 grey {self.grey:.1%}, colored {self.colored:.1%}, true {self.true:.1%}"
        return [Line(f"semantic recovery ({tops})", f"{self.recovered:.1%}", self.photos)]


def measure_semantic_accuracy(bench: Bench) -> SemanticAccuracy | Unmeasured:
    """Return the accuracy on every photo whose folder is named by its ImageNet class, 0…999."""
    labels = [read_label(photo.path) for photo in bench.photos.photos]
    labeled = [
        (photo, label)
        for photo, label in zip(bench.photos.photos, labels, strict=True)
        if label is not None
    ]
    if not labeled:
        return Unmeasured("semantic recovery", "no photo in a folder named by its class, 0…999")
    classifier = load_classifier()
    answers = np.array([label for _, label in labeled])
    truths = [photo.truth for photo, _ in labeled]
    grey, colored, true = (
        float(np.mean(classify(classifier, rgbs) == answers))
        for rgbs in (
            [desaturate(truth) for truth in truths],
            [photo.colored for photo, _ in labeled],
            truths,
        )
    )
    if true == grey:
        return Unmeasured("semantic recovery", f"color makes no difference, top-1 {true:.1%}")
    return SemanticAccuracy((colored - grey) / (true - grey), grey, colored, true, len(labeled))


def read_label(path: Path) -> int | None:
    """Return the class that a photo's folder is named by, or None where it is no class."""
    name = path.parent.name
    return int(name) if name.isascii() and name.isdigit() and int(name) < CLASSES else None


def load_classifier() -> keras.Model:
    """Return EfficientNet-Lite0 with its ImageNet weights."""
    classifier = efficientnet_lite0()
    load_weights(classifier, find_shipped("efficientnet-lite0"), LITE0_SHA256)
    return classifier


def classify(classifier: keras.Model, rgbs: Sequence[ByteArray]) -> NDArray[np.int64]:
    """Return the class of the highest logit for each photo.

    Args:
        classifier: from `load_classifier`.
        rgbs: uint8 (256, 256, 3) sRGB each; the center 224×224 is shown.

    Returns:
        int64 (N,), 0…999.
    """
    start = (SIZE - CROP) // 2
    crops = np.stack([rgb[start : start + CROP, start : start + CROP] for rgb in rgbs])
    found = []
    for first in range(0, len(crops), BATCH):
        rgb_norm = (crops[first : first + BATCH].astype("float32") - 127) / 128
        logits = keras.ops.convert_to_numpy(classifier(rgb_norm, training=False)["logits"])
        found.append(np.argmax(logits, axis=-1))
    return np.concatenate(found)
