"""Colors photos of any size with a network that sees them small."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, Unpack

import numpy as np
from numpy.typing import NDArray

from deepkoal.color import normalize_l
from deepkoal.errors import DeepkoalError, WeightsError
from deepkoal.guidance import (
    ColorOptions,
    DecodingConfig,
    Hint,
    Palette,
    Reference,
    check_vibrance,
    measure_ab,
)
from deepkoal.inference.backends import Backend, KerasBackend, find_backend, open_backend
from deepkoal.inference.prediction import Prediction
from deepkoal.pretrained.networks import load_backend, load_network, load_trained
from deepkoal.pretrained.presets import DEFAULT_PRESET, list_presets, load_preset
from deepkoal.pretrained.run_dir import load_decoding, read_training_size
from deepkoal.rendering.composition import lightness
from deepkoal.rendering.upsampling import NETWORK_STRIDE, find_stride, resize_for_network

if TYPE_CHECKING:
    import keras

    from deepkoal.models.embedder import SemanticEmbedder

ByteArray = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

ROUND_TO = 8
BATCH = 16


def fit_working_size(height: int, width: int, working_size: int) -> tuple[int, int]:
    """Choose the size at which a network sees a photo: constant area, the photo's aspect.

    Args:
        height: of the photo, in pixels.
        width: likewise.
        working_size: side of a square photo as the network sees it.

    Returns:
        Height and width, multiples of 8 from 32 up; the aspect is kept to 1:8 at most.
    """
    stretch = min(max(height / width, 1 / 8), 8) ** 0.5
    sides = (working_size * stretch, working_size / stretch)
    rounded = [max(NETWORK_STRIDE, round(side / ROUND_TO) * ROUND_TO) for side in sides]
    return rounded[0], rounded[1]


class Colorizer:
    """A network with all that turns a photo into its input and its outputs into a photo.

    Args:
        network: from `l_norm` (B, h, w, 1) to `logits` or `ab_norm`, see `deepkoal.models`; or
            a backend that runs one, see `deepkoal.inference.backends`.

    Attributes:
        backend: that runs the network.
        working_size: side in pixels at which a square photo is shown to the network; other
            aspects are shown at the same area.
        decoding: how its outputs are read; `DecodingConfig()` where None.
    """

    def __init__(
        self,
        network: keras.Model | Backend,
        *,
        working_size: int = 128,
        decoding: DecodingConfig | None = None,
    ) -> None:
        is_engine = hasattr(network, "kind")  # a Keras model has none, and is not imported here
        self.backend: Backend = network if is_engine else KerasBackend(network)
        self.working_size = working_size
        self.decoding = decoding or DecodingConfig()

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

        A run is read as its `decoding.json` tells, or else as its preset is, with the prior of its
        own photos.

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
            told = backend.description
            decoding = DecodingConfig.from_config(told.decoding)
            return cls(backend, working_size=told.working_size, decoding=decoding)
        network, file = load_trained(path)
        preset = {preset.network: preset for preset in list_presets()}[network.name]
        size = read_training_size(file.parent) or preset.working_size
        decoding = load_decoding(file.parent, DecodingConfig.from_config(preset.decoding))
        return cls(network, working_size=size, decoding=decoding)

    def open(self, photo: ByteArray) -> Prediction:
        """Show a photo to the network.

        Args:
            photo: uint8 (H, W, 3) sRGB or (H, W) grey; of colors only the lightness is used.

        Raises:
            DeepkoalError: the array is no such photo.
        """
        return self._open_all([photo])[0]

    def open_reference(self, photo: ByteArray) -> Reference:
        """Show a color photo to the network, for others to take its colors.

        Args:
            photo: uint8 (H, W, 3) sRGB.

        Raises:
            DeepkoalError: the array is no such photo, or has no colors.
        """
        prediction = self.open(photo)
        height, width = prediction.outputs["features"].shape[:2]
        return Reference(prediction.points, measure_ab(photo, height, width).reshape(-1, 2))

    def colorize(
        self,
        photo: ByteArray,
        *,
        vibrance: float = 1.0,
        hints: Sequence[Hint] = (),
        palette: Palette | None = None,
        reference: ByteArray | None = None,
        cleanup: bool = True,
    ) -> ByteArray:
        """Color a photo.

        Args:
            photo: uint8 (H, W, 3) sRGB or (H, W) grey, any size; of colors only the lightness is
                used.
            vibrance: 0.2…5; more is more vivid, at 1 photos are as colorful as real ones are on
                average.
            hints: colors for places of the photo, which spread to what is like them.
            palette: leads what the network doubts toward its colors.
            reference: a color photo, uint8 (H, W, 3) sRGB; like things take its colors.
            cleanup: whether doubtful blotches are settled, casts balanced and near-neutral things
                kept neutral, see `deepkoal.guidance.chroma_cleanup`; networks without a distribution do without.

        Returns:
            uint8 (H, W, 3) sRGB: the photo's own lightness, with chroma that gives way where sRGB
            cannot show it.

        Raises:
            DeepkoalError: the array is no such photo, vibrance is out of range, a hint lies
                outside the photo, or the network tells no distribution that a palette could shift.
        """
        check_vibrance(vibrance)
        taken = None if reference is None else self.open_reference(reference)
        return self.open(photo).render(
            vibrance=vibrance, hints=hints, palette=palette, reference=taken, cleanup=cleanup
        )

    def colorize_batch(
        self, photos: Sequence[ByteArray], **options: Unpack[ColorOptions]
    ) -> list[ByteArray]:
        """Color photos of mixed sizes; those of like aspect share a pass of the network.

        Args:
            photos: as in `colorize`.
            options: likewise, but for `reference`, which is what `open_reference` returns.

        Returns:
            A colored photo for each, in order.

        Raises:
            DeepkoalError: as in `colorize`.
        """
        check_vibrance(options.get("vibrance", 1.0))
        return [prediction.render(**options) for prediction in self._open_all(photos)]

    def variations(
        self, photo: ByteArray, count: int = 4, *, seed: int = 0, vibrance: float = 1.0
    ) -> list[ByteArray]:
        """Color a photo in several plausible ways.

        Args:
            photo: as in `colorize`.
            count: of results.
            seed: the same seed gives the same results.
            vibrance: as in `colorize`.

        Returns:
            `count` photos, uint8 (H, W, 3) sRGB: first what `colorize` returns, then alternatives,
            most likely first.

        Raises:
            DeepkoalError: as in `colorize`, or the network tells no distribution.
        """
        return self.open(photo).variations(count, seed=seed, vibrance=vibrance)

    def uncertainty(self, photo: ByteArray) -> FloatArray:
        """Tell how much the network doubts the colors of each place.

        Args:
            photo: as in `colorize`.

        Returns:
            float32 (H, W): e / (e + 20), where e is how far, in ab units, the network expects the
            true color from the one shown. That follows true errors closer than the entropy of the
            distribution, `guidance.uncertainty`, does (models/koala-lite/README.md).

        Raises:
            DeepkoalError: the array is no photo, or the network tells no distribution.
        """
        return self.open(photo).uncertainty()

    def _open_all(self, photos: Sequence[ByteArray]) -> list[Prediction]:
        all_l = [_read_lightness(photo) for photo in photos]
        alike = defaultdict(list)
        for index, l in enumerate(all_l):
            alike[fit_working_size(l.shape[0], l.shape[1], self.working_size)].append(index)
        prediction: dict[int, Prediction] = {}
        for size, indices in alike.items():
            for start in range(0, len(indices), BATCH):
                chunk = indices[start : start + BATCH]
                outputs = self._predict(
                    np.stack([resize_for_network(all_l[index], *size) for index in chunk])
                )
                for position, index in enumerate(chunk):
                    own = {name: output[position] for name, output in outputs.items()}
                    prediction[index] = Prediction(all_l[index], own, self.decoding)
        return [prediction[index] for index in range(len(photos))]

    def _predict(self, l: FloatArray) -> dict[str, FloatArray]:
        """Run the network on l (B, h, w), mirrored at its edges to whole strides."""
        height, width = l.shape[1:]
        stride = find_stride(self.backend.name)
        missing = [(0, -side % stride) for side in (height, width)]
        padded = np.pad(normalize_l(l), [(0, 0), *missing], mode="reflect")[..., None]
        cropped = {}
        for name, output in self.backend.predict(padded).items():
            stride = padded.shape[1] // output.shape[1]
            cropped[name] = output[:, : height // stride, : width // stride]
        return cropped


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
