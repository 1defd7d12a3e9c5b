"""Chroma clean-up: what is done to a network's coarse chroma wherever it doubts."""

from deepkoal.chroma_cleanup.skin import color_skin, tell_skin
from deepkoal.chroma_cleanup.steps import cleanup

__all__ = ["cleanup", "color_skin", "tell_skin"]
