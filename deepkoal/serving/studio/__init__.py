"""The studio: a page in the browser, on a server that only this machine can reach."""

from deepkoal.serving.studio.app import create_studio
from deepkoal.serving.studio.desk import Desk

__all__ = ["Desk", "create_studio"]
