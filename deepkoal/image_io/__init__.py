"""Photo files: every common kind in as 8-bit sRGB, and out again with what it carried."""

from deepkoal.image_io.photo import PHOTO_SUFFIXES, Photo, list_photos
from deepkoal.image_io.reading import MAX_PIXELS, decode_photo, read_image, read_photo
from deepkoal.image_io.samples import SAMPLES, Sample, read_sample
from deepkoal.image_io.writing import encode_photo, write_image, write_photo

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
