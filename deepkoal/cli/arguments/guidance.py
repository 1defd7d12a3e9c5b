"""The options by which users guide the colors."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.cli.arguments.argument_types import (
    detail,
    named_numbers,
    variation_count,
    vibrance,
    warmth,
    whole_number,
)
from deepkoal.cli.console import UsageError, as_usage
from deepkoal.cli.files.targets import check_target
from deepkoal.errors import DeepkoalError

if TYPE_CHECKING:
    from deepkoal.guidance import Reference
    from deepkoal.inference.colorizer import Colorizer
    from deepkoal.inference.options_file import SavedOptions


def add_guidance_options(parser: argparse.ArgumentParser, *, of_film: bool = False) -> None:
    """Add the options that `resolve_look` reads: a look's file, and each lever by itself.

    None is a default that a file of options may say otherwise; what is given goes before it.

    Args:
        parser: to add them to.
        of_film: whether the command's help is silent on those of one photo, which it refuses.
    """

    def of_photo(text: str) -> str:
        return argparse.SUPPRESS if of_film else text

    parser.add_argument(
        "--options",
        type=Path,
        metavar="FILE.json",
        help="color as --save-options wrote; options given beside it go before it",
    )
    parser.add_argument(
        "--save-options",
        type=Path,
        metavar="FILE.json",
        help=of_photo(
            "write all of these options, to be used again: on a better scan, or in the studio"
        ),
    )
    parser.add_argument(
        "--vibrance", type=vibrance, metavar="V", help="0.2…5; more is more vivid (1)"
    )
    parser.add_argument(
        "--hints",
        type=Path,
        metavar="FILE.json",
        help=of_photo(
            'colors for places of one photo: [{"x": 120, "y": 80, "color": "#c03020"}, …]'
        ),
    )
    parser.add_argument(
        "--palette",
        metavar="NAME",
        help="lead the colors toward a palette (deepkoal presets --palettes draws them)",
    )
    parser.add_argument(
        "--reference",
        type=Path,
        action="append",
        metavar="PHOTO",
        help="a color photo; like things take its colors, also where a palette leads the rest; "
        "may be given several times",
    )
    parser.add_argument(
        "--detail",
        type=detail,
        metavar="auto|SIZE",
        help="side in pixels at which the network sees a square photo: larger finds smaller "
        "things, smaller keeps large areas whole (auto: as the preset was made for)",
    )
    parser.add_argument(
        "--no-cleanup",
        dest="cleanup",
        action="store_false",
        default=None,
        help="leave blotches, color casts and faint tints of neutral things as they are",
    )
    parser.add_argument(
        "--warmth",
        type=warmth,
        metavar="W",
        help="-1…1: colors as under a warmer (above 0) or cooler light (0)",
    )
    parser.add_argument(
        "--saturation",
        type=named_numbers("HUE=FACTOR", "blue=1.3,green=0.8"),
        metavar="HUE=FACTOR,…",
        help="0…3 for red, yellow, green, cyan, blue or magenta: blue=1.3,green=0.8 (1 for all)",
    )
    parser.add_argument(
        "--variations",
        type=variation_count,
        metavar="N",
        help=of_photo(
            "write N plausible versions of each photo, guided alike: NAME, NAME.look2, … (1)"
        ),
    )
    parser.add_argument(
        "--seed", type=whole_number(0), metavar="N", help=of_photo("of the variations (0)")
    )


def resolve_look(arguments: argparse.Namespace) -> SavedOptions:
    """Return what the options ask for: those of `--options`, and before them all that are given.

    Raises:
        UsageError: there is no such palette, `--save-options` names no JSON file, or there is a
            seed and no variation.
        DeepkoalError: the options, hints or reference cannot be read.
    """
    from deepkoal.guidance import Palette
    from deepkoal.hints import read_hints
    from deepkoal.inference.options_file import (
        ReferenceFile,
        SavedOptions,
        VariationChoice,
        read_options,
    )
    from deepkoal.inference.options_file.hint_entries import write_entry

    check_target("--save-options", arguments.save_options, (".json",), ".json")
    look = SavedOptions() if arguments.options is None else read_options(arguments.options)
    given = {
        name: getattr(arguments, name)
        for name in ("vibrance", "cleanup", "warmth", "saturation")
        if getattr(arguments, name) is not None
    }
    if arguments.detail is not None:
        look = replace(look, detail=arguments.detail)
    if arguments.palette is not None:
        with as_usage():
            given["palette"] = Palette.named(arguments.palette)
    if arguments.reference is not None:
        try:
            files = tuple(ReferenceFile.of(path) for path in arguments.reference)
        except DeepkoalError as error:  # which names the file
            raise DeepkoalError(f"--reference {error}") from error
        look = replace(look, reference=files[0] if len(files) == 1 else files)
    if arguments.hints is not None:
        hints = [write_entry(hint) for hint in read_hints(arguments.hints)]
        look = replace(look, hints=hints, photo=None)
    if arguments.variations is not None or arguments.seed is not None:
        seed, former = arguments.seed, look.variation or VariationChoice()
        count = former.count if arguments.variations is None else arguments.variations
        index = former.index if arguments.variations is None else 0
        if arguments.variations is None and count == 1:
            raise UsageError("--seed is of variations, and none is asked for; add --variations 4")
        choice = VariationChoice(former.seed if seed is None else seed, index, count)
        look = replace(look, variation=choice)
    with as_usage():
        return replace(look, options=replace(look.options, **given))


def check_guidance(look: SavedOptions, photos: int) -> None:
    """Refuse options that make no sense together.

    Raises:
        UsageError: they do not.
    """
    if look.hints and photos > 1:
        raise UsageError(f"hints are for one photo, not {photos}; color it by itself")


def open_reference(look: SavedOptions, colorizer: Colorizer) -> Reference | None:
    """Return the reference photo of a look as the network sees it, None where it has none.

    Raises:
        DeepkoalError: it cannot be read or has no colors.
    """
    from deepkoal.guidance import join_references

    references = []
    for each in look.list_references():
        try:
            references.append(colorizer.open_reference(each.read()))
        except DeepkoalError as error:
            named = str(error).removeprefix(f"{each.file}: ")  # some errors name the file
            raise DeepkoalError(f"--reference {each.file}: {named}") from error
    return join_references(references) if references else None
