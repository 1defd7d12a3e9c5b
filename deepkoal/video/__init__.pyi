from .chunks import ChunkTask as ChunkTask
from .chunks import Crew as Crew
from .chunks import color_chunk as color_chunk
from .coloring import color_frames as color_frames
from .colorizing import colorize_video as colorize_video
from .figures import VideoFigures as VideoFigures
from .figures import evaluate_video as evaluate_video
from .files.encoding import CODECS as CODECS
from .files.encoding import CONTAINERS as CONTAINERS
from .files.encoding import Encoding as Encoding
from .files.film import STREAM as STREAM
from .files.film import Film as Film
from .files.frames import Frame as Frame
from .files.joining import join_chunks as join_chunks
from .files.opening import open_film as open_film
from .film_run import FilmReport as FilmReport
from .keyframes import Keyframe as Keyframe
from .keyframes import export_keyframes as export_keyframes
from .plan import Chunk as Chunk
from .plan import Plan as Plan
from .plan import plan_film as plan_film
from .previews import preview_film as preview_film
from .temporal.steadiness import measure_cdc as measure_cdc
from .temporal.steadiness import measure_warping_error as measure_warping_error

__all__: list[str]
