"""Training: the task that `fit` sees, and runs that continue where they stopped."""

from deepkoal.training.devices import join_hosts, spread_over
from deepkoal.training.run import train
from deepkoal.training.task import ColorizationTask, network_from_embedding

__all__ = ["ColorizationTask", "join_hosts", "network_from_embedding", "spread_over", "train"]
