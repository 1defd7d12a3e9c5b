from .output_paths import WARM_UP_FILE as WARM_UP_FILE
from .output_paths import check_file as check_file
from .output_paths import choose_version as choose_version
from .portable import PRECISIONS as PRECISIONS
from .portable import export_litert as export_litert
from .portable import export_onnx as export_onnx
from .saved_model import MAX_PIXELS as MAX_PIXELS
from .saved_model import export_saved_model as export_saved_model
