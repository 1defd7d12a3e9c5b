"""How a photo is to be colored: all kinds of guidance together, validated once."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import numpy as np

from deepkoal.arrays import ByteArray
from deepkoal.deprecation import warn_renamed
from deepkoal.errors import DeepkoalError, check_range, numbered
from deepkoal.guidance.carrying import CarriedColors
from deepkoal.guidance.color_balance import check_saturation
from deepkoal.guidance.decoding import check_vibrance
from deepkoal.guidance.palette import Palette
from deepkoal.guidance.reference import Reference
from deepkoal.guidance.variation_latents import VariationLatents
from deepkoal.hints import AnyHint, check_kind
from deepkoal.short_repr import short_repr, summarize

ReferenceLike: TypeAlias = Reference | ByteArray | str | Path


class ColorKeywords(TypedDict, total=False):
    """The keywords of every method that colors, for type checkers: the fields of `ColorOptions`."""

    vibrance: float
    hints: Iterable[AnyHint]
    palette: Palette | str | None
    reference: ReferenceLike | Iterable[ReferenceLike] | CarriedColors | None
    variation: VariationLatents | None
    cleanup: bool
    warmth: float
    saturation: Mapping[str, float]


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class ColorOptions:
    """How a photo is to be colored.

    Attributes:
        vibrance: 0.2…5; more is more vivid, 1 is what suits the network, see
            `DecodingConfig.gain`.
        hints: colors for places of the photo, which spread to what is like them.
        palette: leads what the network doubts toward its colors; one that came with the library
            may be given by its name.
        reference: a color photo whose colors like things take, uint8 (H, W, 3) sRGB or its file's
            path, or what `Colorizer.open_reference` returned for one, which saves another pass of
            the network; or several of these, in any iterable; or what an `Album` carries to this
            very photo.
        variation: one of `Prediction.list_variations`, which all else then starts from.
        cleanup: whether doubtful blotches are settled, casts balanced and near-neutral things kept
            neutral, see `deepkoal.chroma_cleanup`; networks without a distribution do without.
        warmth: −1…1, as under a warmer or cooler light, see `guidance.color_balance`; all that is
            not hinted shifts, neutral things too.
        saturation: factors 0…3 by hue (red, yellow, green, cyan, blue, magenta), such as
            `{"blue": 1.3}`.

    Raises:
        DeepkoalError: one of them is something else or out of range, or there is no such palette.
    """

    vibrance: float = 1.0
    hints: Iterable[AnyHint] = ()
    palette: Palette | str | None = None
    reference: ReferenceLike | Iterable[ReferenceLike] | CarriedColors | None = None
    variation: VariationLatents | None = None
    cleanup: bool = True
    warmth: float = 0.0
    saturation: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Validate every option, and give it its one form."""
        palette = Palette.named(self.palette) if isinstance(self.palette, str) else self.palette
        _check_kind("palette", palette, Palette, "a deepkoal.Palette or a name")
        reference = _check_reference(self.reference)
        _check_kind("variation", self.variation, VariationLatents, "one of list_variations")
        if self.variation is not None and len(self.variation.vibrances) != 1:
            raise DeepkoalError("expected one variation, got several; take them one by one")
        if not isinstance(self.cleanup, (bool, np.bool_)):
            raise DeepkoalError(f"expected cleanup as True or False, got {self.cleanup!r}")
        check_range(self.warmth, "warmth", -1, 1)
        forms = {
            "vibrance": check_vibrance(self.vibrance),
            "hints": check_kind(self.hints),
            "palette": palette,
            "reference": reference,
            "cleanup": bool(self.cleanup),
            "saturation": check_saturation(self.saturation),
        }
        for name, value in forms.items():
            object.__setattr__(self, name, value)

    @classmethod
    def collect(cls, options: ColorOptions | None, keywords: Mapping[str, Any]) -> ColorOptions:
        """Return options with some of them given anew as keywords.

        Raises:
            DeepkoalError: as `ColorOptions`.
            TypeError: there is no such option.
        """
        keywords = dict(keywords)
        if "tidy" in keywords:
            warn_renamed("tidy=", "cleanup=", stacklevel=4)
            keywords["cleanup"] = keywords.pop("tidy")
        if options is None:
            return cls(**keywords)
        if not isinstance(options, ColorOptions):
            raise DeepkoalError(
                f"expected deepkoal.guidance.ColorOptions, got {summarize(options)}; give one "
                "option by its name, as vibrance=1.2"
            )
        return replace(options, **keywords)


def list_references(reference: Any) -> tuple[Any, ...] | None:
    """Return references that come as several in any iterable, a generator too; None for one."""
    no_list = (str, bytes, bytearray, memoryview, Mapping, io.IOBase)
    if not isinstance(reference, Iterable) or isinstance(reference, no_list):
        return None
    return None if hasattr(reference, "shape") else tuple(reference)


def _check_reference(reference: Any) -> Any:
    """Return one reference as it is, several as a tuple."""
    kinds = (Reference, np.ndarray, str, Path)
    listed = list_references(reference)
    if listed is None:
        _check_kind("reference", reference, (*kinds, CarriedColors), "a color photo")
        return reference
    if not listed:
        raise DeepkoalError("expected reference as color photos, got none in the list")
    for number, each in enumerate(listed, 1):
        with numbered("reference", number, len(listed)):
            if not isinstance(each, kinds):
                raise DeepkoalError(f"expected a color photo as reference, got {summarize(each)}")
    return listed


def _check_kind(name: str, value: Any, kinds: Any, expected: str) -> None:
    if value is not None and not isinstance(value, kinds):
        raise DeepkoalError(f"expected {name} as {expected}, got {summarize(value)}")
