"""The options by which users have photos repaired."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deepkoal.cli.arguments.argument_types import share

if TYPE_CHECKING:
    from deepkoal.restoration import RestorationOptions


HOLES = ("off", "auto")
"""What of `--holes` is an option, rather than a file."""


def add_restoration_options(parser: argparse.ArgumentParser, *, alone: bool) -> None:
    """Add the options that `resolve_restoration` reads.

    Args:
        parser: of the command.
        alone: whether restoration is what the command does, rather than a step before another.
    """
    if alone:
        parser.add_argument(
            "--strength", type=share, metavar="S", help="0…1: how far damage gives way (1)"
        )
    else:
        parser.add_argument(
            "--restore",
            dest="strength",
            type=share,
            nargs="?",
            const=1.0,
            metavar="STRENGTH",
            help="repair scratches, dust, folds and stains first; 0…1 (off; 1 where given bare). "
            "The result then has the repaired lightness, not the photo's",
        )
    parser.add_argument(
        "--denoise",
        type=share,
        nargs="?",
        const=1.0,
        metavar="STRENGTH",
        help="take away noise, grain and JPEG's blocks where there are any; 0…1 "
        "(off; 1 where given bare)",
    )
    parser.add_argument(
        "--tone",
        choices=["off", "auto"],
        help="auto spreads the lightness of faded photos over the whole range again (off)",
    )
    parser.add_argument(
        "--local-contrast",
        type=share,
        metavar="C",
        help="0…1: more contrast of things with what is around them, without halos (0)",
    )
    found = "auto looks for pieces that are missing, such as torn-off corners, white or black"
    if alone:
        parser.add_argument(
            "--holes",
            metavar="FILE|auto",
            help="where nothing of a photo is left, however large; filled from around. FILE, of "
            f"one photo, is a picture of its size, white there; {found} (off)",
        )
    else:
        parser.add_argument(
            "--holes",
            type=_found_holes,
            metavar="off|auto",
            help=f"{found}, and fills them from around (off)",
        )


def _found_holes(text: str) -> str:
    """Return `off` or `auto`; a mask is of one photo, and not of what colors many."""
    if text not in HOLES:
        raise argparse.ArgumentTypeError(
            f"expected off or auto, got {text!r}; holes painted into a picture are filled by "
            "deepkoal restore PHOTO --holes MASK, whose result can be colored; outlines go into "
            "--options"
        )
    return text


def resolve_restoration(
    arguments: argparse.Namespace, former: RestorationOptions | None
) -> RestorationOptions | None:
    """Return what the options ask for, and what they leave out as it was; None for nothing.

    Args:
        arguments: parsed.
        former: of an options file.
    """
    given: dict[str, Any] = {
        name: getattr(arguments, name)
        for name in ("strength", "denoise", "tone", "local_contrast")
        if getattr(arguments, name, None) is not None
    }
    if getattr(arguments, "holes", None) in HOLES:
        given["holes"] = arguments.holes
    if not given:
        return former
    from deepkoal.restoration import RestorationOptions

    if former is None:
        # Denoising or tone alone repair nothing.
        return RestorationOptions(**{"strength": 0.0, **given})
    return replace(former, **given)
