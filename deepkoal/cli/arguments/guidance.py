"""The options by which users guide the colors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.cli.arguments.argument_types import variation_count, vibrance, whole_number
from deepkoal.cli.console import UsageError, as_usage
from deepkoal.errors import DeepkoalError

if TYPE_CHECKING:
    from deepkoal.guidance import ColorKeywords
    from deepkoal.inference.colorizer import Colorizer


def add_guidance_options(parser: argparse.ArgumentParser) -> None:
    """Add `--vibrance`, `--hints`, `--palette`, `--reference`, `--variations` and `--seed`."""
    parser.add_argument(
        "--vibrance", type=vibrance, default=1.0, metavar="V", help="0.2…5; more is more vivid (1)"
    )
    parser.add_argument(
        "--hints",
        type=Path,
        metavar="FILE.json",
        help='colors for places of one photo: [{"x": 120, "y": 80, "color": "#c03020"}, …]',
    )
    lead = parser.add_mutually_exclusive_group()
    lead.add_argument(
        "--palette",
        metavar="NAME",
        help="lead the colors toward a palette (deepkoal presets --palettes draws them)",
    )
    lead.add_argument(
        "--reference", type=Path, metavar="PHOTO", help="a color photo; like things take its colors"
    )
    parser.add_argument(
        "--no-cleanup",
        dest="cleanup",
        action="store_false",
        help="leave blotches, color casts and faint tints of neutral things as they are",
    )
    parser.add_argument(
        "--variations",
        type=variation_count,
        default=1,
        metavar="N",
        help="write N plausible versions of each photo, guided alike: NAME, NAME.look2, … "
        "(%(default)s)",
    )
    parser.add_argument(
        "--seed", type=whole_number(0), default=0, metavar="N", help="of the variations (0)"
    )


def check_guidance(arguments: argparse.Namespace, photos: int) -> None:
    """Refuse options that make no sense together.

    Raises:
        UsageError: they do not.
    """
    if arguments.hints is not None and photos > 1:
        raise UsageError(f"--hints are for one photo, not {photos}; color it by itself")


def read_color_options(arguments: argparse.Namespace) -> ColorKeywords:
    """Return what the options ask for, but for the reference.

    Raises:
        UsageError: there is no such palette.
        DeepkoalError: the hints cannot be read.
    """
    from deepkoal.guidance import Palette, read_hints

    with as_usage():
        palette = None if arguments.palette is None else Palette.named(arguments.palette)
    return {
        "vibrance": arguments.vibrance,
        "hints": [] if arguments.hints is None else read_hints(arguments.hints),
        "palette": palette,
        "cleanup": arguments.cleanup,
    }


def add_reference(options: ColorKeywords, reference: Path | None, colorizer: Colorizer) -> None:
    """Add the reference photo, which the network has to see, to what the options ask for.

    Raises:
        DeepkoalError: it cannot be read or has no colors.
    """
    from deepkoal.image_io import read_image

    if reference is None:
        return
    rgb = read_image(reference)
    try:
        options["reference"] = colorizer.open_reference(rgb)
    except DeepkoalError as error:
        raise DeepkoalError(f"--reference {reference}: {error}") from error
