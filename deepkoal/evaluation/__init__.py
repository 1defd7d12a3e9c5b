"""How well a network colors photos whose true colors are known."""

from deepkoal.evaluation.run import MEAN_TRAINING_AB, SIZE, evaluate, match_colorfulness
from deepkoal.evaluation.scorecard import MATCHED, PROTOCOL, Row, Scorecard

__all__ = [
    "MATCHED",
    "MEAN_TRAINING_AB",
    "PROTOCOL",
    "SIZE",
    "Row",
    "Scorecard",
    "evaluate",
    "match_colorfulness",
]
