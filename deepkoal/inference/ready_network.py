"""A network that is ready to be shown photos: where it comes from, and how it is used."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self, Unpack

from deepkoal.deprecation import rename_keywords
from deepkoal.errors import DeepkoalError, check_range
from deepkoal.guidance import DecodingConfig
from deepkoal.inference.backends import Backend, KerasBackend
from deepkoal.inference.loading import Loaded, load_from_file, load_from_preset
from deepkoal.inference.options_file import NetworkIdentity
from deepkoal.inference.prediction.working_size import DETAIL_RANGE, sort_working_sizes
from deepkoal.pretrained.presets import DEFAULT_PRESET
from deepkoal.restoration.options import RestorationKeywords, RestorationOptions

if TYPE_CHECKING:
    import keras

    from deepkoal.models.embedder import SemanticEmbedder


class ReadyNetwork:
    """What a `Colorizer` is made of, and how it is loaded and changed; arguments are told there."""

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

    def limit_working_sizes(self, side: int) -> Self:
        """Return a colorizer of which no working size is above `side`, if it has several."""
        if len(self.working_sizes) == 1 or self.working_size <= side:
            return self
        sizes = sorted({min(size, side) for size in self.working_sizes})
        return self._copy(working_size=sizes, restoration=self.restoration)

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
