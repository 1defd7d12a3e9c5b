"""A client of `deepkoal serve` and of TensorFlow Serving."""

from deepkoal.client.client import Client
from deepkoal.serving.errors import ServingError

__all__ = ["Client", "ServingError"]
