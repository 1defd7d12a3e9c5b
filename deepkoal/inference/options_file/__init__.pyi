from .files import read_options as read_options
from .files import write_options as write_options
from .parts import HolesMask as HolesMask
from .parts import NetworkIdentity as NetworkIdentity
from .parts import PhotoIdentity as PhotoIdentity
from .parts import ReferenceFile as ReferenceFile
from .parts import StyleChoice as StyleChoice
from .parts import VariationChoice as VariationChoice
from .parts import hash_bytes as hash_bytes
from .parts import hash_file as hash_file
from .saved_options import SavedOptions as SavedOptions

__all__: list[str]
