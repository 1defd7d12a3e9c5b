"""Packages that read and write further formats, loaded when a file asks for one."""

from __future__ import annotations

import functools
from typing import Any

from PIL import (
    AvifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    PpmImagePlugin,
    TgaImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from deepkoal.errors import PhotoError
from deepkoal.image_io.formats.file_formats import READ_ONLY, WRITTEN

Image.preinit()
_OWN = (
    AvifImagePlugin.AvifImageFile,
    Jpeg2KImagePlugin.Jpeg2KImageFile,
    PpmImagePlugin.PpmImageFile,
    TgaImagePlugin.TgaImageFile,
    TiffImagePlugin.TiffImageFile,
    WebPImagePlugin.WebPImageFile,
)
assert all(plugin.format in Image.OPEN for plugin in _OWN), "importing a Pillow plugin registers it"

_PACKAGES = {"HEIF": "pillow-heif", "JXL": "pillow-jxl-plugin", "RAW": "rawpy", "DICOM": "pydicom"}
_CALLED = {"HEIF": "a HEIC photo", "JXL": "a JPEG XL picture", "RAW": "a camera raw file"}


def demand(kind: str, name: str) -> None:
    """Load what reads and writes a format.

    Raises:
        PhotoError: it is not installed; the message says how to install it.
    """
    if kind not in _PACKAGES:
        return
    try:
        _load(kind)
    except ImportError as error:
        extra = (WRITTEN.get(kind) or READ_ONLY[kind]).extra
        raise PhotoError(
            f"{name}: {_CALLED.get(kind, f'a {kind} file')}, which needs {_PACKAGES[kind]}; "
            f"pip install 'deepkoal[{extra}]'"
        ) from error


@functools.cache
def _load(kind: str) -> Any:
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False)
    elif kind == "JXL":
        import pillow_jxl  # noqa: F401 -- it registers itself
    elif kind == "RAW":
        import rawpy  # noqa: F401
    else:
        import pydicom  # noqa: F401


def open_image(kind: str, file: Any) -> Image.Image:
    """Open a file with the reader of its format, see `demand`, without decoding it.

    `Image.open` has a limit of its own, global to the process, and given a file's name it may map
    that file instead of reading this.
    """
    reader, _ = Image.OPEN[kind]
    return reader(file, "")
