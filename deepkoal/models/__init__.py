"""The networks: builders of plain functional graphs whose only input is lightness."""

from deepkoal.models.koala import koala
from deepkoal.models.lite import lite
from deepkoal.models.pix2pix import patch_critic, pix2pix

__all__ = ["koala", "lite", "patch_critic", "pix2pix"]
