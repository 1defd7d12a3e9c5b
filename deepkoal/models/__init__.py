"""The networks: builders of plain functional graphs whose only input is lightness."""

from deepkoal.models.koala import koala
from deepkoal.models.lite import lite

__all__ = ["koala", "lite"]
