"""The studio: a web page that colors photos, on a server that only this machine can reach."""

from deepkoal.studio.app import create_studio
from deepkoal.studio.session import Session

__all__ = ["Session", "create_studio"]
