"""Photos in parts: files small enough to be sent one by one, each a fair mixture of all sources.

A part is a safetensors file: `data` uint8, the encoded photos one after another; `ends` int64 (N,),
where each of them ends; `source` int32 (N,), which source each came from. Beside the parts lies
`manifest.json`, which names them with their hashes, and the sources with their shares.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from deepkoal.atomic_files import write_bytes_atomically, write_text_atomically
from deepkoal.errors import RunError

MANIFEST = "manifest.json"


@dataclass
class Source:
    """A folder of photos. A share of 0 or more; those of all sources need not add up to one."""

    name: str
    share: float
    photos: int = 0


@dataclass
class Part:
    """A file of photos, as the manifest names it."""

    file: str
    photos: int
    bytes: int
    sha256: str


@dataclass
class Manifest:
    """What lies in a folder of parts.

    Attributes:
        settings: what the parts were made with; parts of other settings do not go together.
        sources: in the order that a part's `source` counts them; `photos` are those packed so far.
        parts: in the order in which they were made.
        position: how many files of the shuffled list are done with.
        files: how many there are in the list.
        left_out: files that are in no part, by reason.
    """

    settings: dict[str, Any]
    sources: list[Source]
    files: int
    parts: list[Part] = field(default_factory=list)
    position: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it into the folder, whole or not at all."""
        write_text_atomically(folder / MANIFEST, json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read a folder's manifest.

        Raises:
            RunError: there is none, or it is damaged.
        """
        path = folder / MANIFEST
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            values["sources"] = [Source(**source) for source in values["sources"]]
            values["parts"] = [Part(**part) for part in values["parts"]]
            return cls(**values)
        except FileNotFoundError as error:
            raise RunError(
                f"{path}: no such file; give the folder that `pack` wrote, its manifest included"
            ) from error
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise RunError(f"{path} is damaged ({error}); send it again, or pack anew") from error


def write_part(folder: Path, number: int, photos: list[bytes], sources: list[int]) -> Part:
    """Write encoded photos as a part; `sources` are the indices of their sources."""
    content = safetensors.numpy.save(
        {
            "data": np.frombuffer(b"".join(photos), "uint8"),
            "ends": np.cumsum([len(photo) for photo in photos], dtype="int64"),
            "source": np.asarray(sources, "int32"),
        }
    )
    name = f"part-{number:03d}.safetensors"
    write_bytes_atomically(folder / name, content)
    return Part(name, len(photos), len(content), hashlib.sha256(content).hexdigest())


def read_part(folder: Path, part: Part) -> tuple[list[np.ndarray], np.ndarray]:
    """Return a part's encoded photos, each uint8 (bytes,), and their sources, int32 (N,).

    Raises:
        RunError: the file is missing or not what was written.
    """
    path = folder / part.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(
            f"{path}: the part is missing ({error.strerror}); send it, or train on those "
            "before it with --first-parts"
        ) from error
    if hashlib.sha256(content).hexdigest() != part.sha256:
        raise RunError(
            f"{path}: the part is damaged: expected {part.bytes} bytes of sha256 "
            f"{part.sha256[:12]}…, found {len(content)} bytes of another; send it again"
        )
    arrays = safetensors.numpy.load(content)
    return np.split(arrays["data"], arrays["ends"][:-1]), arrays["source"]


def set_shares(sources: list[Source], shares: Mapping[str, float]) -> None:
    """Give some sources other shares.

    Raises:
        RunError: there is no source of such a name.
    """
    known = {source.name: source for source in sources}
    for name, share in shares.items():
        if name not in known:
            raise RunError(f"no source {name!r} among the parts; there are: {', '.join(known)}")
        known[name].share = share


def photo_chances(sources: list[Source], source: np.ndarray) -> np.ndarray:
    """Return how often each photo is to be seen, float64 (N,), summing to 1.

    Args:
        sources: with the shares of all their photos together.
        source: int (N,), the source of each photo.
    """
    counts = np.bincount(source, minlength=len(sources))
    each = np.array([entry.share for entry in sources]) / np.maximum(counts, 1)
    chances: np.ndarray = each[source]
    if not chances.sum() > 0:
        raise RunError("all photos come of sources whose share is 0; give one of them a share")
    chances /= chances.sum()
    return chances


def take_parts(manifest: Manifest, count: int | None) -> Iterator[Part]:
    """Return the first `count` parts, or all.

    Raises:
        RunError: there are fewer, or none.
    """
    if not manifest.parts or (count is not None and not 1 <= count <= len(manifest.parts)):
        raise RunError(
            f"{count or 'any'} parts asked, but the manifest names {len(manifest.parts)}; pack "
            "more photos, or ask for fewer"
        )
    return iter(manifest.parts[:count])
