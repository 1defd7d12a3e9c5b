"""Colors photos of any size with a network that sees them small."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

import numpy as np

from deepkoal.arrays import ByteArray as ByteArray
from deepkoal.arrays import FloatArray
from deepkoal.deprecation import rename_keywords, warn_renamed
from deepkoal.errors import DeepkoalError, WeightsError, check_range
from deepkoal.guidance import (
    ColorKeywords,
    ColorOptions,
    DecodingConfig,
    Reference,
    measure_ab,
)
from deepkoal.inference.backends import Backend, KerasBackend, find_backend, open_backend
from deepkoal.inference.prediction import Prediction
from deepkoal.inference.scene import find_border
from deepkoal.inference.working_size import (
    LEAST_SIDE,
    fit_working_sizes,
    merge_outputs,
    run_network,
)
from deepkoal.pretrained.networks import load_backend, load_network, load_trained
from deepkoal.pretrained.presets import DEFAULT_PRESET, list_presets, load_preset
from deepkoal.pretrained.run_dir import load_decoding, read_training_size
from deepkoal.rendering.composition import lightness
from deepkoal.rendering.resampling import resize
from deepkoal.rendering.upsampling import find_stride
from deepkoal.short_repr import summarize

if TYPE_CHECKING:
    import keras

    from deepkoal.models.embedder import SemanticEmbedder

BATCH = 16
"""Photos that share a pass of the network."""

_FORMER_ATTRIBUTES = {"engine": "backend", "reading": "decoding"}


class Colorizer:
    """A network with all that turns a photo into its input and its outputs into a photo.

    Args:
        network: from `l_norm` (B, h, w, 1) to `logits` or `ab_norm`, see `deepkoal.models`; or
            a backend that runs one, see `deepkoal.inference.backends`.

    Attributes:
        backend: that runs the network.
        working_sizes: sides in pixels at which a square photo is shown to the network, from small
            to large; other aspects are shown at the same area. What it says at each is averaged.
        decoding: how its outputs become colors; `DecodingConfig()` where None.
    """

    @rename_keywords(reading="decoding")
    def __init__(
        self,
        network: keras.Model | Backend,
        *,
        working_size: int | Iterable[int] = 128,
        decoding: DecodingConfig | None = None,
    ) -> None:
        sizes: list[Any] = list(working_size) if isinstance(working_size, Iterable) else []
        for size in sizes or [working_size]:
            check_range(size, "a working size", LEAST_SIDE, whole=True)
        is_backend = hasattr(network, "kind")  # a Keras model has none, and is not imported here
        self.backend: Backend = network if is_backend else KerasBackend(network)
        self.working_sizes = tuple(sorted(int(size) for size in sizes or [working_size]))
        self.decoding = decoding or DecodingConfig()

    @property
    def working_size(self) -> int:
        """The largest of the working sizes, in pixels."""
        return self.working_sizes[-1]

    @property
    def network(self) -> keras.Model:
        """The Keras network.

        Raises:
            DeepkoalError: another backend runs it, so that there is none.
        """
        if not isinstance(self.backend, KerasBackend):
            raise DeepkoalError(
                f"expected a Keras network, but this one runs on {self.backend.kind}; load the "
                "preset or the .keras file that it came from on the keras backend"
            )
        return self.backend.network

    @classmethod
    @rename_keywords(engine="backend")
    def from_preset(
        cls,
        name: str = DEFAULT_PRESET,
        *,
        embedder: SemanticEmbedder | None = None,
        backend: str = "keras",
    ) -> Self:
        """Load a preset with the weights that came with the library.

        Args:
            name: of the preset.
            embedder: for `koala` on Keras: any of ImageNet-1k's classes; EfficientNet-Lite0 where
                None.
            backend: `keras`, `litert` or `onnx`; the latter two need neither TensorFlow nor Keras.

        Raises:
            WeightsError: there is no such preset, it has no weights or none for that backend,
                they are damaged, or the backend is not installed.
        """
        preset = load_preset(name)
        if backend == "keras":
            network: keras.Model | Backend = load_network(name, embedder=embedder)
        elif embedder is not None:
            raise WeightsError(f"an embedder can be given on the keras backend only, not {backend}")
        else:
            network = load_backend(name, backend)
        decoding = DecodingConfig.from_config(preset.decoding)
        return cls(network, working_size=preset.working_size, decoding=decoding)

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Load a network of one's own.

        A run is decoded as its `decoding.json` says, or else as its preset is, with the prior of
        its own photos.

        Args:
            path: a `.keras` file, the folder of a run (its `best.keras` is taken), or what
                `deepkoal export` wrote: a `.tflite` file, which runs on LiteRT, or an `.onnx`
                file, which runs on ONNX Runtime.

        Raises:
            WeightsError: there is no such file, it holds no network of this library, or its
                backend is not installed.
        """
        if find_backend(path) != "keras":
            backend = open_backend(path)
            found = backend.description
            decoding = DecodingConfig.from_config(found.decoding)
            return cls(backend, working_size=found.working_size, decoding=decoding)
        network, file = load_trained(path)
        preset = {preset.network: preset for preset in list_presets()}[network.name]
        size = read_training_size(file.parent) or preset.working_size
        decoding = load_decoding(file.parent, DecodingConfig.from_config(preset.decoding))
        return cls(network, working_size=size, decoding=decoding)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute by its former name."""
        if name not in _FORMER_ATTRIBUTES:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        warn_renamed(name, _FORMER_ATTRIBUTES[name])
        return getattr(self, _FORMER_ATTRIBUTES[name])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.backend!r}, working_size={list(self.working_sizes)})"

    def predict(self, photo: ByteArray) -> Prediction:
        """Return what the network says of a photo, to be rendered in any number of ways.

        Args:
            photo: uint8 (H, W, 3) sRGB or (H, W) grey; of colors only the lightness is used.

        Raises:
            DeepkoalError: the array is no such photo.
        """
        return self._predict_all([photo])[0]

    def open(self, photo: ByteArray) -> Prediction:
        """Return `predict`, by its former name."""
        warn_renamed("open", "predict")
        return self.predict(photo)

    def open_reference(self, photo: ByteArray) -> Reference:
        """Return what others need to take the colors of a photo, which costs a pass of the network.

        Args:
            photo: uint8 (H, W, 3) sRGB.

        Raises:
            DeepkoalError: the array is no such photo, or has no colors.
        """
        prediction = self.predict(photo)
        height, width = prediction.outputs["features"].shape[:2]
        box = prediction.box
        inside = photo if box is None else photo[box[0] : box[1], box[2] : box[3]]
        return Reference(prediction.points, measure_ab(inside, height, width).reshape(-1, 2))

    def colorize(
        self,
        photo: ByteArray,
        options: ColorOptions | None = None,
        **keywords: Unpack[ColorKeywords],
    ) -> ByteArray:
        """Return a photo in color.

        Args:
            photo: uint8 (H, W, 3) sRGB or (H, W) grey, any size; of colors only the lightness is
                used.
            options: how it is to be colored.
            keywords: fields of `ColorOptions`, given anew: vibrance, hints, palette, reference,
                variation, cleanup.

        Returns:
            uint8 (H, W, 3) sRGB: the photo's own lightness, with chroma that gives way where sRGB
            cannot show it.

        Raises:
            DeepkoalError: as `ColorOptions`, the array is no such photo, a hint lies outside the
                photo, or the network predicts no distribution that a palette could shift.
        """
        return self.colorize_batch([photo], options, **keywords)[0]

    def colorize_batch(
        self,
        photos: Iterable[ByteArray],
        options: ColorOptions | None = None,
        **keywords: Unpack[ColorKeywords],
    ) -> list[ByteArray]:
        """Return photos of mixed sizes in color; those of like aspect share a pass of the network.

        Args:
            photos: each as in `colorize`; any iterable, a generator too.
            options: likewise, for all of them.
            keywords: likewise.

        Returns:
            A colored photo for each, in order.

        Raises:
            DeepkoalError: as in `colorize`.
        """
        options, listed = self._collect(options, keywords), _list_photos(photos)
        return [prediction.render(options) for prediction in self._predict_all(listed)]

    def variations(
        self,
        photo: ByteArray,
        count: int = 4,
        options: ColorOptions | None = None,
        *,
        seed: int = 0,
        **keywords: Unpack[ColorKeywords],
    ) -> list[ByteArray]:
        """Return a photo in several plausible ways, see `Prediction.variations`.

        Args:
            photo: as in `colorize`.
            count: of results.
            options: as in `colorize`.
            seed: from 0 up; the same seed gives the same results.
            keywords: as in `colorize`.

        Returns:
            `count` photos, uint8 (H, W, 3) sRGB: first what `colorize` returns, then alternatives,
            most likely first.

        Raises:
            DeepkoalError: as in `colorize`, the network predicts no distribution, the count is
                below 1 or the seed below 0.
        """
        options = self._collect(options, keywords)
        return self.predict(photo).variations(count, options, seed=seed)

    def uncertainty(self, photo: ByteArray) -> FloatArray:
        """Return how much the network doubts the colors of each place.

        Args:
            photo: as in `colorize`.

        Returns:
            float32 (H, W): e / (e + 20), where e is how far, in ab units, the network expects the
            true color from the one shown. That follows true errors closer than the entropy of the
            distribution, `guidance.uncertainty`, does (models/koala-lite/README.md).

        Raises:
            DeepkoalError: the array is no photo, or the network predicts no distribution.
        """
        return self.predict(photo).uncertainty()

    def _collect(self, options: ColorOptions | None, keywords: Any) -> ColorOptions:
        """Return validated options, with a reference photo shown to the network once for all."""
        options = ColorOptions.collect(options, keywords)
        if not isinstance(options.reference, np.ndarray):
            return options
        return replace(options, reference=self.open_reference(options.reference))

    def _predict_all(self, photos: Sequence[ByteArray]) -> list[Prediction]:
        all_l = [_read_lightness(photo) for photo in photos]
        seen = [
            Prediction(l, {}, self.decoding, _find_border(l), self.open_reference) for l in all_l
        ]
        alike = defaultdict(list)
        for index, photo in enumerate(seen):
            alike[fit_working_sizes(np.array(photo.inner_l.shape), self.working_sizes)].append(
                index
            )
        for sizes, indices in alike.items():
            for start in range(0, len(indices), BATCH):
                chunk = indices[start : start + BATCH]
                outputs = self._run([seen[index].inner_l for index in chunk], sizes)
                for position, index in enumerate(chunk):
                    own = {name: output[position] for name, output in outputs.items()}
                    seen[index] = replace(seen[index], outputs=own)
        return seen

    def _run(self, all_l: list[FloatArray], sizes: Sequence[tuple[int, int]]) -> dict[str, Any]:
        """Return the network's outputs for photos of one aspect, merged over the sizes."""
        stride = find_stride(self.backend.name)
        passes = []
        for size in sizes:
            shown = np.stack([resize(l, *size) for l in all_l])
            passes.append(run_network(self.backend.predict, shown, stride))
        return merge_outputs(passes)


def _find_border(l: FloatArray) -> FloatArray | None:
    """Return what a border leaves of a photo, None where there is none."""
    border = find_border(l)
    return None if tuple(border) == (0, 1, 0, 1) else border


def _list_photos(photos: Iterable[ByteArray]) -> list[ByteArray]:
    is_one = isinstance(photos, np.ndarray) and (
        photos.ndim < 3 or (photos.ndim == 3 and photos.shape[2] == 3)
    )
    if is_one or isinstance(photos, str | bytes | Mapping) or not isinstance(photos, Iterable):
        raise DeepkoalError(
            f"expected several photos, in a list or other iterable, got {summarize(photos)}; put "
            "a single one in a list, or call colorize"
        )
    return list(photos)


def _read_lightness(photo: ByteArray) -> FloatArray:
    if (
        not isinstance(photo, np.ndarray)
        or photo.dtype != np.uint8
        or photo.ndim not in (2, 3)
        or (photo.ndim == 3 and photo.shape[2] != 3)
        or 0 in photo.shape
    ):
        is_array = isinstance(photo, np.ndarray)
        got = f"{photo.dtype} {photo.shape}" if is_array else type(photo).__name__
        raise DeepkoalError(
            f"expected a photo as uint8 (H, W, 3) or (H, W), got {got}; "
            "deepkoal.read_image gives such an array"
        )
    return lightness(photo)
