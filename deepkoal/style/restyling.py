"""Photos of any size in a style: colors by a look-up table, texture added to the photo's detail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from deepkoal.arrays import ByteArray, FloatArray, SampleArray
from deepkoal.color import rgb_to_lab
from deepkoal.errors import DeepkoalError, check_range
from deepkoal.image_io.pixels import round_to_8_bits, to_rgb
from deepkoal.inference.batch_pass import check_photo
from deepkoal.inference.options_file import StyleChoice, hash_file
from deepkoal.keras_runtime import start_keras
from deepkoal.rendering.bands import BAND_PIXELS
from deepkoal.rendering.composition import compose_rgb
from deepkoal.rendering.contact_sheets import desaturate
from deepkoal.style.color_transport import ColorTable
from deepkoal.style.styles import Style

SCOPES = ("color", "texture", "both")
STRENGTH = 0.7
STEPS = 100
SIZE = 512
STYLE_SIDE = 400
"""Of the square at whose area a painting gives its texture: its marks keep their size in pixels."""
SIZE_RANGE = (64, 2048)
STEPS_RANGE = (1, 10_000)


@dataclass(frozen=True)
class StyleOptions:
    """How far a photo takes a style.

    Attributes:
        scope: `color`, which keeps lightness; `texture`, which keeps colors; or `both`.
        strength: 0, the photo as it is, to 1.
        steps: of the optimization that makes the texture; few are a sketch.
        size: side in pixels of the square at whose area it is made, where the photo is larger.

    Raises:
        DeepkoalError: one is out of its range.
    """

    scope: str = "both"
    strength: float = STRENGTH
    steps: int = STEPS
    size: int = SIZE

    def __post_init__(self) -> None:
        """Reject what no photo could be styled by."""
        if self.scope not in SCOPES:
            raise DeepkoalError(f"expected a scope of {', '.join(SCOPES)}, got {self.scope!r}")
        check_range(self.strength, "a style's strength", 0, 1)
        check_range(self.steps, "steps", *STEPS_RANGE, whole=True)
        check_range(self.size, "a style's size", *SIZE_RANGE, whole=True)

    def count_steps(self) -> int:
        """Return how many steps are taken: none where no texture is made."""
        return 0 if self.scope == "color" or self.strength == 0 else self.steps


def stylize(
    photo: SampleArray,
    style: Style | SampleArray | str | Path,
    *,
    scope: str = "both",
    strength: float = STRENGTH,
    steps: int = STEPS,
    size: int = SIZE,
    progress: Callable[[], object] | None = None,
) -> SampleArray:
    """Return a photo in the manner of a painting.

    Colors move by sliced optimal transport in Lab (`style.color_transport`), for which no network
    is needed; texture is Gatys's, on the features of the EfficientNet-Lite0 that comes along
    (`style.texture`), and needs Keras. Both are worked out on the photo at `size` and carried to
    its own: the photo's detail stays under the marks.

    Args:
        photo: uint8 or uint16 (H, W, 3) sRGB or (H, W) grey, any size. One in black and white
            takes the style's colors by its lightness; color it first for those of its things.
        style: a name of `list_styles`, a picture of one's own or its path, or a `Style`.
        scope: as in `StyleOptions`, likewise the next three.
        strength: 0…1.
        steps: from 1.
        size: 64…2048.
        progress: called after each step.

    Returns:
        The photo's type (H, W, 3), sRGB. The same arguments give the same result on one machine.

    Raises:
        DeepkoalError: the arrays are no pictures, the style cannot be had, or an option is out of
            its range.
    """
    options = StyleOptions(scope, strength, steps, size)
    opened = Style.open(style)
    check_photo(photo)
    rgb = to_rgb(photo)
    change = None
    if options.count_steps():
        change = paint_texture(find_grey(rgb, options.size), opened, options, progress)
    return apply_style(rgb, opened, options, change)


def open_choice(choice: StyleChoice) -> tuple[Style, StyleOptions]:
    """Return the style that a saved look names, and how it is given.

    Raises:
        DeepkoalError: the style cannot be read or is not what it was, or an option is out of its
            range.
    """
    options = StyleOptions(**choice.list_given())
    if choice.file and choice.sha256 and hash_file(choice.file) != choice.sha256:
        raise DeepkoalError(
            f"{choice.file}: the style's picture has changed since the options were saved; "
            "put the former one back, or give --style"
        )
    return Style.from_image(Path(choice.file)) if choice.file else Style.named(choice.name), options


def find_grey(rgb: SampleArray, size: int) -> FloatArray:
    """Return all of a photo that its texture depends on: its lightness, small.

    Args:
        rgb: uint8 or uint16 (H, W, 3) sRGB.
        size: side in pixels of the square at whose area texture is made.

    Returns:
        Grey sRGB in 0…1, float32 (h, w).
    """
    return _find_grey(_shrink(round_to_8_bits(rgb), size))


def paint_texture(
    grey: FloatArray,
    style: Style,
    options: StyleOptions,
    progress: Callable[[], object] | None = None,
) -> FloatArray:
    """Return what a style's texture changes of a photo's lightness: the slow part of `stylize`.

    Args:
        grey: of the photo, see `find_grey`.
        style: whose texture it is.
        options: of which strength and steps count.
        progress: called after each step; what it raises ends the work.

    Returns:
        In units of L, float32 (h, w).
    """
    start_keras()
    from deepkoal.style.texture import add_texture  # here, because colors need no Keras

    painting = _find_grey(_shrink(style.rgb, STYLE_SIDE))
    textured = add_texture(
        grey, painting, strength=options.strength, steps=options.steps, progress=progress
    )
    return _find_l(textured) - _find_l(grey)


def apply_style(
    rgb: SampleArray, style: Style, options: StyleOptions, change: FloatArray | None
) -> SampleArray:
    """Return a photo in a style whose texture is painted already: the quick part of `stylize`.

    Args:
        rgb: uint8 or uint16 (H, W, 3) sRGB.
        style: whose colors it takes, where `options` have them.
        options: of which scope, strength and size count.
        change: see `paint_texture`; of the same photo at any size. None for no texture.

    Returns:
        Its type (H, W, 3).
    """
    if options.strength == 0:
        return rgb.copy()
    table = None
    if options.scope != "texture":
        # Of the photo with its texture, so that light and dark marks differ in hue, too.
        small = _shrink(round_to_8_bits(rgb), options.size)
        table = ColorTable.match(_apply(small, None, 0, change), style.rgb)
    return _apply(rgb, table, options.strength, change)


def _find_grey(rgb: ByteArray) -> FloatArray:
    """Return the grey of a picture's lightness, sRGB in 0…1, float32 (H, W)."""
    return np.asarray(desaturate(rgb)[..., 0] / np.float32(255), np.float32)


def _find_l(grey: FloatArray) -> FloatArray:
    """Return the lightness of a grey picture, L in 0…100, float32 (H, W)."""
    return np.asarray(rgb_to_lab(np.repeat(grey[..., None], 3, axis=2))[..., 0], np.float32)


def _shrink(rgb: ByteArray, side: int) -> ByteArray:
    """Return a picture of at most the area of a square of that side."""
    scale = side / (rgb.shape[0] * rgb.shape[1]) ** 0.5
    if scale >= 1:
        return rgb
    width, height = (max(1, round(scale * length)) for length in rgb.shape[1::-1])
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _apply(
    rgb: SampleArray, table: ColorTable | None, strength: float, change: FloatArray | None
) -> SampleArray:
    """Return a photo with a change of lightness (h, w) added to it, whose colors then move."""
    height, width = rgb.shape[:2]
    bits = 8 * rgb.dtype.itemsize
    grown = None
    if change is not None:
        grown = cv2.resize(change, (width, height), interpolation=cv2.INTER_LINEAR)
    result = np.empty_like(rgb)
    rows = max(1, BAND_PIXELS // width)
    for top in range(0, height, rows):
        band = slice(top, min(top + rows, height))
        lab = np.asarray(rgb_to_lab(rgb[band] / np.float32(2**bits - 1)), np.float32)
        if grown is not None:
            lab[..., 0] = np.clip(lab[..., 0] + grown[band], 0, 100)
        if table is not None:
            lab[..., 1:] += strength * table.shift(lab)
        result[band] = compose_rgb(lab[..., 0], lab[..., 1:], bits=bits)
    return result
