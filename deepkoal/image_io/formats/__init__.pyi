from .file_formats import FORMATS as FORMATS
from .file_formats import PHOTO_SUFFIXES as PHOTO_SUFFIXES
from .file_formats import READ_ONLY as READ_ONLY
from .file_formats import READABLE as READABLE
from .file_formats import WRITABLE as WRITABLE
from .file_formats import WRITTEN as WRITTEN
from .file_formats import FileFormat as FileFormat
from .file_formats import choose_suffix as choose_suffix

__all__: list[str]
