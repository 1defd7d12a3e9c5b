"""The options by which users give photos a style."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from deepkoal.cli.arguments.argument_types import share, whole_number
from deepkoal.cli.console import UsageError, as_usage
from deepkoal.progress_bars import count_photos

if TYPE_CHECKING:
    from deepkoal.arrays import SampleArray
    from deepkoal.inference.options_file import StyleChoice

SCOPES = ("color", "texture", "both")
_OPTIONS = {
    "scope": "--style-scope",
    "strength": "--style-strength",
    "steps": "--steps",
    "size": "--style-size",
}


def add_style_options(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add the options that `choose_style` reads; None is a default that a saved look may change."""
    if required:
        group: argparse._ActionsContainer = parser
    else:
        group = parser.add_argument_group("style")
    group.add_argument(
        "--style",
        required=required,
        metavar="NAME|PICTURE",
        help="give photos the manner of a painting: durer, hokusai, klimt, monet, seurat, van-gogh "
        "(deepkoal presets --styles draws them), or a picture of your own",
    )
    group.add_argument(
        "--style-scope",
        choices=SCOPES,
        help="its colors, which keeps lightness; its texture, which keeps colors; or both (both)",
    )
    group.add_argument(
        "--style-strength", type=share, metavar="S", help="0, the photo as it is, to 1 (0.7)"
    )
    group.add_argument(
        "--steps",
        type=whole_number(1, 10_000),
        metavar="N",
        help="of the optimization of texture: fewer are quicker and sketchier (100)",
    )
    group.add_argument(
        "--style-size",
        type=whole_number(64, 2048),
        metavar="PIXELS",
        help="side of the square at whose area texture is made; smaller is quicker, with larger "
        "marks (512)",
    )


def choose_style(
    arguments: argparse.Namespace, saved: StyleChoice | None = None
) -> StyleChoice | None:
    """Return the style that the options ask for, those before it that a saved look has.

    Raises:
        UsageError: they ask for none, but say how.
        DeepkoalError: the style's file cannot be read.
    """
    from deepkoal.inference.options_file import StyleChoice, hash_file
    from deepkoal.style.styles import Style, names_picture

    options = {
        name: getattr(arguments, option[2:].replace("-", "_")) for name, option in _OPTIONS.items()
    }
    given = {name: value for name, value in options.items() if value is not None}
    chosen = saved
    if arguments.style is not None:
        kept = {} if saved is None else saved.list_given()
        if names_picture(arguments.style):
            sha256 = hash_file(arguments.style)
            chosen = StyleChoice(file=arguments.style, sha256=sha256, **kept)
        else:
            with as_usage():
                Style.check_name(arguments.style)
            chosen = StyleChoice(name=arguments.style, **kept)
    if chosen is None:
        if given:
            option = _OPTIONS[next(iter(given))]
            raise UsageError(f"{option} goes with --style NAME or PICTURE, which is missing")
        return None
    return replace(chosen, **given)


class Restyler:
    """Gives photos a style, one at a time, with a bar over the steps of each.

    Args:
        choice: which, and how.

    Raises:
        DeepkoalError: as `style.restyling.open_choice`.
    """

    def __init__(self, choice: StyleChoice) -> None:
        from deepkoal.style.restyling import open_choice

        self._style, self._options = open_choice(choice)
        self._lock = threading.Lock()  # the optimization of one picture takes all cores

    def __call__(self, rgb: SampleArray, check: Callable[[], None] | None = None) -> SampleArray:
        """Return a photo in the style, see `style.stylize`.

        Args:
            rgb: the photo.
            check: called at each step; what it raises ends the work.
        """
        from deepkoal.style.restyling import stylize

        steps = self._options.count_steps()
        with (
            self._lock,
            count_photos(
                total=steps, doing="style", leave=False, unit=" steps", wanted=steps > 0
            ) as bar,
        ):

            def advance() -> None:
                bar.update()
                if check is not None:
                    check()

            return stylize(rgb, self._style, **asdict(self._options), progress=advance)
