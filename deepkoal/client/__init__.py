"""A client of `deepkoal serve` and of TensorFlow Serving."""

from deepkoal.client.client import Client

__all__ = ["Client"]
