"""A version of a model that is a bare network: a `Colorizer` answers, without TensorFlow.

The pixels are those of `deepkoal colorize`, with all that a photo's file carries, for the code is
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from deepkoal.errors import DeepkoalError
from deepkoal.guidance import ColorOptions, Hint
from deepkoal.guidance.color_options import MOST_VARIATIONS
from deepkoal.image_io import Photo, decode_photo, encode_photo
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction_core import PredictionCore
from deepkoal.inference.working_size import find_stride, run_network
from deepkoal.models import NETWORK_STRIDE
from deepkoal.serving.errors import ServingError
from deepkoal.serving.messages import DATA_TYPE_NUMBERS, DATA_TYPES, SignatureDef
from deepkoal.serving.served_version import ServedVersion
from deepkoal.serving.signature import DEFAULT_SIGNATURE, Array, Arrays, Signature, Slot

MAX_PIXELS = 50_000_000
"""Limit to a photo's width × height, as `deepkoal export` sets it."""

FORMATS = {"png": "PNG", "jpeg": "JPEG", "jpg": "JPEG", "webp": "WEBP"}
"""What results can be asked for as, to Pillow's names."""

_METHOD = "tensorflow/serving/predict"
_QUALITY = 95


def _slot(name: str, dtype: Any, *shape: int | None, default: Any = None) -> Slot:
    return Slot(name, np.dtype(dtype), (None, *shape), default)


_PHOTOS = {"photo_bytes": _slot("photo_bytes", object)}
_FORMAT = {
    "format": _slot("format", object, default=b"png"),
    "quality": _slot("quality", np.int32, default=_QUALITY),
}
_GUIDED = {
    "hint_points": _slot("hint_points", np.float32, None, 2),
    "hint_colors": _slot("hint_colors", object, None),
    "palette": _slot("palette", object),
    "vibrance": _slot("vibrance", np.float32),
}
_VARIED = {"count": _slot("count", np.int32), "seed": _slot("seed", np.int32)}


class NetworkVersion(ServedVersion):
    """A loaded network: the signatures of an export, and `format` and `quality` beside them.

    Args:
        name: the model's.
        version: its number.
        colorizer: that answers.
    """

    def __init__(self, name: str, version: int, colorizer: Colorizer) -> None:
        super().__init__(name, version)
        self._colorizer = colorizer
        image = {"image_bytes": _slot("image_bytes", object)}
        images = {"image_bytes": _slot("image_bytes", object, None)}
        l, ab = _slot("l", np.float32, None, None, 1), _slot("ab", np.float32, None, None, 2)
        self._answers: dict[str, Callable[[Arrays], Array]] = {
            DEFAULT_SIGNATURE: self._colorize,
            "colorize_guided": self._colorize_guided,
            "ab": self._compute_ab,
        }
        slots = {
            DEFAULT_SIGNATURE: (_PHOTOS | _FORMAT, image),
            "colorize_guided": (_PHOTOS | _GUIDED | _FORMAT, image),
            "ab": ({"l": l}, {"ab": ab}),
        }
        if "logits" in colorizer.backend.outputs:
            self._answers["variations"] = self._vary
            slots["variations"] = (_PHOTOS | _VARIED | _FORMAT, images)
        # Not merged: photos go through the network one by one, so that waiting gains nothing.
        self.signatures = {
            key: Signature(key, *parts, may_merge=False) for key, parts in slots.items()
        }
        self.definitions = {key: _define(found) for key, found in self.signatures.items()}

    def run(
        self, signature: Signature, inputs: Arrays, outputs: Iterable[str], seconds: float
    ) -> dict[str, Array]:
        """See `ServedVersion.run`; a run is not stopped."""
        count = len(inputs[signature.required[0]])
        for name, array in inputs.items():
            if len(array) != count:
                raise ServingError(
                    "INVALID_ARGUMENT",
                    f"{name}: expected as many entries as photos, {count}, got {len(array)}",
                )
        try:
            (output,) = signature.outputs
            return {output: self._answers[signature.name](inputs)}
        except ServingError:
            raise
        except DeepkoalError as error:
            raise ServingError("INVALID_ARGUMENT", str(error)) from error

    def _colorize(self, inputs: Arrays) -> Array:
        return _pack(
            encode(self._colorizer.colorize(photo.rgb)) for photo, encode, _ in _read(inputs)
        )

    def _colorize_guided(self, inputs: Arrays) -> Array:
        def color(photo: Photo, encode: Callable[[Any], bytes], row: int) -> bytes:
            options = ColorOptions(
                vibrance=float(inputs["vibrance"][row]),
                hints=_read_hints(inputs["hint_points"][row], inputs["hint_colors"][row]),
                palette=_read_text(inputs["palette"][row], "palette") or None,
            )
            return encode(self._colorizer.colorize(photo.rgb, options))

        return _pack(color(*parts) for parts in _read(inputs))

    def _vary(self, inputs: Arrays) -> Array:
        counts, seeds = inputs["count"], inputs["seed"]
        for count in counts:
            if not 1 <= count <= MOST_VARIATIONS:
                raise DeepkoalError(f"count: expected 1 to {MOST_VARIATIONS}, got {count}")
        result = np.full((len(counts), max(counts, default=0)), b"", object)
        for photo, encode, row in _read(inputs):
            varied = self._colorizer.variations(photo.rgb, int(counts[row]), seed=int(seeds[row]))
            result[row, : len(varied)] = _pack(map(encode, varied))
        return result

    def _compute_ab(self, inputs: Arrays) -> Array:
        l, colorizer = inputs["l"], self._colorizer
        size = l.shape[1:3]
        if 0 in l.shape or size[0] % NETWORK_STRIDE or size[1] % NETWORK_STRIDE:
            raise DeepkoalError(
                f"l: expected height and width in multiples of {NETWORK_STRIDE}, got {size}"
            )
        stride = find_stride(colorizer.backend.name)
        outputs = run_network(colorizer.backend.predict, l[..., 0], stride)
        return np.stack(
            [
                PredictionCore(
                    l[row, ..., 0],
                    {name: output[row] for name, output in outputs.items()},
                    colorizer.decoding,
                ).decode()
                for row in range(len(l))
            ]
        )


def _read(inputs: Arrays) -> Iterator[tuple[Photo, Callable[[Any], bytes], int]]:
    """Yield each photo, what encodes its result as was asked for, and its row."""
    photos = inputs["photo_bytes"]
    formats = inputs.get("format", np.full(len(photos), b"png", object))
    qualities = inputs.get("quality", np.full(len(photos), _QUALITY))
    for row, data in enumerate(photos):
        kind = _read_text(formats[row], "format").lower()
        if kind not in FORMATS:
            raise DeepkoalError(f"format: expected png, jpeg or webp, got {kind!r}")
        photo = decode_photo(data, "photo_bytes", max_pixels=MAX_PIXELS, depth="auto")

        def encode(rgb: Any, photo: Photo = photo, kind: str = kind, row: int = row) -> bytes:
            return encode_photo(rgb, FORMATS[kind], photo, quality=int(qualities[row]))

        yield photo, encode, row


def _read_hints(points: Array, colors: Array) -> list[Hint]:
    """Return hints, without those that have no color or lie nowhere."""
    if len(points) != len(colors):
        raise DeepkoalError(
            f"expected as many hint_points as hint_colors, got {len(points)} and {len(colors)}"
        )
    return [
        Hint(float(x), float(y), _read_text(color, "hint_colors"))
        for (x, y), color in zip(points, colors, strict=True)
        if color and not (np.isnan(x) and np.isnan(y))
    ]


def _read_text(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DeepkoalError(f"{name}: expected text in UTF-8, got {data[:20]!r}") from error


def _pack(strings: Iterable[bytes]) -> Array:
    found = list(strings)
    array = np.empty(len(found), object)
    array[:] = found
    return array


def _define(signature: Signature) -> Any:
    """Return a signature as TensorFlow's message."""
    definition = SignatureDef(method_name=_METHOD)
    sides = ((definition.inputs, signature.inputs), (definition.outputs, signature.outputs))
    for infos, slots in sides:
        for name, slot in slots.items():
            info = infos[name]
            info.name = slot.tensor
            info.dtype = DATA_TYPE_NUMBERS[DATA_TYPES[slot.dtype.name]]
            for size in slot.shape or ():
                info.tensor_shape.dim.add(size=-1 if size is None else size)
    return definition
