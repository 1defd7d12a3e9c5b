"""The colored photo as a file: in its own format, or in one that was chosen for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from deepkoal.arrays import SampleArray
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import ColorOptions
from deepkoal.image_io import encode_photo
from deepkoal.image_io.formats import FORMATS
from deepkoal.image_io.formats.kinds import sniff
from deepkoal.image_io.losses import choose_kept_suffix, list_losses
from deepkoal.inference.options_file.saved_options import SavedOptions
from deepkoal.inference.provenance import add_provenance, raise_quality
from deepkoal.studio.choices import DOWNLOAD_FORMATS
from deepkoal.studio.photos.open_photo import OpenPhoto


@dataclass(frozen=True)
class FileChoice:
    """What a file is to be written as.

    Attributes:
        format: one of `DOWNLOAD_FORMATS`; None for the photo's own, or where that is not written
            or would lose its depth or transparency, the one that the command takes.
        quality: of a lossy format, 1…100; None for the photo's own, or else the usual one.

    Raises:
        DeepkoalError: the format is none of them.
    """

    format: str | None = None
    quality: int | None = None

    def __post_init__(self) -> None:
        """Reject a format that is not offered; what is wrong with a quality, its encoder says."""
        if self.format is not None and self.format not in DOWNLOAD_FORMATS:
            raise DeepkoalError(
                f"expected a format of {', '.join(DOWNLOAD_FORMATS)}, got {self.format!r:.60}"
            )


@dataclass(frozen=True)
class ResultFile:
    """A colored photo's file.

    Attributes:
        data: its bytes.
        kind: its format, a key of `image_io.formats.WRITTEN`.
        name: to save it under.
        lost: what the photo has that the format does not keep, see `losses.list_losses`.
    """

    data: bytes
    kind: str
    name: str
    lost: tuple[str, ...] = ()


def write_result(
    photo: OpenPhoto,
    options: ColorOptions,
    look: SavedOptions,
    choice: FileChoice | None = None,
    *,
    carried: Sequence[str] = (),
    restyle: Callable[[SampleArray], SampleArray] | None = None,
) -> ResultFile:
    """Return the colored photo's file, of full size and with its metadata.

    The metadata say how it was made, as the command's do.

    Args:
        photo: that is colored.
        options: with all that other photos of an album gave.
        look: the photo's own, to be made again.
        choice: what it is written as; the default where None.
        carried: what it took of others, a line each.
        restyle: gives the colored photo a style.

    Raises:
        DeepkoalError: it cannot be written so, or the quality is out of range.
    """
    choice, before = choice or FileChoice(), photo.decode()
    rgb = photo.color_full(before.rgb, options, None if look.detail == "auto" else int(look.detail))
    kind = choice.format or FORMATS[choose_kept_suffix(before, sniff(photo.data, photo.name))]
    like = add_provenance(raise_quality(before, look), look, carried)
    if restyle is not None:
        rgb = restyle(rgb)
    data = encode_photo(rgb, kind, like, quality=choice.quality)
    lost = tuple(list_losses(before, kind))
    return ResultFile(data, kind, _name_result(photo.name, kind), lost)


def _name_result(name: str, kind: str) -> str:
    """Return a name for a photo's result, of that format."""
    path = PurePath(name)
    suffix = path.suffix.lower()
    if FORMATS.get(suffix) != kind:
        suffix = next(each for each, format in FORMATS.items() if format == kind)
    return f"{path.stem}.colored{suffix}"
