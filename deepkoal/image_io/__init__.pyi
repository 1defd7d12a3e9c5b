from .encoding import encode_photo as encode_photo
from .formats.size_limits import MAX_PIXELS as MAX_PIXELS
from .photo import PHOTO_SUFFIXES as PHOTO_SUFFIXES
from .photo import Photo as Photo
from .photo import PhotoMetadata as PhotoMetadata
from .photo import list_photos as list_photos
from .reading import decode_photo as decode_photo
from .reading import read_image as read_image
from .reading import read_photo as read_photo
from .samples import SAMPLES as SAMPLES
from .samples import Sample as Sample
from .samples import read_sample as read_sample
from .writing import Seal as Seal
from .writing import write_image as write_image
from .writing import write_pages as write_pages
from .writing import write_photo as write_photo

__all__: list[str]
