"""Training: the task that `fit` sees, and runs that continue where they stopped."""

from deepkoal.training.devices import join_hosts, spread_over
from deepkoal.training.fine_tuning import find_decoding, fine_tune, has_finetune_recipe
from deepkoal.training.own_photos import (
    OwnPhotos,
    PhotoPlan,
    fit_photo_size,
    holds_records,
    plan_photos,
    prepare_photos,
)
from deepkoal.training.run import train
from deepkoal.training.task import ColorizationTask, network_from_embedding

__all__ = [
    "ColorizationTask",
    "OwnPhotos",
    "PhotoPlan",
    "find_decoding",
    "fine_tune",
    "fit_photo_size",
    "has_finetune_recipe",
    "holds_records",
    "join_hosts",
    "network_from_embedding",
    "plan_photos",
    "prepare_photos",
    "spread_over",
    "train",
]
