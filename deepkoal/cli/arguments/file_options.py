"""Options of commands that turn photo files into photo files: where to, how read and written."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from deepkoal.cli.arguments.argument_types import add_number

if TYPE_CHECKING:
    from deepkoal.image_io.reading import Depth


def add_out_options(parser: argparse.ArgumentParser, folder: str) -> None:
    """Add the photos, and where their results go.

    Args:
        parser: of the command.
        folder: that results go to where nothing is said.
    """
    parser.add_argument("photos", nargs="+", metavar="PHOTO|FOLDER|GLOB")
    parser.add_argument(
        "-o",
        "--out",
        metavar="OUT",
        help=f"a file for one photo, else a folder; - for standard output ({folder}/, and - for -)",
    )


def add_format_options(parser: argparse.ArgumentParser) -> None:
    """Add what is about the files written."""
    parser.add_argument(
        "--format",
        type=_read_suffix,
        metavar="EXT",
        help="jpg, png, tif, webp, avif, … (each photo's own; png for gif, tif for camera raw, and "
        "to standard output png where its own lacks 16 bits or transparency that it has)",
    )
    of_quality = "of lossy formats, 1…100 (a JPEG's own, else 95; restored at least 95)"
    add_number(parser, "--quality", "Q", of_quality, high=100)


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Add what is about reading photos and keeping what their files had."""
    parser.add_argument(
        "--depth",
        type=_read_depth,
        default="auto",
        metavar="auto|8|16",
        help="bits of a sample, where the format holds them (auto: 16 for photos that have more "
        "than 8)",
    )
    parser.add_argument(
        "--salvage", action="store_true", help="take the rows of a damaged file that decode"
    )
    parser.add_argument(
        "--stretch",
        action="store_true",
        help="make photos brighter whose samples use a small part of their range, as 12 bits in 16",
    )
    parser.add_argument(
        "--rotate",
        type=int,
        choices=[0, 90, 180, 270],
        help="turn scans by so many degrees clockwise, so that they are seen and written upright",
    )
    parser.add_argument(
        "--keep-times", action="store_true", help="give results the dates of their photos' files"
    )
    most = "refuse photos of more pixels, width × height (400 million, and fewer in tiny files)"
    add_number(parser, "--max-pixels", "N", most)


def read_file_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return how a `PhotoRun` reads and writes files."""
    depth: Depth = arguments.depth
    return {
        "reading": {
            "max_pixels": arguments.max_pixels,
            "depth": depth,
            "salvage": arguments.salvage,
            "stretch": arguments.stretch,
            "rotate": arguments.rotate or 0,
        },
        "quality": arguments.quality,
        "keep_times": arguments.keep_times,
    }


def _read_depth(text: str) -> str | int:
    if text not in ("auto", "8", "16"):
        raise argparse.ArgumentTypeError(f"expected auto, 8 or 16, got {text!r}")
    return text if text == "auto" else int(text)


def _read_suffix(text: str) -> str:
    from deepkoal.image_io.formats import PHOTO_SUFFIXES, WRITABLE

    suffix = f".{text.lower().removeprefix('.')}"
    if suffix not in PHOTO_SUFFIXES:
        raise argparse.ArgumentTypeError(f"expected {WRITABLE}, got {text!r}")
    return suffix
