"""What is written of a result, and which photos are left alone."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.cli.console import UsageError
from deepkoal.cli.files.input_files import names_file

if TYPE_CHECKING:
    from deepkoal.inference.content_credentials import ContentSigner

DOUBT_SUFFIX, LAYER_SUFFIX = ".doubt.png", ".layer.png"


@dataclass(frozen=True)
class ResultOptions:
    """What is written of a result, and which photos are left alone.

    Attributes:
        provenance: whether its metadata say how it was made.
        mark: whether it shows so, too.
        doubt: whether a map of the network's doubt is written beside it.
        layer: whether the color alone is, as a layer.
        colored: what becomes of photos in color: `keep`, `recolor` or `skip`; where None, those
            that were named are recolored, and those found in folders kept.
        named: the former's files.
    """

    provenance: bool = True
    mark: bool = False
    doubt: bool = False
    layer: bool = False
    colored: str | None = None
    named: frozenset[Path] = frozenset()

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What the names of the files beside the result end in."""
        wanted = ((self.doubt, DOUBT_SUFFIX), (self.layer, LAYER_SUFFIX))
        return tuple(suffix for is_wanted, suffix in wanted if is_wanted)

    def choose(self, source: Path | None) -> str:
        """Return what becomes of a photo if it is in color; None is standard input."""
        if self.colored is not None:
            return self.colored
        return "recolor" if source is None or source in self.named else "keep"


def add_result_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `read_result_options` reads."""
    parser.add_argument(
        "--colored",
        choices=["keep", "recolor", "skip"],
        help="photos already in color: keep them as they are, color them anew by their lightness, "
        "or leave them out (keep in folders and patterns, recolor where named); a tint such as "
        "sepia is no color",
    )
    parser.add_argument(
        "--doubt",
        action="store_true",
        help=f"also write NAME{DOUBT_SUFFIX}: how much the network doubts each place",
    )
    parser.add_argument(
        "--layer",
        action="store_true",
        help=f"also write NAME{LAYER_SUFFIX}: the color alone, to put over the photo elsewhere",
    )
    parser.add_argument("--mark", action="store_true", help="write 'colorized' into a corner")
    add_provenance_options(parser)


def add_provenance_options(parser: argparse.ArgumentParser) -> None:
    """Add what results say of how they were made, and the options that `open_signer` reads."""
    parser.add_argument(
        "--no-provenance",
        dest="provenance",
        action="store_false",
        help="leave out of the result's metadata how it was made",
    )
    parser.add_argument(
        "--c2pa-certificate",
        type=Path,
        metavar="CHAIN.pem",
        help="sign results with content credentials (C2PA): your certificate, then those that "
        "vouch for it",
    )
    parser.add_argument(
        "--c2pa-key", type=Path, metavar="KEY.pem", help="the private key of that certificate"
    )


def open_signer(arguments: argparse.Namespace) -> ContentSigner | None:
    """Return what signs the results, or None where that is not asked for.

    Raises:
        UsageError: the certificate was given without its key, or the other way round.
        DeepkoalError: they cannot sign, see `ContentSigner`.
    """
    certificate, key = arguments.c2pa_certificate, arguments.c2pa_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise UsageError("--c2pa-certificate and --c2pa-key go together; give both")
    from deepkoal.inference.content_credentials import ContentSigner

    return ContentSigner(certificate, key)


def read_result_options(arguments: argparse.Namespace) -> ResultOptions:
    """Return what the options ask for."""
    photos: Iterable[str] = arguments.photos
    return ResultOptions(
        provenance=arguments.provenance,
        mark=arguments.mark,
        doubt=arguments.doubt,
        layer=arguments.layer,
        colored=arguments.colored,
        named=frozenset(Path(text) for text in photos if names_file(text)),
    )
