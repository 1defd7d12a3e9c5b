"""Colors photos of any size with a network that sees them small."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack, cast

import numpy as np

from deepkoal.arrays import ByteArray as ByteArray
from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.deprecation import rename_members
from deepkoal.errors import DeepkoalError, numbered
from deepkoal.guidance import (
    CarriedColors,
    ColorKeywords,
    ColorOptions,
    Reference,
    ReferenceLike,
    join_references,
)
from deepkoal.guidance.color_options import list_references
from deepkoal.image_io import read_image
from deepkoal.inference.batch_pass import (
    check_several,
    find_inside,
    predict_all,
    read_lightness,
)
from deepkoal.inference.prediction import Prediction
from deepkoal.inference.ready_network import ReadyNetwork


@rename_members(engine="backend", reading="decoding", open="predict")
class Colorizer(ReadyNetwork):
    """A network with all that turns a photo into its input and its outputs into a photo.

    Args:
        network: from `l_norm` (B, h, w, 1) to `logits` or `ab_norm`, see `deepkoal.models`; or
            a backend that runs one, see `deepkoal.inference.backends`.

    Attributes:
        backend: that runs the network.
        working_sizes: sides in pixels at which a square photo is shown to the network, from small
            to large; other aspects are shown at the same area. Its predictions are averaged.
        decoding: how its outputs become colors; `DecodingConfig()` where None.
        identity: which weights they are, where they came from a preset or a file.
        restoration: how photos are repaired before they are colored; None leaves them as they are.
    """

    def predict(self, photo: SampleArray) -> Prediction:
        """Return what the network predicts of a photo, to be rendered in any number of ways.

        Args:
            photo: uint8 or uint16 (H, W, 3) sRGB or (H, W) grey; of colors only the lightness is
                used.

        Raises:
            DeepkoalError: the array is no such photo.
        """
        return self._predict_all([photo])[0]

    def open_reference(self, photo: ReferenceLike | Iterable[ReferenceLike]) -> Reference:
        """Return what others need to take the colors of a photo: two passes of the network.

        It is seen mirrored, too: things that face the other way are found in it as well. A small
        picture of it is kept: where a photo is the same one, cut or of another size, its places
        take their own colors, see `guidance.registration`.

        Args:
            photo: uint8 or uint16 (H, W, 3) sRGB, or the path of a photo file; or several of these
                in any iterable, among which each thing finds its like.

        Raises:
            DeepkoalError: the array is no such photo, the file cannot be read, or the photo has no
                colors.
        """
        return self._open_reference(photo, self._see_both_ways)

    def see_reference(self, photo: ReferenceLike | Iterable[ReferenceLike]) -> Reference:
        """Return `open_reference` of one pass, of the photo as it is alone.

        For a film's frames, and for albums, which mirrored places gave 0.2 dB less. No picture
        is kept, as no other photo there is the same one.
        """
        return replace(self._open_reference(photo, self._see), pictures=())

    def _open_reference(
        self,
        photo: ReferenceLike | Iterable[ReferenceLike],
        see: Callable[[SampleArray], Reference],
    ) -> Reference:
        if isinstance(photo, Reference):
            return photo
        if (listed := list_references(photo)) is not None:
            found = []
            for number, each in enumerate(listed, 1):
                with numbered("reference", number, len(listed)):
                    found.append(self._open_reference(each, see))
            return join_references(found)
        if not isinstance(photo, (str, Path)):
            return see(cast(SampleArray, photo))
        rgb = read_image(photo)
        try:
            return see(rgb)
        except DeepkoalError as error:
            raise DeepkoalError(f"{photo}: {error}") from error

    def _see(self, rgb: SampleArray) -> Reference:
        return self.predict(rgb).to_reference(rgb)

    def _see_both_ways(self, rgb: SampleArray) -> Reference:
        return join_references([self._see(rgb), self._see(np.ascontiguousarray(rgb[:, ::-1]))])

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
        bare = []
        for number, photo in enumerate(photos, 1):
            with numbered("photo", number, len(photos)):
                l = self.read_lightness(photo)
            bits = 8 * photo.dtype.itemsize
            bare.append(Prediction(l, {}, self.decoding, find_inside(l), self.open_reference, bits))
        return predict_all(bare, self.backend, self.working_sizes)

    def predict_lightness(
        self, all_l: Sequence[FloatArray], borders: Sequence[FloatArray | None]
    ) -> list[Prediction]:
        """Return what the network predicts of photos of which only the lightness is at hand.

        Args:
            all_l: float32 (H, W) each, L in 0…100.
            borders: of each, as `SeenPhoto` has it.
        """
        bare = [
            Prediction(l, {}, self.decoding, border, self.open_reference)
            for l, border in zip(all_l, borders, strict=True)
        ]
        return predict_all(bare, self.backend, self.working_sizes)
