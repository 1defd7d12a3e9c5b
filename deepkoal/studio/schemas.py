"""The JSON of the page's requests."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from deepkoal.guidance import ColorKeywords, Hint, Palette, VariationLatents
from deepkoal.studio.open_photo import VARIATIONS, OpenPhoto
from deepkoal.studio.session import Session

MAX_HINTS = 200


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class HintRequest(_Strict):
    """A hint, in pixels of the photo, see `guidance.Hint`."""

    x: float
    y: float
    color: str = Field(max_length=64)


class VariationRequest(_Strict):
    """One of the variations beside the automatic colors, numbered from 1."""

    seed: int = Field(ge=0, lt=2**32)
    index: int = Field(ge=1, lt=VARIATIONS)

    def find(self, photo: OpenPhoto) -> VariationLatents:
        """Return the variation of a photo."""
        return photo.list_variations(self.seed)[self.index - 1]


class HintsRequest(_Strict):
    """Hints."""

    hints: list[HintRequest] = Field(default=[], max_length=MAX_HINTS)

    def list_hints(self) -> list[Hint]:
        """Return them as the library's hints.

        Raises:
            DeepkoalError: one is not valid.
        """
        return [Hint(hint.x, hint.y, hint.color) for hint in self.hints]


class OptionsRequest(HintsRequest):
    """Options of coloring."""

    vibrance: float = 1.0
    palette: str | None = None
    reference: str | None = None
    variation: VariationRequest | None = None

    def to_color_options(self, photo: OpenPhoto, session: Session) -> ColorKeywords:
        """Return them as the library's options.

        Raises:
            GoneError: the reference photo is no longer kept.
            DeepkoalError: a hint is not valid, or there is no such palette.
        """
        return {
            "hints": self.list_hints(),
            "vibrance": self.vibrance,
            "palette": None if self.palette is None else Palette.named(self.palette),
            "reference": None if self.reference is None else session.references.get(self.reference),
            "variation": None if self.variation is None else self.variation.find(photo),
        }


class ThumbnailsRequest(_Strict):
    """Options, and the variations to be drawn small; null stands for the automatic colors."""

    options: OptionsRequest = OptionsRequest()
    variations: list[VariationRequest | None] = Field(max_length=2 * VARIATIONS)
