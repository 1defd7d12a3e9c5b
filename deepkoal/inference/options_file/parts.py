"""Parts of a look that have a form of their own in JSON: photo, variation, reference, style."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from deepkoal.arrays import ByteArray
from deepkoal.errors import DeepkoalError, check_range
from deepkoal.guidance import VariationLatents
from deepkoal.guidance.variation_latents import MOST_VARIATIONS
from deepkoal.image_io import read_image
from deepkoal.inference.prediction import Prediction

T = TypeVar("T")


@dataclass(frozen=True)
class PhotoIdentity:
    """Which photo a look was made on.

    Attributes:
        width: in pixels, upright.
        height: likewise.
        sha256: of its file, in hexadecimal; empty where there was none.
    """

    width: int
    height: int
    sha256: str = ""

    def __post_init__(self) -> None:
        """Reject what no photo has."""
        check_range(self.width, "a photo's width", 1, whole=True)
        check_range(self.height, "a photo's height", 1, whole=True)
        if not isinstance(self.sha256, str):
            raise DeepkoalError(f"expected a photo's sha256 as text, got {self.sha256!r}")


@dataclass(frozen=True)
class NetworkIdentity:
    """Which weights colored a photo.

    Attributes:
        name: of the preset, or of the file that they came from.
        sha256: of their file, in hexadecimal.
    """

    name: str
    sha256: str

    def __post_init__(self) -> None:
        """Reject what names none."""
        if not isinstance(self.name, str) or not isinstance(self.sha256, str):
            raise DeepkoalError(f"expected a network's name and sha256 as text, got {self}")


@dataclass(frozen=True)
class HolesMask:
    """A picture by which holes of a photo were filled.

    Attributes:
        share: of the photo that it marks, 0…1.
        sha256: of its file, in hexadecimal.
    """

    share: float
    sha256: str


@dataclass(frozen=True)
class VariationChoice:
    """One of `Prediction.list_variations(count, seed=seed)`, which depends on the photo.

    Attributes:
        seed: of the variations, from 0 up.
        index: among them, from 1; 0 is the automatic one.
        count: of variations, the automatic one included.
    """

    seed: int = 0
    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        """Reject what is none."""
        check_range(self.seed, "a seed", 0, whole=True)
        check_range(self.count, "a count of variations", 1, MOST_VARIATIONS, whole=True)
        check_range(self.index, "a variation's index", 0, self.count - 1, whole=True)

    def find(self, prediction: Prediction) -> VariationLatents | None:
        """Return the variation of a photo; None is the automatic one."""
        if self.index == 0:
            return None
        return prediction.list_variations(self.count, seed=self.seed)[self.index - 1]


@dataclass(frozen=True)
class ReferenceFile:
    """The color photo that a look takes its colors from.

    Attributes:
        file: its path.
        sha256: of it, in hexadecimal; empty to take whatever is there.
    """

    file: Path
    sha256: str = ""

    def __post_init__(self) -> None:
        """Give the path its one form."""
        if not isinstance(self.file, (str, Path)) or not isinstance(self.sha256, str):
            raise DeepkoalError(f"expected a reference's file and sha256 as text, got {self}")
        object.__setattr__(self, "file", Path(self.file))

    @classmethod
    def of(cls, file: str | Path) -> Self:
        """Return a reference photo that is there now.

        Raises:
            DeepkoalError: it cannot be read.
        """
        return cls(Path(file), hash_file(file))

    def read(self) -> ByteArray:
        """Return its pixels, uint8 (H, W, 3) sRGB.

        Raises:
            DeepkoalError: it is missing, changed or no photo.
        """
        if self.sha256 and hash_file(self.file) != self.sha256:
            raise DeepkoalError(
                f"{self.file}: the reference photo has changed since the options were saved; put "
                "the former one back, or give --reference"
            )
        return read_image(self.file)


@dataclass(frozen=True)
class StyleChoice:
    """The style that a result was given after it was colored, see `deepkoal.style`.

    Attributes:
        name: of a style that came with the library; empty where `file` is given.
        file: of the picture that it was taken from.
        sha256: of that file, in hexadecimal.
        scope: `color`, `texture` or `both`; what is None is as by default.
        strength: 0…1.
        steps: of the optimization.
        size: side in pixels of the square at whose area texture was made.
    """

    name: str = ""
    file: str = ""
    sha256: str = ""
    scope: str | None = None
    strength: float | None = None
    steps: int | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        """Reject what names no style; `StyleOptions` checks the ranges."""
        texts = (self.name, self.file, self.sha256)
        if not all(isinstance(text, str) for text in texts) or bool(self.name) == bool(self.file):
            raise DeepkoalError(f"expected a style's name or its file as text, got {self}")

    def list_given(self) -> dict[str, Any]:
        """Return the options that are not as by default, by name."""
        names = ("scope", "strength", "steps", "size")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


def check_keys(entry: Any, known: set[str] | frozenset[str], what: str) -> None:
    """Refuse what is no JSON object, or has keys that mean nothing here.

    Raises:
        DeepkoalError: naming them.
    """
    if not isinstance(entry, Mapping):
        raise DeepkoalError(f"expected {what} as a JSON object, got {entry!r:.60}")
    if unknown := sorted(set(map(str, entry)) - known):
        raise DeepkoalError(
            f"{what}: {unknown[0]!r} means nothing here; known are {', '.join(sorted(known))}"
        )


def hash_bytes(data: bytes) -> str:
    """Return the sha256 of a file's bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def hash_file(path: str | Path) -> str:
    """Return a file's sha256 in hexadecimal.

    Raises:
        DeepkoalError: it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DeepkoalError(
            f"{path}: cannot be read ({error.strerror}); check the path and your permissions"
        ) from error


def build_part(kind: type[T], entry: Any, what: str) -> T | None:
    """Return a part of a look from its JSON object, None from null.

    Raises:
        DeepkoalError: the object is none of that kind.
    """
    if entry is None:
        return None
    known = {each.name for each in dataclasses.fields(cast(Any, kind))}
    check_keys(entry, known, what)
    try:
        return kind(**entry)
    except TypeError as error:
        raise DeepkoalError(
            f"{what}: expected {', '.join(sorted(known))}, got {sorted(entry)}"
        ) from error
