"""A colorizer as a SavedModel, in the folder layout that TensorFlow Serving reads."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from deepkoal.atomic_files import make_folder_atomically
from deepkoal.errors import DeepkoalError
from deepkoal.export.output_paths import choose_version
from deepkoal.export.varied_signature import build_module
from deepkoal.export.warm_up import write_warm_up
from deepkoal.guidance import check_vibrance
from deepkoal.inference.colorizer import Colorizer

MAX_PIXELS = 50_000_000
"""Default limit to a photo's width × height: a server's memory is shared by its callers."""


def export_saved_model(
    colorizer: Colorizer,
    path: str | Path,
    *,
    vibrance: float = 1.0,
    max_pixels: int = MAX_PIXELS,
) -> Path:
    """Write a SavedModel that colors photo files with no other code than TensorFlow's.

    Its signatures are the functions of `ColorizerModule`, `GuidedModule` and, of networks that
    predict a distribution, `VariedModule`, over one set of variables. All but `ab` take
    `photo_bytes`, string (N,): JPEG or PNG files of any sizes, also grey, with alpha, or of 16
    bits. They return `image_bytes`: files of 8-bit RGB with the pixels of `Colorizer`, within a
    grey level. They are PNG for every input because JPEG would lose some of that again;
    `colorize_full` writes JPEG where it is asked to.

    Limits: a JPEG's EXIF orientation is applied, but color profiles are not (photos are taken for
    sRGB), and neither alpha nor metadata are carried over. One photo that cannot be decoded, or
    is too large, fails its whole batch with an InvalidArgumentError that says why; so requests
    of several callers should not be merged, see docs/serving.md.

    With tensorflow-serving-api (`pip install deepkoal[serve]`) an example request for each
    signature is written to `assets.extra/tf_serving_warmup_requests`, for TensorFlow Serving to
    try the model with; without it, there are none.

    The folder appears whole or not at all: it is written beside its place, then renamed, and what
    killed exports left beside it is removed.

    Args:
        colorizer: the network and how it is read.
        path: the export's folder, ending in a version number as in `models/koala-lite/1`; or the
            one above it, `models/koala-lite`, where the next free number is taken.
        vibrance: 0.2…5, fixed in the signatures that take none, but for `ab`; see
            `Colorizer.colorize`.
        max_pixels: limit to width × height of each photo.

    Returns:
        The folder written.

    Raises:
        DeepkoalError: the version exists, the folder cannot be written, a setting is out of
            range, or Keras runs on another backend than TensorFlow.
    """
    check_vibrance(vibrance)
    if max_pixels < 1:
        raise DeepkoalError(f"max_pixels must be at least 1, not {max_pixels}")
    if keras.backend.backend() != "tensorflow":
        raise DeepkoalError(
            f"an export needs Keras on TensorFlow, but it runs on {keras.backend.backend()}; set "
            "KERAS_BACKEND=tensorflow"
        )
    folder = choose_version(Path(path))
    module = build_module(colorizer, vibrance=vibrance, max_pixels=max_pixels)
    try:
        with make_folder_atomically(folder) as part:
            signatures = module.list_signatures()
            tf.saved_model.save(module, str(part), signatures)
            write_warm_up(part, folder.parent.name, signatures)
    except (OSError, tf.errors.OpError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "message", error)
        raise DeepkoalError(
            f"{folder}: cannot be written ({reason}); choose a folder you may write to, on a disk "
            "with space"
        ) from error
    return folder
