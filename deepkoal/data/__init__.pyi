from .degradation import DegradeLightness as DegradeLightness
from .film import FilmLightness as FilmLightness
from .pipeline import check_records as check_records
from .pipeline import evaluation_batches as evaluation_batches
from .pipeline import name_damage as name_damage
from .pipeline import stay_on_processor as stay_on_processor
from .pipeline import training_batches as training_batches
from .records.manifest import Manifest as Manifest
from .records.manifest import holds_records as holds_records
from .records.manifest import load_manifest as load_manifest
from .records.preparation import hold_back as hold_back
from .records.preparation import prepare as prepare

__all__: list[str]
