"""Chroma clean-up: what is done to a network's coarse chroma wherever it doubts."""

from deepkoal.chroma_cleanup.steps import cleanup

__all__ = ["cleanup"]
