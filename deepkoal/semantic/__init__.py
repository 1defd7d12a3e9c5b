"""Frozen semantic embedders: lightness in, one standardized vector of class logits out."""

from deepkoal.semantic.efficientnet import efficientnet_lite, efficientnet_lite0
from deepkoal.semantic.embedder import LITE0_SHA256, SemanticEmbedder

__all__ = ["LITE0_SHA256", "SemanticEmbedder", "efficientnet_lite", "efficientnet_lite0"]
