"""Frozen semantic embedders: lightness in, one standardized vector of class logits out."""

from deepkoal.semantic.efficientnet import efficientnet_lite, efficientnet_lite0
from deepkoal.semantic.embedder import SemanticEmbedder

__all__ = ["SemanticEmbedder", "efficientnet_lite", "efficientnet_lite0"]
