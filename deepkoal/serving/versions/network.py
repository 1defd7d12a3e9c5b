"""A version of a model that is a bare network: a `Colorizer` answers, without TensorFlow.

The pixels are those of `deepkoal colorize`, with all that a photo's file carries and the note of
how it was made, for the code is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from deepkoal.errors import DeepkoalError
from deepkoal.guidance import ColorOptions
from deepkoal.guidance.variation_latents import MOST_VARIATIONS
from deepkoal.image_io import decode_photo
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.options_file import ReferenceFile, VariationChoice, hash_bytes
from deepkoal.inference.prediction.core import PredictionCore
from deepkoal.inference.prediction.working_size import find_stride, run_network
from deepkoal.models import NETWORK_STRIDE
from deepkoal.serving.errors import ServingError
from deepkoal.serving.tensors.messages import DATA_TYPE_NUMBERS, DATA_TYPES, SignatureDef
from deepkoal.serving.tensors.signature import DEFAULT_SIGNATURE, Array, Arrays, Signature
from deepkoal.serving.versions.photo_requests import (
    FORMAT,
    GUIDED,
    MARKS,
    MAX_PIXELS,
    PHOTOS,
    PhotoRequest,
    make_slot,
    read_photos,
)
from deepkoal.serving.versions.served_version import ServedVersion

_METHOD = "tensorflow/serving/predict"

_VARIED = {"count": make_slot("count", np.int32), "seed": make_slot("seed", np.int32)}


class NetworkVersion(ServedVersion):
    """A loaded network: the signatures of an export, and inputs that no graph takes beside them.

    Args:
        name: the model's.
        version: its number.
        colorizer: that answers.
    """

    def __init__(self, name: str, version: int, colorizer: Colorizer) -> None:
        super().__init__(name, version)
        self._colorizer = colorizer
        image = {"image_bytes": make_slot("image_bytes", object)}
        images = {"image_bytes": make_slot("image_bytes", object, None)}
        l, ab = (
            make_slot("l", np.float32, None, None, 1),
            make_slot("ab", np.float32, None, None, 2),
        )
        self._answers: dict[str, Callable[[Arrays], Array]] = {
            DEFAULT_SIGNATURE: self._colorize,
            "colorize_guided": self._colorize_guided,
            "colorize_full": self._colorize_guided,
            "ab": self._compute_ab,
        }
        slots = {
            DEFAULT_SIGNATURE: (PHOTOS | FORMAT, image),
            "colorize_guided": (PHOTOS | GUIDED | FORMAT, image),
            "colorize_full": (PHOTOS | GUIDED | MARKS | FORMAT, image),
            "ab": ({"l": l}, {"ab": ab}),
        }
        if "logits" in colorizer.backend.outputs:
            self._answers["variations"] = self._vary
            slots["variations"] = (PHOTOS | _VARIED | FORMAT, images)
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
        options = ColorOptions()
        return _pack(
            work.encode(work.colorizer.colorize(work.photo.rgb, options), options)
            for work in read_photos(inputs, self._colorizer)
        )

    def _colorize_guided(self, inputs: Arrays) -> Array:
        def color(work: PhotoRequest) -> bytes:
            reference = work.get("reference_bytes")
            options = ColorOptions(
                vibrance=float(work.get("vibrance")) or 1.0,
                hints=work.list_hints(),
                palette=work.get_text("palette") or None,
            )
            if not reference:
                return work.encode(work.colorizer.colorize(work.photo.rgb, options), options)
            shown = decode_photo(reference, "reference_bytes", max_pixels=MAX_PIXELS)
            options = replace(options, reference=work.colorizer.open_reference(shown.rgb))
            file = ReferenceFile(Path("reference_bytes"), hash_bytes(reference))
            rgb = work.colorizer.colorize(work.photo.rgb, options)
            return work.encode(rgb, options, reference=file)

        return _pack(map(color, read_photos(inputs, self._colorizer)))

    def _vary(self, inputs: Arrays) -> Array:
        counts, seeds = inputs["count"], inputs["seed"]
        for count in counts:
            if not 1 <= count <= MOST_VARIATIONS:
                raise DeepkoalError(f"count: expected 1 to {MOST_VARIATIONS}, got {count}")
        result = np.full((len(counts), max(counts, default=0)), b"", object)
        for work in read_photos(inputs, self._colorizer):
            count, seed = int(counts[work.row]), int(seeds[work.row])
            varied = work.colorizer.variations(work.photo.rgb, count, seed=seed)
            result[work.row, :count] = _pack(
                work.encode(rgb, ColorOptions(), variation=VariationChoice(seed, index, count))
                for index, rgb in enumerate(varied)
            )
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
