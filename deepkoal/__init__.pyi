from . import guidance as guidance
from . import hints as hints
from . import models as models
from .data import prepare as prepare
from .errors import DeepkoalError as DeepkoalError
from .evaluation import evaluate as evaluate
from .export import export_saved_model as export_saved_model
from .guidance import Palette as Palette
from .guidance import list_palettes as list_palettes
from .hints import Hint as Hint
from .hints import Region as Region
from .hints import Stroke as Stroke
from .image_io import read_image as read_image
from .image_io import write_image as write_image
from .inference.album import Album as Album
from .inference.colorizer import Colorizer as Colorizer
from .models import SemanticEmbedder as SemanticEmbedder
from .restoration import RestorationOptions as RestorationOptions
from .restoration import restore as restore
from .style import Style as Style
from .style import list_styles as list_styles
from .style import stylize as stylize
from .training import fine_tune as fine_tune
from .training import train as train
from .video import colorize_video as colorize_video

__version__: str
__all__: list[str]
