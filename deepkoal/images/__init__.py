"""Photo files: every common kind in as 8-bit sRGB, and out again with what it carried."""

from deepkoal.images.photo import PHOTO_SUFFIXES, Photo, list_photos
from deepkoal.images.reading import MAX_PIXELS, decode_photo, read_image, read_photo
from deepkoal.images.samples import SAMPLES, Sample, read_sample
from deepkoal.images.writing import encode_photo, write_image, write_photo

__all__ = [
    "MAX_PIXELS",
    "PHOTO_SUFFIXES",
    "SAMPLES",
    "Photo",
    "Sample",
    "decode_photo",
    "encode_photo",
    "list_photos",
    "read_image",
    "read_photo",
    "read_sample",
    "write_image",
    "write_photo",
]
