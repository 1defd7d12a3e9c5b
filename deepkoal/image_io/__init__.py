"""Photo files: every common kind in as sRGB of 8 or 16 bits, and out with what it carried."""

from deepkoal.image_io.photo import PHOTO_SUFFIXES, Photo, PhotoMetadata, list_photos
from deepkoal.image_io.reading import MAX_PIXELS, decode_photo, read_image, read_photo
from deepkoal.image_io.samples import SAMPLES, Sample, read_sample
from deepkoal.image_io.writing import encode_photo, write_image, write_pages, write_photo

__all__ = [
    "MAX_PIXELS",
    "PHOTO_SUFFIXES",
    "SAMPLES",
    "Photo",
    "PhotoMetadata",
    "Sample",
    "decode_photo",
    "encode_photo",
    "list_photos",
    "read_image",
    "read_photo",
    "read_sample",
    "write_image",
    "write_pages",
    "write_photo",
]
