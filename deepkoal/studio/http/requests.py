"""The JSON of what the page asks for beside a photo's options, and its queries."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from deepkoal.studio.photos.result_file import FileChoice
from deepkoal.studio.schemas import OptionsRequest, Rotation, StrictModel, VariationRequest

MAX_LOOKS = 12


class PlaceRequest(StrictModel):
    """A place of a photo, in pixels of it as it is rotated."""

    x: float
    y: float
    rotation: Rotation = 0


class LookRequest(StrictModel):
    """What is different in one of several pictures; null is the automatic variation."""

    variation: VariationRequest | None = None
    detail: int | Literal["auto"] | None = None
    vibrance: float | None = None

    def change(self, options: OptionsRequest) -> OptionsRequest:
        """Return options with these instead."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return OptionsRequest.model_validate({**options.model_dump(), **given})


class ThumbnailsRequest(StrictModel):
    """Options, and what is to be different in each of several small pictures."""

    options: OptionsRequest = OptionsRequest()
    looks: list[LookRequest] = Field(max_length=MAX_LOOKS)


class Box(StrictModel):
    """A part of a photo, in its pixels."""

    left: int = Field(ge=0)
    top: int = Field(ge=0)
    width: int = Field(ge=1)
    height: int = Field(ge=1)


class WindowRequest(StrictModel):
    """Options, the part of the photo that is seen, and pixels wanted for one of the photo."""

    options: OptionsRequest = OptionsRequest()
    box: Box
    scale: float = Field(gt=0, le=1)


class FileRequest(StrictModel):
    """What a download is to be written as; null is as the photo's own file."""

    format: str | None = None
    quality: int | None = None

    @property
    def choice(self) -> FileChoice:
        """The format and the quality.

        Raises:
            DeepkoalError: such a format is not offered.
        """
        return FileChoice(self.format, self.quality)


class SessionRequest(StrictModel):
    """Options that are to be kept in a file, and the name of the reference photo's file."""

    options: OptionsRequest = OptionsRequest()
    reference: str | None = None
