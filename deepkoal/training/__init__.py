"""Training: the task that `fit` sees, and runs that continue where they stopped."""

from deepkoal.training.devices import join_hosts, spread_over
from deepkoal.training.fine_tuning import (
    KeepDecoding,
    find_decoding,
    fine_tune,
    has_finetune_recipe,
)
from deepkoal.training.own_photos import OwnPhotos, fit_photo_size, holds_records, prepare_photos
from deepkoal.training.run import train
from deepkoal.training.task import ColorizationTask, network_from_embedding

__all__ = [
    "ColorizationTask",
    "KeepDecoding",
    "OwnPhotos",
    "find_decoding",
    "fine_tune",
    "fit_photo_size",
    "has_finetune_recipe",
    "holds_records",
    "join_hosts",
    "network_from_embedding",
    "prepare_photos",
    "spread_over",
    "train",
]
