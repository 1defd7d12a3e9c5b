from .restyling import StyleOptions as StyleOptions
from .restyling import stylize as stylize
from .styles import Style as Style
from .styles import list_styles as list_styles

__all__: list[str]
