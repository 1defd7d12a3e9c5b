from .flicker import average_exposure as average_exposure
from .flicker import change_exposure as change_exposure
from .flicker import compare_exposures as compare_exposures
from .holes import check_holes as check_holes
from .holes import fill_holes as fill_holes
from .holes import find_holes as find_holes
from .holes import mark_holes as mark_holes
from .network import load_restorer as load_restorer
from .noise import measure_blocks as measure_blocks
from .noise import measure_noise as measure_noise
from .noise import reduce_noise as reduce_noise
from .options import Outline as Outline
from .options import RestorationKeywords as RestorationKeywords
from .options import RestorationOptions as RestorationOptions
from .photo import RestoredPhoto as RestoredPhoto
from .photo import change_lightness as change_lightness
from .photo import restore as restore
from .photo import restore_lightness as restore_lightness
from .photo import restore_photo as restore_photo
from .repair import Repair as Repair
from .repair import mask_damage as mask_damage
from .repair import repair_lightness as repair_lightness
from .tone import raise_local_contrast as raise_local_contrast
from .tone import stretch_tone as stretch_tone

__all__: list[str]
