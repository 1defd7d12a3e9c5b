"""What an unfinished film keeps beside its chunks: its plan, and what they all depend on."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepkoal.atomic_files import write_json_atomically
from deepkoal.guidance import ColorOptions, Palette, Reference
from deepkoal.inference.colorizer import Colorizer
from deepkoal.video.files.containers import explain_errors
from deepkoal.video.files.film import Film
from deepkoal.video.plan import Chunk, Plan, plan_film


def resume_plan(
    parts: Path, film: Film, identity: str, progress: Callable[[int, int], None]
) -> tuple[Plan, list[str]]:
    """Return an earlier run's plan where that was the same; else begin anew.

    Args:
        parts: folder of the plan and the chunks, which are removed where they are of another run.
        film: to plan.
        identity: of the run, see `identify_run`.
        progress: as `plan_film` takes it.

    Returns:
        The plan, and what of the film could not be read, one line each.

    Raises:
        VideoError: the film cannot be read, or the plan cannot be written.
    """
    path = parts / "plan.json"
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["identity"] == identity:
            film.timed = bool(found["timed"])
            return _read_plan(found["plan"]), list(found["faults"])
    for chunk in parts.glob("chunk-*"):
        chunk.unlink()
    film.damaged = 0
    film.marred.clear()
    plan = plan_film(film, progress)
    content = {
        "identity": identity,
        "faults": film.faults,
        "timed": film.timed,
        "plan": asdict(plan),
    }
    with explain_errors(str(path), "written"):
        write_json_atomically(path, content)
    return plan, film.faults


def _read_plan(content: dict[str, Any]) -> Plan:
    chunks = (Chunk(**{**chunk, "cuts": tuple(chunk["cuts"])}) for chunk in content["chunks"])
    return Plan(tuple(content["times"]), tuple(content["cuts"]), tuple(chunks))


def identify_run(
    film: Film,
    colorizer: Colorizer,
    options: ColorOptions,
    keyframes: Path | None,
    settings: tuple[object, ...],
) -> str:
    """Return what the chunks depend on, as one number: film, network, options and keyframes.

    Args:
        film: a file or a folder of frames.
        colorizer: whose answer to a test picture stands for its network.
        options: how frames are colored.
        keyframes: folder of these.
        settings: all else, each of a `repr` that tells it from others.
    """
    assert film.source is not None
    files = list(film.paths or [film.source])
    if keyframes is not None and keyframes.is_dir():
        files += sorted(keyframes.iterdir())
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    probe = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    seen = colorizer.predict(probe).decode_ab(replace(options, hints=()))
    text = repr((stats, film.rate, film.deinterlace, settings, _describe_options(options)))
    digest = hashlib.sha256(text.encode())
    digest.update(np.round(seen, 1).astype(np.float32).tobytes())
    return digest.hexdigest()


def _describe_options(options: ColorOptions) -> list[tuple[str, str]]:
    """Return each option and what tells its value from others."""
    return [(each.name, _describe(getattr(options, each.name))) for each in fields(options)]


def _describe(value: Any) -> str:
    if isinstance(value, Reference):
        return hashlib.sha256(np.asarray(value.ab).tobytes()).hexdigest()
    if isinstance(value, Palette):
        return repr(dict(value.colors))
    return repr(value)
