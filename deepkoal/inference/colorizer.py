"""Colors photos of any size with a network that sees them small."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from deepkoal.arrays import ByteArray as ByteArray
from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.deprecation import rename_keywords, rename_members
from deepkoal.errors import DeepkoalError, check_range
from deepkoal.guidance import (
    CarriedColors,
    ColorKeywords,
    ColorOptions,
    DecodingConfig,
    Reference,
    ReferenceLike,
    join_references,
)
from deepkoal.image_io import read_image
from deepkoal.inference.backends import Backend, KerasBackend
from deepkoal.inference.batch_pass import (
    check_several,
    find_inside,
    predict_all,
    read_lightness,
)
from deepkoal.inference.loading import Loaded, load_from_file, load_from_preset
from deepkoal.inference.prediction import Prediction
from deepkoal.inference.saved_parts import NetworkIdentity
from deepkoal.inference.working_size import DETAIL_RANGE, sort_working_sizes
from deepkoal.pretrained.presets import DEFAULT_PRESET
from deepkoal.restoration.options import RestorationKeywords, RestorationOptions

if TYPE_CHECKING:
    import keras

    from deepkoal.models.embedder import SemanticEmbedder


@rename_members(engine="backend", reading="decoding", open="predict")
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
        identity: which weights they are, where they came from a preset or a file.
        restoration: how photos are repaired before they are colored; None leaves them as they are.
    """

    @rename_keywords(reading="decoding")
    def __init__(
        self,
        network: keras.Model | Backend,
        *,
        working_size: int | Iterable[int] = 128,
        decoding: DecodingConfig | None = None,
    ) -> None:
        is_backend = hasattr(network, "kind")  # a Keras model has none, and is not imported here
        self.backend: Backend = network if is_backend else KerasBackend(network)
        self.working_sizes = sort_working_sizes(working_size)
        self.decoding = decoding or DecodingConfig()
        self.identity: NetworkIdentity | None = None
        self.restoration: RestorationOptions | None = None

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
        return cls._of(load_from_preset(name, embedder, backend))

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
        return cls._of(load_from_file(path))

    @classmethod
    def _of(cls, loaded: Loaded) -> Self:
        made = cls(loaded.network, working_size=loaded.working_size, decoding=loaded.decoding)
        made.identity = loaded.identity
        return made

    def with_detail(self, detail: int | str = "auto") -> Self:
        """Return a colorizer of the same network that sees photos at another working size.

        Args:
            detail: side in pixels, 32…1024, at which it sees a square photo, once; or `auto` for
                the working sizes of this one.

        Raises:
            DeepkoalError: it is neither.
        """
        if detail == "auto":
            return self
        check_range(detail, "detail as auto or", *DETAIL_RANGE, whole=True)
        return self._copy(working_size=int(detail), restoration=self.restoration)

    def with_restoration(
        self,
        options: RestorationOptions | float | None = 1.0,
        **keywords: Unpack[RestorationKeywords],
    ) -> Self:
        """Return a colorizer of the same network that repairs photos before it colors them.

        Its predictions and results have the repaired lightness, not the photo's.

        Args:
            options: how they are repaired, or how strongly, 0…1; None to leave them as they are.
            keywords: fields of `RestorationOptions`, given anew: strength, denoise, tone,
                local_contrast, holes.

        Raises:
            DeepkoalError: as `RestorationOptions`.
        """
        chosen = None
        if options is not None or keywords:
            chosen = RestorationOptions.collect(options, keywords)
        return self._copy(working_size=self.working_sizes, restoration=chosen)

    def _copy(
        self, *, working_size: int | Iterable[int], restoration: RestorationOptions | None
    ) -> Self:
        made = type(self)(self.backend, working_size=working_size, decoding=self.decoding)
        made.identity, made.restoration = self.identity, restoration
        return made

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.backend!r}, working_size={list(self.working_sizes)})"

    def predict(self, photo: SampleArray) -> Prediction:
        """Return what the network says of a photo, to be rendered in any number of ways.

        Args:
            photo: uint8 or uint16 (H, W, 3) sRGB or (H, W) grey; of colors only the lightness is
                used.

        Raises:
            DeepkoalError: the array is no such photo.
        """
        return self._predict_all([photo])[0]

    def open_reference(self, photo: ReferenceLike | Sequence[ReferenceLike]) -> Reference:
        """Return what others need to take the colors of a photo, which costs a pass of the network.

        Args:
            photo: uint8 or uint16 (H, W, 3) sRGB, or the path of a photo file; or several of these,
                among which each thing finds its like.

        Raises:
            DeepkoalError: the array is no such photo, the file cannot be read, or the photo has no
                colors.
        """
        if isinstance(photo, Reference):
            return photo
        if isinstance(photo, (list, tuple)):
            return join_references([self.open_reference(each) for each in photo])
        if not isinstance(photo, (str, Path)):
            rgb = cast(SampleArray, photo)
            return self.predict(rgb).to_reference(rgb)
        rgb = read_image(photo)
        try:
            return self.predict(rgb).to_reference(rgb)
        except DeepkoalError as error:
            raise DeepkoalError(f"{photo}: {error}") from error

    def colorize(
        self,
        photo: SampleArray,
        options: ColorOptions | None = None,
        **keywords: Unpack[ColorKeywords],
    ) -> SampleArray:
        """Return a photo in color.

        Args:
            photo: uint8 or uint16 (H, W, 3) sRGB or (H, W) grey, any size; of colors only the
                lightness is used.
            options: how it is to be colored.
            keywords: fields of `ColorOptions`, given anew: vibrance, hints, palette, reference,
                variation, cleanup.

        Returns:
            The photo's type (H, W, 3), sRGB: its own lightness, with chroma that gives way where
            sRGB cannot show it.

        Raises:
            DeepkoalError: as `ColorOptions`, the array is no such photo, a hint lies outside the
                photo, or the network predicts no distribution that a palette could shift.
        """
        return self.colorize_batch([photo], options, **keywords)[0]

    def colorize_batch(
        self,
        photos: Iterable[SampleArray],
        options: ColorOptions | None = None,
        **keywords: Unpack[ColorKeywords],
    ) -> list[SampleArray]:
        """Return photos of mixed sizes in color; those of like aspect share a pass of the network.

        Args, results and errors as in `colorize`, with the same options for all; the photos may
        come from any iterable, a generator too.
        """
        options, listed = self._collect(options, keywords), check_several(photos)
        return [prediction.render(options) for prediction in self._predict_all(listed)]

    def variations(
        self,
        photo: SampleArray,
        count: int = 4,
        options: ColorOptions | None = None,
        *,
        seed: int = 0,
        **keywords: Unpack[ColorKeywords],
    ) -> list[SampleArray]:
        """Return `count` versions of a photo: what `colorize` returns, then plausible others.

        Args, results and errors as in `colorize` and `Prediction.variations`.
        """
        options = self._collect(options, keywords)
        return self.predict(photo).variations(count, options, seed=seed)

    def uncertainty(self, photo: SampleArray) -> FloatArray:
        """Return how much the network doubts the colors of each place, float32 (H, W), 0…1.

        Args and errors as in `colorize` and `Prediction.uncertainty`.
        """
        return self.predict(photo).uncertainty()

    def _collect(self, options: ColorOptions | None, keywords: Any) -> ColorOptions:
        return self.open_options(ColorOptions.collect(options, keywords))

    def open_options(self, options: ColorOptions) -> ColorOptions:
        """Return options for many photos: a reference photo is shown to the network once for all.

        Raises:
            DeepkoalError: as `open_reference`.
        """
        if isinstance(options.reference, (Reference, CarriedColors, type(None))):
            return options
        return replace(options, reference=self.open_reference(options.reference))

    def read_lightness(self, photo: SampleArray) -> FloatArray:
        """Return a photo's L, float32 (H, W) in 0…100, repaired where the colorizer repairs.

        Args and errors as in `predict`.
        """
        l = read_lightness(photo)
        if self.restoration is None or not self.restoration.changes:
            return l
        from deepkoal.restoration import restore_lightness  # it needs backends, as this does

        return restore_lightness(l, self.restoration).l

    def _predict_all(self, photos: Sequence[SampleArray]) -> list[Prediction]:
        bare = [
            Prediction(
                l, {}, self.decoding, find_inside(l), self.open_reference, 8 * photo.dtype.itemsize
            )
            for l, photo in zip(map(self.read_lightness, photos), photos, strict=True)
        ]
        return predict_all(bare, self.backend, self.working_sizes)

    def predict_lightness(
        self, all_l: Sequence[FloatArray], borders: Sequence[FloatArray | None]
    ) -> list[Prediction]:
        """Return what the network says of photos of which only the lightness is at hand.

        Args:
            all_l: float32 (H, W) each, L in 0…100.
            borders: of each, as `SeenPhoto` has it.
        """
        bare = [
            Prediction(l, {}, self.decoding, border, self.open_reference)
            for l, border in zip(all_l, borders, strict=True)
        ]
        return predict_all(bare, self.backend, self.working_sizes)
