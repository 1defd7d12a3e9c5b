"""The JSON of a photo's options, as the page sends them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from deepkoal.errors import DeepkoalError
from deepkoal.guidance import ColorOptions
from deepkoal.guidance.variation_latents import MOST_VARIATIONS
from deepkoal.hints import AnyHint
from deepkoal.inference.album import Carry
from deepkoal.inference.options_file import StyleChoice
from deepkoal.inference.options_file.hint_entries import parse_entry, scale_entry
from deepkoal.inference.options_file.palettes import parse_palette
from deepkoal.inference.prediction.working_size import LEAST_SIDE
from deepkoal.restoration import RestorationOptions
from deepkoal.studio.photos.albums import MOST_SOURCES, AlbumSource
from deepkoal.studio.photos.open_photo import VARIATIONS, OpenPhoto
from deepkoal.studio.session import Session, clean_name

MAX_HINTS = 200
MAX_DETAIL = 512
"""Working size, in pixels; a larger one takes long and much memory."""

Rotation = Annotated[int, Field(ge=0, le=270, multiple_of=90)]
"""In degrees clockwise, of the photo as its file has it upright."""

_APART = frozenset({"hints", "palette", "reference", "variation"})


class StrictModel(BaseModel):
    """A part of a request, which has no other fields than its own."""

    model_config = ConfigDict(extra="forbid")


class VariationRequest(StrictModel):
    """One of the variations beside the automatic colors, numbered from 1."""

    seed: int = Field(ge=0, lt=2**32)
    index: int = Field(ge=1, lt=MOST_VARIATIONS)
    count: int = Field(default=VARIATIONS, ge=2, le=MOST_VARIATIONS)

    def find(self, photo: OpenPhoto) -> Any:
        """Return the variation of a photo.

        Raises:
            DeepkoalError: its index is beyond the count.
        """
        if self.index >= self.count:
            raise DeepkoalError(f"there is no variation {self.index} among {self.count}")
        return photo.list_variations(self.count, self.seed)[self.index - 1]


class StyleRequest(StrictModel):
    """A style that came along, or an opened picture's, and how; what is null is as by default."""

    name: str = ""
    file: str = ""
    sha256: str = ""
    scope: str | None = None
    strength: float | None = None
    steps: int | None = None
    size: int | None = None


class HintsRequest(BaseModel):
    """Hints, in the form of hint files, in pixels of the photo as it is rotated."""

    hints: list[dict[str, Any]] = Field(default=[], max_length=MAX_HINTS)
    rotation: Rotation = 0

    def find(self, key: str, session: Session) -> OpenPhoto:
        """Return an open photo, rotated.

        Raises:
            GoneError: the photo is no longer kept.
        """
        return session.find(key, rotation=self.rotation)

    def list_hints(self, photo: OpenPhoto) -> list[AnyHint]:
        """Return them as the library's hints, in pixels of the photo.

        Raises:
            DeepkoalError: one is not valid.
        """
        size = photo.height, photo.width
        return [parse_entry(scale_entry(hint, size, size)) for hint in self.hints]


class OptionsRequest(HintsRequest):
    """Options of a photo: the fields of `ColorOptions`, working size, restoration and style."""

    model_config = ConfigDict(extra="allow")

    detail: int | Literal["auto"] = "auto"
    restoration: dict[str, Any] | None = None
    palette: str | dict[str, Any] | None = None
    reference: str | None = None
    variation: VariationRequest | None = None
    style: StyleRequest | None = None
    album: list[AlbumEntry] = Field(default=[], max_length=MOST_SOURCES)

    @property
    def working_size(self) -> int | None:
        """The working size, None for the network's own.

        Raises:
            DeepkoalError: it is out of range.
        """
        if self.detail == "auto":
            return None
        if not LEAST_SIDE <= self.detail <= MAX_DETAIL or self.detail % 8:
            raise DeepkoalError(
                f"detail must be auto or a multiple of 8 in {LEAST_SIDE}…{MAX_DETAIL}, "
                f"not {self.detail}"
            )
        return self.detail

    @property
    def style_choice(self) -> StyleChoice | None:
        """The style as a saved look has it.

        Raises:
            DeepkoalError: it names none.
        """
        if self.style is None:
            return None
        asked = self.style.model_dump()
        return StyleChoice(**{**asked, "file": asked["file"] and clean_name(asked["file"])})

    def find(self, key: str, session: Session) -> OpenPhoto:
        """Return an open photo, rotated and repaired where that is wanted.

        Raises:
            GoneError: the photo is no longer kept.
            DeepkoalError: what is wanted is not valid.
        """
        return session.find(key, RestorationOptions.from_json(self.restoration), self.rotation)

    def to_color_options(self, photo: OpenPhoto, session: Session) -> ColorOptions:
        """Return them as the library's options.

        Raises:
            GoneError: the reference photo is no longer kept.
            DeepkoalError: one is not valid, or means nothing.
        """
        plain = {each.name for each in dataclasses.fields(ColorOptions)} - _APART
        more = dict(self.model_extra or {})
        if unknown := sorted(set(more) - plain):
            raise DeepkoalError(f"the option {unknown[0]!r} is not known")
        options = ColorOptions(
            **more,
            hints=self.list_hints(photo),
            palette=parse_palette(self.palette),
            reference=None if self.reference is None else session.references.get(self.reference),
            variation=None if self.variation is None else self.variation.find(photo),
        )
        return self.carry(photo, session, options)[0] if self.album else options

    def carry(
        self, photo: OpenPhoto, session: Session, options: ColorOptions
    ) -> tuple[ColorOptions, list[Carry]]:
        """Return options with what the photo takes of the album, and what that is.

        Raises:
            GoneError: a photo of the album is no longer kept.
            DeepkoalError: its options are not valid, or the network has no features.
        """
        if self.working_size is not None:
            return options, []  # the album is of what the network sees at its own size
        return session.albums.carry(
            lambda: [entry.find(session) for entry in self.album],
            tuple(entry.model_dump_json() for entry in self.album),
            photo,
            options,
        )


class AlbumEntry(StrictModel):
    """Another photo of the album, and what it was given."""

    photo: str
    options: OptionsRequest

    def find(self, session: Session) -> AlbumSource:
        """Return it as the album learns it.

        Raises:
            GoneError: the photo is no longer kept.
            DeepkoalError: an option is not valid.
        """
        photo = self.options.find(self.photo, session)
        options = self.options.model_copy(update={"album": []}).to_color_options(photo, session)
        return AlbumSource(photo, options)


OptionsRequest.model_rebuild()
