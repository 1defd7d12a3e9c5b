from .devices import join_hosts as join_hosts
from .devices import spread_over as spread_over
from .runs.fine_tuning import Gain as Gain
from .runs.fine_tuning import find_decoding as find_decoding
from .runs.fine_tuning import fine_tune as fine_tune
from .runs.own_photos import OwnPhotos as OwnPhotos
from .runs.own_photos import PhotoPlan as PhotoPlan
from .runs.own_photos import fit_photo_size as fit_photo_size
from .runs.own_photos import plan_photos as plan_photos
from .runs.own_photos import prepare_photos as prepare_photos
from .runs.run import train as train
from .task import ColorizationTask as ColorizationTask
from .task import network_from_embedding as network_from_embedding

__all__: list[str]
