"""What a photo is styled after: a painting that came along, or a picture of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deepkoal.arrays import ByteArray, SampleArray
from deepkoal.errors import DeepkoalError
from deepkoal.image_io import read_image
from deepkoal.image_io.pixels import round_to_8_bits, to_rgb
from deepkoal.inference.batch_pass import check_photo
from deepkoal.short_repr import short_repr
from deepkoal.style.paintings import PAINTINGS, paint

LEAST_SIDE = 64
"""Of a style's picture, in pixels; below it there is no texture to take."""


@short_repr
@dataclass(frozen=True, eq=False)
class Style:
    """A picture whose colors and texture photos take.

    Made by `named` and `from_image`.

    Attributes:
        rgb: uint8 (H, W, 3) sRGB.
        name: as users type it; empty for a picture of one's own.
        title: as users read it.
        facts: what is known of the work that it is after.
    """

    rgb: ByteArray
    name: str = ""
    title: str = ""
    facts: str = ""

    def __post_init__(self) -> None:
        """Reject what is no picture."""
        check_photo(self.rgb, "a style, which Style.named and .from_image make,")

    @classmethod
    def named(cls, name: str) -> Self:
        """Return a style that came with the library, see `list_styles`.

        Raises:
            DeepkoalError: there is none of that name.
        """
        cls.check_name(name)
        painting = PAINTINGS[name]
        return cls(paint(name), name, painting.title, painting.facts)

    @staticmethod
    def check_name(name: str) -> None:
        """Refuse what is no name of a style that came with the library.

        Raises:
            DeepkoalError: there is none of that name.
        """
        if not isinstance(name, str) or name not in PAINTINGS:
            raise DeepkoalError(
                f"no style {name!r}; there are {', '.join(PAINTINGS)}, or give a picture's file"
            )

    @classmethod
    def from_image(cls, picture: SampleArray | str | Path) -> Self:
        """Take a picture of one's own, such as a photographed painting.

        Args:
            picture: uint8 or uint16 (H, W, 3) sRGB or (H, W) grey, or the path of a picture file.

        Raises:
            DeepkoalError: it is no such picture, cannot be read, or is smaller than
                `LEAST_SIDE`.
        """
        if isinstance(picture, (str, Path)):
            rgb, what = read_image(picture), f"{picture}: "
        else:
            check_photo(picture, "a style")
            rgb, what = to_rgb(picture), ""
        if min(rgb.shape[:2]) < LEAST_SIDE:
            raise DeepkoalError(
                f"{what}expected a style's picture of at least {LEAST_SIDE} pixels a side, got "
                f"{rgb.shape[1]}×{rgb.shape[0]}; give a larger one"
            )
        return cls(round_to_8_bits(rgb))

    @classmethod
    def open(cls, style: Self | SampleArray | str | Path) -> Self:
        """Return a style, whichever way it was given: itself, a picture, its path, or a name.

        Raises:
            DeepkoalError: as `named` and `from_image`.
        """
        if isinstance(style, cls):
            return style
        if isinstance(style, str) and (style in PAINTINGS or not names_picture(style)):
            return cls.named(style)
        return cls.from_image(style)  # type: ignore[arg-type]


def list_styles() -> list[Style]:
    """Return every style that came with the library, drawn by code from published facts."""
    return [Style.named(name) for name in PAINTINGS]


def names_picture(text: str) -> bool:
    """Return whether a text is a file's path rather than a style's name."""
    return Path(text).exists() or bool(Path(text).suffix) or "/" in text or "\\" in text
