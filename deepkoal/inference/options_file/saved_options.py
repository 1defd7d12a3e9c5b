"""A look that can be kept as JSON: all options, and hints for photos of any size."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, cast

from deepkoal import __version__
from deepkoal.errors import DeepkoalError, check_range
from deepkoal.guidance import ColorOptions, Palette
from deepkoal.image_io.pixels import check_rotation
from deepkoal.inference.options_file.hint_entries import parse_entry, scale_entry, write_entry
from deepkoal.inference.options_file.palettes import parse_palette, write_palette
from deepkoal.inference.options_file.parts import (
    HolesMask,
    NetworkIdentity,
    PhotoIdentity,
    ReferenceFile,
    StyleChoice,
    VariationChoice,
    build_part,
    check_keys,
)
from deepkoal.inference.prediction import Prediction
from deepkoal.inference.prediction.working_size import DETAIL_RANGE
from deepkoal.restoration.options import RestorationOptions

ASPECT_TOLERANCE = 0.05
"""Part by which a rescan's aspect may differ from the photo's whose hints it is given."""

_KEYS = frozenset({"deepkoal", "photo", "network", "options", "hints"})
_APART = frozenset({"hints", "palette", "reference", "variation"})
"""Fields of `ColorOptions` whose form in JSON is not their value; all others are plain."""
_PLAIN = (bool, int, float, str, type(None))
_PLAIN_FIELDS = tuple(
    each.name for each in dataclasses.fields(ColorOptions) if each.name not in _APART
)  # in order: a set's is another in each process, and so would results' bytes be
_OPTIONS = {*_PLAIN_FIELDS} | _APART - {"hints"} | {"detail", "restoration", "style", "rotation"}


@dataclass(frozen=True, eq=False)
class SavedOptions:
    """A look as the file holds it.

    Attributes:
        options: all that needs no photo: neither hints, reference nor variation.
        hints: as in a hint file, each a mapping.
        photo: that the hints were placed on; None where they are relative or there are none.
        reference: whose colors like things take, one or several.
        variation: that all else starts from, or how many are asked for of each photo.
        detail: the working size, see `Colorizer.with_detail`.
        restoration: how the photo is repaired first, see `Colorizer.with_restoration`.
        network: that colored the photo; others give other colors. None where it was not kept.
        style: that the colored photo is given.
        version: of deepkoal, that wrote it.
        holes_mask: by which holes were filled, too; no file holds it, a result's metadata name it.
        rotation: in degrees clockwise, as the photo is read, see `image_io.read_photo`: hints,
            outlines and the size of `photo` are those of the rotated one.
    """

    options: ColorOptions = field(default_factory=ColorOptions)
    hints: Sequence[Mapping[str, Any]] = ()
    photo: PhotoIdentity | None = None
    reference: ReferenceFile | tuple[ReferenceFile, ...] | None = None
    variation: VariationChoice | None = None
    detail: int | str = "auto"
    restoration: RestorationOptions | None = None
    network: NetworkIdentity | None = None
    style: StyleChoice | None = None
    version: str = __version__
    holes_mask: HolesMask | None = None
    rotation: int = 0

    def __post_init__(self) -> None:
        """Reject a detail and a rotation that are none."""
        check_rotation(self.rotation, "rotation")
        if self.detail != "auto":
            check_range(self.detail, "detail as auto or", *DETAIL_RANGE, whole=True)

    @classmethod
    def of(
        cls,
        options: ColorOptions,
        *,
        photo: PhotoIdentity | None = None,
        reference: ReferenceFile | tuple[ReferenceFile, ...] | None = None,
        variation: VariationChoice | None = None,
    ) -> Self:
        """Return options in the form that a file holds.

        Args:
            options: how the photo was colored.
            photo: that it was; hints need it.
            reference: the file of `options.reference`, or its files.
            variation: which one `options.variation` is.

        Raises:
            DeepkoalError: the options hold a reference or a variation that was not named, or hints
                without a photo.
        """
        if options.reference is not None and reference is None:
            raise DeepkoalError(
                "a reference is kept by its file's name and sha256; give reference="
                "deepkoal.inference.options_file.ReferenceFile.of(path)"
            )
        if options.variation is not None and variation is None:
            raise DeepkoalError("a variation is kept by seed and index; give variation=")
        if options.hints and photo is None:
            raise DeepkoalError("hints are kept with their photo's size; give photo=")
        hints = tuple(write_entry(hint) for hint in options.hints)
        bare = replace(options, hints=(), reference=None, variation=None)
        return cls(bare, hints, photo, reference, variation)

    def fit(self, height: int, width: int) -> ColorOptions:
        """Return the options for a photo of this size, but for reference and variation.

        Hints in pixels are scaled from the photo that they were placed on.

        Raises:
            DeepkoalError: they cannot be: its shape is another, or it is not known.
        """
        photo = self.photo
        placed = [entry for entry in self.hints if not entry.get("relative")]
        if placed and photo is not None:
            change = (width * photo.height) / (height * photo.width)
            if not 1 / (1 + ASPECT_TOLERANCE) <= change <= 1 + ASPECT_TOLERANCE:
                raise DeepkoalError(
                    f"the hints were placed on a photo of {photo.width}×{photo.height} pixels, "
                    f"but this one has {width}×{height}, another shape: turned or cropped; turn "
                    "or crop it alike, or place the hints anew"
                )
        before = (height, width) if photo is None else (photo.height, photo.width)
        return replace(
            self.options,
            hints=[parse_entry(scale_entry(hint, before, (height, width))) for hint in self.hints],
        )

    def place(self, photo: PhotoIdentity) -> Self:
        """Return the same look, its hints in pixels of another photo.

        Raises:
            DeepkoalError: as in `fit`.
        """
        fitted = self.fit(photo.height, photo.width)
        return replace(self, photo=photo, hints=[write_entry(hint) for hint in fitted.hints])

    def apply(self, prediction: Prediction) -> ColorOptions:
        """Return all options for a photo that a network has seen.

        Raises:
            DeepkoalError: as in `fit`, or the reference or the variation cannot be had.
        """
        return replace(
            self.fit(*prediction.l.shape),
            reference=[each.read() for each in self.list_references()] or None,
            variation=None if self.variation is None else self.variation.find(prediction),
        )

    def list_references(self) -> tuple[ReferenceFile, ...]:
        """Return the files whose colors like things take."""
        if self.reference is None:
            return ()
        return (self.reference,) if isinstance(self.reference, ReferenceFile) else self.reference

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` rebuilds it from.

        Raises:
            DeepkoalError: an option has no form in JSON.
        """
        options: dict[str, Any] = {}
        for name in _PLAIN_FIELDS:
            options[name] = getattr(self.options, name)
            if name == "saturation":
                options[name] = dict(self.options.saturation)
            elif not isinstance(options[name], _PLAIN):
                raise DeepkoalError(f"{name} cannot be kept in a file: {options[name]!r:.60}")
        options["palette"] = write_palette(cast(Palette | None, self.options.palette))
        files = [{"file": str(each.file), "sha256": each.sha256} for each in self.list_references()]
        options["reference"] = files[0] if len(files) == 1 else files or None
        options["variation"] = (
            None if self.variation is None else dataclasses.asdict(self.variation)
        )
        options["detail"] = self.detail
        if self.restoration is not None:
            options["restoration"] = dataclasses.asdict(self.restoration)
        if self.style is not None:
            options["style"] = dataclasses.asdict(self.style)
        if self.rotation:
            options["rotation"] = self.rotation
        return {
            "deepkoal": self.version,
            "photo": None if self.photo is None else dataclasses.asdict(self.photo),
            "network": None if self.network is None else dataclasses.asdict(self.network),
            "options": options,
            "hints": [dict(hint) for hint in self.hints],
        }

    @classmethod
    def from_json(cls, content: Any, where: str = "options") -> Self:
        """Return the look that JSON describes; what it leaves out is as by default.

        Args:
            content: what `to_json` returned.
            where: it comes from, for messages.

        Raises:
            DeepkoalError: it is something else.
        """
        try:
            check_keys(content, _KEYS, "an options file")
            given = content.get("options") or {}
            check_keys(given, _OPTIONS, "options")
            plain = {name: given[name] for name in _PLAIN_FIELDS if name in given}
            options = ColorOptions(**plain, palette=parse_palette(given.get("palette")))
            hints = content.get("hints") or []
            if not isinstance(hints, list):
                raise DeepkoalError(f"expected hints as a list, got {hints!r:.60}")
            for entry in hints:  # refused now, not when the first photo is colored
                parse_entry(scale_entry(entry, (1, 1), (1, 1)))
            return cls(
                options,
                hints,
                build_part(PhotoIdentity, content.get("photo"), "photo"),
                _build_references(given.get("reference")),
                build_part(VariationChoice, given.get("variation"), "variation"),
                given.get("detail", "auto"),
                RestorationOptions.from_json(given.get("restoration")),
                build_part(NetworkIdentity, content.get("network"), "network"),
                build_part(StyleChoice, given.get("style"), "style"),
                str(content.get("deepkoal", "")),
                rotation=given.get("rotation", 0),
            )
        except DeepkoalError as error:
            raise DeepkoalError(f"{where}: {error}") from error


def _build_references(entry: Any) -> ReferenceFile | tuple[ReferenceFile, ...] | None:
    if not isinstance(entry, list):
        return build_part(ReferenceFile, entry, "reference")
    built = [build_part(ReferenceFile, each, "reference") for each in entry]
    return tuple(each for each in built if each is not None)
