"""Training: the task that `fit` sees, and runs that continue where they stopped."""

from deepkoal.training.run import train
from deepkoal.training.task import ColorizationTask, network_from_embedding

__all__ = ["ColorizationTask", "network_from_embedding", "train"]
