"""How well a network colors photos whose true colors are known."""

from deepkoal.evaluation.calibration import calibrate
from deepkoal.evaluation.fidelity import MATCHED, MEAN_TRAINING_AB, Row, match_colorfulness
from deepkoal.evaluation.photos import SIZE, Bench, see_photos
from deepkoal.evaluation.report import draw_report
from deepkoal.evaluation.run import FIGURES, QUICK, check_figures, evaluate, measure
from deepkoal.evaluation.scorecard import Scorecard
from deepkoal.evaluation.table import PROTOCOL
from deepkoal.evaluation.workers import Workers

__all__ = [
    "FIGURES",
    "MATCHED",
    "MEAN_TRAINING_AB",
    "PROTOCOL",
    "QUICK",
    "SIZE",
    "Bench",
    "Row",
    "Scorecard",
    "Workers",
    "calibrate",
    "check_figures",
    "draw_report",
    "evaluate",
    "match_colorfulness",
    "measure",
    "see_photos",
]
