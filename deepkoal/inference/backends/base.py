"""What every backend offers, and what a file that one of them runs says about itself."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from deepkoal.arrays import FloatArray
from deepkoal.errors import WeightsError
from deepkoal.guidance import DecodingConfig

NOTE = "deepkoal.json"
"""Name under which a file keeps its description."""

AB_OUTPUT = "ab"
"""Output of an exported file for other programs: chroma, which this library decodes by itself."""


class Backend(Protocol):
    """Runs a network. Threads may share one: calls wait for each other where they must."""

    @property
    def kind(self) -> str:
        """`keras`, `litert` or `onnx`."""
        ...

    @property
    def name(self) -> str:
        """The network's, such as `lite`."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the network's outputs."""
        ...

    def predict(self, l_norm: FloatArray) -> dict[str, FloatArray]:
        """Run the network.

        Args:
            l_norm: float32 (B, H, W, 1) in −1…1, H and W multiples of 32.

        Returns:
            The network's outputs, float32 (B, h, w, C) each: `logits` or `ab_norm`, and
            `features`.
        """
        ...


@dataclass(frozen=True)
class Description:
    """What a file holds beside its network, for `Colorizer` to use it.

    Attributes:
        network: the network's name.
        working_size: see `Colorizer`.
        decoding: as `DecodingConfig.to_config` gives it.
        fixed_size: height and width of its input in pixels, where it takes no other.
        interface: for other programs: what goes in and comes out, in words, and the `bins` of the
            ab plane that `logits` are about, [[a, b], …] in CIE Lab units.
    """

    network: str
    working_size: int | list[int]
    decoding: Mapping[str, Any]
    fixed_size: list[int] | None = None
    interface: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes, path: Path) -> Self:
        """Read what `to_json` returned.

        Raises:
            WeightsError: it is something else, or of a file that takes one size only; `path` is
                the file to name.
        """
        try:
            settings = json.loads(text)
            if isinstance(settings, dict) and "reading" in settings:  # in files of version 0.1
                settings["decoding"] = settings.pop("reading")
            description = cls(**settings)
            DecodingConfig.from_config(description.decoding)
        except (ValueError, TypeError) as error:
            reason = str(error).partition("\n")[0]
            raise WeightsError(
                f"{path}: its description is damaged ({reason}); export it again"
            ) from error
        if description.fixed_size is not None:
            size = "×".join(map(str, description.fixed_size))
            raise WeightsError(
                f"{path}: takes photos of {size} pixels only, for other programs; export it "
                "without --size for this one"
            )
        return description


def refuse_file(path: Path, kind: str, reason: object) -> WeightsError:
    """Return the error that says why a backend cannot run a file."""
    cause = " ".join(str(reason).split()) or type(reason).__name__
    return WeightsError(
        f"{path} cannot be loaded by {kind} ({cause}); give a file that deepkoal export wrote"
    )


def read_bytes(path: Path) -> bytes:
    """Read a file.

    Raises:
        WeightsError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); check the path") from error
