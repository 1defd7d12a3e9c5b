from .figures.calibration import calibrate as calibrate
from .figures.calibration import measure_psnr_at_cf as measure_psnr_at_cf
from .figures.fidelity import MATCHED as MATCHED
from .figures.fidelity import MEAN_TRAINING_AB as MEAN_TRAINING_AB
from .figures.fidelity import Row as Row
from .figures.fidelity import match_colorfulness as match_colorfulness
from .photos import SIZE as SIZE
from .photos import Bench as Bench
from .photos import EvaluatedPhoto as EvaluatedPhoto
from .photos import PhotoSet as PhotoSet
from .photos import Workers as Workers
from .photos import load_photos as load_photos
from .report import draw_report as draw_report
from .run import FIGURES as FIGURES
from .run import QUICK as QUICK
from .run import RENAMED as RENAMED
from .run import WITHOUT_PHOTOS as WITHOUT_PHOTOS
from .run import check_figures as check_figures
from .run import evaluate as evaluate
from .run import measure as measure
from .scorecard import PROTOCOL as PROTOCOL
from .scorecard import Figure as Figure
from .scorecard import Line as Line
from .scorecard import Scorecard as Scorecard
from .scorecard import Unmeasured as Unmeasured

__all__: list[str]
