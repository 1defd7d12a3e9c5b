"""Example requests, by which TensorFlow Serving tries a model before it sends it callers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from deepkoal.export.output_paths import WARM_UP_FILE


def list_examples() -> dict[str, dict[str, np.ndarray]]:
    """Return a small request for each signature: its inputs by name, for one photo."""
    slopes = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8) * 2
    photo = tf.io.encode_png(np.dstack([slopes] * 3)).numpy()
    photo_bytes = np.array([photo], object)
    return {
        "serving_default": {"photo_bytes": photo_bytes},
        "colorize_guided": {
            "photo_bytes": photo_bytes,
            "hint_points": np.array([[[20, 10], [np.nan, np.nan]]], np.float32),
            "hint_colors": np.array([["#c03020", ""]], object),
            "palette": np.array([""], object),
            "vibrance": np.array([1], np.float32),
        },
        "colorize_full": {
            "photo_bytes": photo_bytes,
            "hint_points": np.array(
                [[[20, 10], [5, 5], [9, 9], [0, 0], [0, 1], [1, 1]]], np.float32
            ),
            "hint_marks": np.array([[0, 1, 1, 2, 2, 2]], np.int32),
            "hint_kinds": np.array([["hint", "stroke", "region"]], object),
            "hint_colors": np.array([["#c03020", "grey", "own"]], object),
            "hint_relative": np.array([[False, False, True]]),
            "palette": np.array([""], object),
            "vibrance": np.array([1], np.float32),
            "detail": np.array([0], np.int32),
            "format": np.array(["jpeg"], object),
            "quality": np.array([90], np.int32),
        },
        "variations": {
            "photo_bytes": photo_bytes,
            "count": np.array([2], np.int32),
            "seed": np.array([0], np.int32),
        },
        "ab": {"l": np.full((1, 64, 64, 1), 50, np.float32)},
    }


def build_requests(model: str, signatures: Iterable[str]) -> list[Any]:
    """Build the example requests, a `PredictRequest` for each signature.

    Args:
        model: its name, as the server knows it.
        signatures: those that the model has.

    Raises:
        ImportError: tensorflow-serving-api is not installed.
    """
    from tensorflow_serving.apis import predict_pb2

    examples, requests = list_examples(), []
    for signature in signatures:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        request.model_spec.signature_name = signature
        for name, values in examples[signature].items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
        requests.append(request)
    return requests


def write_warm_up(folder: Path, model: str, signatures: Iterable[str]) -> bool:
    """Write the example requests into an export, a TFRecord file of `PredictionLog`.

    Args:
        folder: of the export.
        model: its name, as the server knows it.
        signatures: those that it has.

    Returns:
        False where tensorflow-serving-api, which describes them, is not installed; then nothing
        is written, and the first callers wait instead.
    """
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ImportError:
        return False
    path = folder / WARM_UP_FILE
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in build_requests(model, signatures):
            log = prediction_log_pb2.PredictLog(request=request)
            record = prediction_log_pb2.PredictionLog(predict_log=log)
            writer.write(record.SerializeToString())
    return True
