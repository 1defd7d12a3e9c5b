"""Folders of photos to parts: shrunk, encoded small, in random order."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from deepkoal.errors import RunError

from .parts import MANIFEST, Manifest, Source, write_part

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
LEAST_SIDE = 32
WIDEST = 2.0
"""Ratio of the sides beyond which a photo is cut: in device memory it becomes a square."""

GREYEST = 5
"""Mean spread of the channels below which a photo counts as grey, in 0…255."""


def pack(
    folders: list[tuple[Path, float | None]],
    out: Path,
    *,
    side: int = 160,
    quality: int = 80,
    part_megabytes: float = 60,
    most_parts: int | None = None,
    seed: int = 0,
) -> Manifest:
    """Write parts, and go on where an earlier call stopped.

    Args:
        folders: searched for photos below them, each with its share of what training sees; with
            None everywhere all photos count alike.
        out: the parts' folder.
        side: photos whose short side is longer are shrunk to it.
        quality: of WebP, 1…100.
        part_megabytes: size of a part at most, in millions of bytes.
        most_parts: stop when there are so many; None packs all photos.
        seed: of the photos' order.

    Raises:
        RunError: a folder holds no photos, only some have shares, or `out` holds parts of other
            photos or settings.
    """
    # One thread a photo: OpenCV's own would only get in each other's way.
    cv2.setNumThreads(1)
    sources, files, source_of = _list_files(folders)
    settings = {
        "side": side,
        "quality": quality,
        "part_megabytes": part_megabytes,
        "seed": seed,
        "files": hashlib.sha256("\n".join(map(str, files)).encode()).hexdigest(),
    }
    out.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(settings, sources, len(files))
    if (out / MANIFEST).exists():
        manifest = Manifest.read(out)
        if manifest.settings != settings:
            raise RunError(
                f"{out} holds parts of other photos or settings; give the same folders and options "
                "as before, or another folder"
            )
    order = np.random.default_rng(seed).permutation(len(files))[manifest.position :]
    limit = int(part_megabytes * 1e6) - 4096  # the file's header
    photos: list[bytes] = []
    of: list[int] = []
    skipped: dict[str, int] = {}

    def close(position: int) -> None:
        part = write_part(out, len(manifest.parts), photos, of)
        manifest.parts.append(part)
        manifest.position = position
        for number in of:
            manifest.sources[number].photos += 1
        for reason, count in skipped.items():
            manifest.left_out[reason] = manifest.left_out.get(reason, 0) + count
        manifest.write(out)
        photos.clear()
        of.clear()
        skipped.clear()

    size, first = 0, manifest.position
    encoded = _encode_all([files[index] for index in order], side, quality)
    bar = tqdm(encoded, total=len(files), initial=first, desc="photos", unit="", mininterval=1)
    for offset, photo in enumerate(bar):
        if most_parts is not None and len(manifest.parts) >= most_parts:
            break
        if isinstance(photo, str):
            skipped[photo] = skipped.get(photo, 0) + 1
            continue
        cost = len(photo) + 12  # with its end and its source
        if photos and size + cost > limit:
            close(first + offset)
            size = 0
            bar.set_postfix(parts=len(manifest.parts))
        photos.append(photo)
        of.append(int(source_of[order[offset]]))
        size += cost
    else:
        if photos:
            close(len(files))
    return manifest


def _list_files(
    folders: list[tuple[Path, float | None]],
) -> tuple[list[Source], list[Path], np.ndarray]:
    if len({share is None for _, share in folders}) > 1:
        raise RunError("some folders have a share and others none; give all one (FOLDER=SHARE)")
    sources: list[Source] = []
    files: list[Path] = []
    source_of: list[int] = []
    for number, (folder, share) in enumerate(folders):
        found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        if not found:
            raise RunError(f"{folder}: no photos there ({', '.join(sorted(SUFFIXES))})")
        names = [source.name for source in sources]
        name = folder.name if folder.name not in names else f"{folder.name}-{number}"
        sources.append(Source(name, float(len(found)) if share is None else share))
        files += found
        source_of += [number] * len(found)
    return sources, files, np.asarray(source_of)


def _encode_all(files: list[Path], side: int, quality: int) -> Iterator[bytes | str]:
    """Encode in order on all cores, not far ahead of whoever takes the photos."""
    ahead = 256
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for begin in range(0, len(files), ahead):
            chunk = files[begin : begin + ahead]
            yield from pool.map(lambda path: encode(path, side, quality), chunk)


def encode(path: Path, side: int, quality: int) -> bytes | str:
    """Return a photo encoded small, or why it is left out.

    The file's own bytes are kept where they are no more than the new ones and need no change.
    Nine in ten grey photos are left out, which would teach that nothing has a color.
    """
    try:
        data = path.read_bytes()
        bgr = cv2.imdecode(np.frombuffer(data, "uint8"), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        return "unreadable"
    if bgr is None:
        return "unreadable"
    height, width = bgr.shape[:2]
    if min(height, width) < LEAST_SIDE:
        return "too small"
    spread = (bgr.max(axis=-1).astype("int16") - bgr.min(axis=-1)).mean()
    if spread < GREYEST and zlib.crc32(data) % 10:
        return "grey"
    longest = int(WIDEST * min(height, width))
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    small = bgr[top : top + longest, left : left + longest]
    factor = side / min(small.shape[:2])
    if factor < 1:
        shape = [round(length * factor) for length in small.shape[1::-1]]
        small = cv2.resize(small, shape, interpolation=cv2.INTER_AREA)
    new = cv2.imencode(".webp", small, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
    same = small.shape == bgr.shape and path.suffix.lower() != ".png"
    return data if same and len(data) <= len(new) else new
