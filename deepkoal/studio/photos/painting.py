"""Styles given to colored photos: quick where their texture was painted before."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.inference.options_file import StyleChoice
from deepkoal.studio.photos.lru_store import LruStore
from deepkoal.style.restyling import StyleOptions, apply_style, find_grey, paint_texture
from deepkoal.style.styles import Style

KEPT_TEXTURES = 40
KEPT_BYTES = 80_000_000
KEPT_PICTURES = 12
PICTURES_BYTES = 400_000_000


class StyleKeeper:
    """Gives photos styles, and keeps the textures that it painted for them.

    A texture takes tens of seconds, and depends on the photo's lightness alone. So what was painted
    for a photo serves while its colors change; a download has the texture of exactly its pixels, as
    the command would paint it, which is the same one unless the colors changed meanwhile.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # painting one picture takes all cores
        self._textures: LruStore[FloatArray] = LruStore("texture", KEPT_TEXTURES, KEPT_BYTES)
        self._pictures: LruStore[Style] = LruStore("style", KEPT_PICTURES, PICTURES_BYTES)

    def add(self, key: str, style: Style) -> None:
        """Keep the style of a picture whose file has this sha256."""
        self._pictures.put(key, style, style.rgb.nbytes)

    def open(self, choice: StyleChoice) -> tuple[Style, StyleOptions]:
        """Return a style and how it is given; of a picture that was opened, never of a path.

        Raises:
            GoneError: the picture is no longer kept.
            DeepkoalError: the style is not known, or an option is out of its range.
        """
        options = StyleOptions(**choice.list_given())
        if choice.name:
            return Style.named(choice.name), options
        return self._pictures.get(choice.sha256), options

    def restyle(
        self, rgb: SampleArray, choice: StyleChoice | None, place: str
    ) -> tuple[SampleArray, bool]:
        """Return a photo in a style, and whether all of it could be had at once.

        Args:
            rgb: uint8 (H, W, 3), colored, at any size.
            choice: which style, and how; None for none.
            place: tells the photo, as it is repaired, from others.

        Raises:
            DeepkoalError: the style is not known, or an option is out of its range.
        """
        if choice is None:
            return rgb, True
        style, options = self.open(choice)
        near = f"{place} {_name_texture(choice, options)}"
        wants_texture = options.count_steps() > 0
        change = self._textures.get(near) if wants_texture and near in self._textures else None
        is_whole = change is not None or not wants_texture
        return apply_style(rgb, style, options, change), is_whole

    def finish(self, rgb: SampleArray, choice: StyleChoice | None, place: str) -> SampleArray:
        """Return a photo of full size in a style, painting what is not painted yet."""
        if choice is None:
            return rgb
        return apply_style(rgb, *self.open(choice), self.paint(rgb, choice, place))

    def paint(
        self,
        rgb: SampleArray,
        choice: StyleChoice,
        place: str,
        progress: Callable[[], object] | None = None,
    ) -> FloatArray | None:
        """Return the texture of a colored photo of full size, painted now or kept.

        Args:
            rgb: uint8 or uint16 (H, W, 3).
            choice: which style, and how.
            place: as in `restyle`, which takes this texture from now on.
            progress: called after each step; what it raises ends the work.

        Returns:
            See `style.restyling.paint_texture`; None where the style has none.
        """
        style, options = self.open(choice)
        if not options.count_steps():
            return None
        grey = find_grey(rgb, options.size)
        name = _name_texture(choice, options)
        exact = f"{hashlib.sha256(grey.tobytes()).hexdigest()} {grey.shape} {name}"
        with self._lock:
            kept = exact in self._textures
            change = (
                self._textures.get(exact) if kept else paint_texture(grey, style, options, progress)
            )
            for key in (exact, f"{place} {name}"):
                self._textures.put(key, change, change.nbytes)
        return change


def _name_texture(choice: StyleChoice, options: StyleOptions) -> str:
    """Return what tells textures of one photo apart."""
    return f"{choice.name or choice.sha256} {options.strength:g} {options.steps} {options.size}"
