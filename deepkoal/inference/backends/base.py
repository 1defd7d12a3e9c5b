"""What every backend offers, and what a file that one of them runs says about itself."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from deepkoal.arrays import FloatArray
from deepkoal.errors import WeightsError
from deepkoal.guidance import DecodingConfig
from deepkoal.models.weights import check_sha256
from deepkoal.native_logs import silence_native_logs
from deepkoal.short_repr import short_repr

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


@short_repr
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


class FileBackend(ABC):
    """A backend that runs a file: it can be pickled, copied, and used in a forked process.

    For that it keeps the file's bytes, and has its engine open them again.

    Args:
        path: the file.
        sha256: expected digest of the file in hexadecimal; None skips the check.

    Attributes:
        description: what the file tells beside its network.
        outputs: names of the network's outputs.

    Raises:
        WeightsError: the file is missing, damaged, another program's or not of that digest, or
            its engine is not installed.
    """

    kind: ClassVar[str]
    description: Description
    outputs: tuple[str, ...]

    def __init__(self, path: str | Path, sha256: str | None = None) -> None:
        self.check_installed()
        path = Path(path)
        data = read_bytes(path)
        check_sha256(path, data, sha256)
        self._begin(path, data)

    @classmethod
    @abstractmethod
    def check_installed(cls) -> None:
        """Make sure that the engine is there.

        Raises:
            WeightsError: it is not.
        """

    @abstractmethod
    def _open(self, path: Path, data: bytes) -> None:
        """Have the engine open the file."""

    @abstractmethod
    def predict(self, l_norm: FloatArray) -> dict[str, FloatArray]:
        """Run the network, see `Backend.predict`."""

    @property
    def name(self) -> str:
        """The network's name."""
        return self.description.network

    def _begin(self, path: Path, data: bytes) -> None:
        self._path, self._data = path, data
        self._others: list[dict[str, Any]] = []
        self.free_lock()
        self._start()
        _FILE_BACKENDS.add(self)

    def _start(self) -> None:
        self._pid = os.getpid()
        with silence_native_logs():
            self._open(self._path, self._data)

    def free_lock(self) -> None:
        """Begin with a new lock: in a forked process, where another thread may have held it."""
        self._lock = threading.Lock()

    def _ensure_open(self) -> None:
        """Open the file once more in a forked process, where the engine's threads are missing."""
        if self._pid != os.getpid():
            # Kept, because an engine that is taken down may wait for its threads.
            self._others.append(dict(vars(self)))
            self._start()

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to open the same network."""
        return {"path": self._path, "data": self._data}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the network again."""
        self.check_installed()
        self._begin(state["path"], state["data"])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._path)!r})"


_FILE_BACKENDS: weakref.WeakSet[FileBackend] = weakref.WeakSet()


def _free_locks() -> None:
    for backend in _FILE_BACKENDS:
        backend.free_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_locks)


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
