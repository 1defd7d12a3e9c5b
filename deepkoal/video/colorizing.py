"""A whole film in color: chunk by chunk, kept as it goes, joined at the end."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import multiprocessing
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from deepkoal.atomic_files import (
    lock_folder,
    remove_parts,
    replace_atomically,
    write_json_atomically,
)
from deepkoal.errors import VideoError, check_range
from deepkoal.guidance import ColorKeywords, ColorOptions, Palette, Reference
from deepkoal.inference.colorizer import Colorizer
from deepkoal.video.coloring import color_frames
from deepkoal.video.encoding import (
    CONTAINERS,
    Encoding,
    count_bits,
    keeps_aspect,
    write_chunk,
    write_y4m,
)
from deepkoal.video.film import STREAM, Film, explain_errors, open_film
from deepkoal.video.frames import write_frames
from deepkoal.video.joining import check_streams, join_chunks
from deepkoal.video.keyframes import Keyframe, read_keyframes
from deepkoal.video.plan import Chunk, Plan, plan_film

Progress = Callable[[str, int, int], None]
"""Is called with what is done, frames done and frames in all (0 where that is unknown)."""

PARTS = ".parts"
"""What is added to a film's name for the folder of its chunks, while it is unfinished."""


@dataclass
class FilmReport:
    """What became of a film.

    Attributes:
        target: the colored film; None where it went to standard output.
        frames: that were colored.
        shots: that they are of.
        resumed: frames among these that an earlier run had colored.
        left_out: what the film lacks that the old one had, one line each.
    """

    target: Path | None
    frames: int = 0
    shots: int = 0
    resumed: int = 0
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class ChunkTask:
    """All that a process needs to color a chunk, wherever it runs.

    Attributes:
        film: it is of.
        chunk: which.
        path: of the file to write, or of the folder of frames.
        options: how to color.
        encoding: how to write.
        coherent: see `colorize_video`.
        keyframes: of its shots.
    """

    film: Film
    chunk: Chunk
    path: Path
    options: ColorOptions
    encoding: Encoding | None
    coherent: bool
    keyframes: tuple[Keyframe, ...] = ()


def colorize_video(
    source: str | Path,
    target: str | Path,
    colorizer: Colorizer | Callable[[], Colorizer] | None = None,
    options: ColorOptions | None = None,
    *,
    codec: str | None = None,
    quality: int | None = None,
    pixel_format: str | None = None,
    rate: Fraction | float | None = None,
    deinterlace: bool = False,
    coherent: bool = True,
    keyframes: str | Path | None = None,
    processes: int = 1,
    overwrite: bool = False,
    skip_streams: bool = False,
    progress: Progress | None = None,
    **keywords: Unpack[ColorKeywords],
) -> FilmReport:
    """Color a film.

    Sound, subtitles, chapters, names and the frames' times are the old film's. The chunks that are
    done lie in a folder beside the target until the film is: a run that was stopped, however
    abruptly, goes on from there if it is started again with the same arguments.

    Args:
        source: a video file, a folder of frames, or `-` for y4m on standard input.
        target: a video file, whose ending names the container; a folder for frames; or `-` for y4m
            on standard output.
        colorizer: what colors; the default preset where None. A function that loads one is
            called in each of several processes; else they are sent a copy.
        options: how to color: all but hints and variations, which are of one photo.
        codec: `h264`, `hevc`, `vp9`, `av1`, `prores` or `ffv1`; the container's own where None.
        quality: of the codec, less is better; its default where None.
        pixel_format: such as `yuv420p10le`; 4:2:0 at the film's depth where None.
        rate: frames a second of a folder of frames; 25 where None.
        deinterlace: whether frames woven of two fields are rebuilt.
        coherent: whether colors are averaged along the motion within each shot.
        keyframes: a folder of frames whose colors are decided, see `keyframes.read_keyframes`.
        processes: how many color chunks at a time.
        overwrite: whether a target that exists is replaced.
        skip_streams: whether streams that the container cannot hold are left out.
        progress: is called as work goes on.
        keywords: fields of `ColorOptions`, given anew.

    Returns:
        What became of it.

    Raises:
        VideoError: the film cannot be read, or the target cannot be written as asked.
        DeepkoalError: as `Colorizer.colorize`.
    """
    options = ColorOptions.collect(options, keywords)
    if options.hints or options.variation is not None:
        raise VideoError("hints and variations are of one photo; a film takes neither")
    check_range(processes, "processes", 1, whole=True, error=VideoError)
    if rate is not None:
        check_range(rate, "frames a second", 0.1, 1000, error=VideoError)
        rate = Fraction(rate).limit_denominator(1001)
    film = open_film(source, rate=rate, deinterlace=deinterlace)
    say = progress or (lambda what, done, count: None)
    if keyframes is not None and (film.source is None or str(target) == STREAM or not coherent):
        raise VideoError("keyframes need a film that can be looked through, and coherent colors")
    if str(target) == STREAM:
        return _color_to_stream(film, _load(colorizer), options, coherent, say)
    target = Path(target)
    encoding = _plan_encoding(film, target, codec, quality, pixel_format)
    _check_target(film, target, encoding, overwrite=overwrite)
    if encoding is not None:
        check_streams(target, film, skip_streams=skip_streams)
    run = _FilmRun(film, target, colorizer, options, encoding, coherent, processes, say)
    run.keyframes = None if keyframes is None else Path(keyframes)
    return run.color(skip_streams=skip_streams)


def _load(colorizer: Colorizer | Callable[[], Colorizer] | None) -> Colorizer:
    if colorizer is None:
        return load_default()
    return colorizer if isinstance(colorizer, Colorizer) else colorizer()


def load_default() -> Colorizer:
    """Return the default preset's colorizer on whatever runs it soonest."""
    from deepkoal.pretrained.networks import choose_backend
    from deepkoal.pretrained.presets import DEFAULT_PRESET

    return Colorizer.from_preset(DEFAULT_PRESET, backend=choose_backend(DEFAULT_PRESET))


def _plan_encoding(
    film: Film, target: Path, codec: str | None, quality: int | None, pixel_format: str | None
) -> Encoding | None:
    """Return how to write a file; None for a folder of frames."""
    suffix = target.suffix.lower()
    if target.is_dir() or not suffix or str(target).endswith("/"):
        if codec or quality is not None or pixel_format:
            raise VideoError(
                f"{target} is a folder of frames, which has no codec; end the name in .mp4 or .mkv"
            )
        return None
    if suffix not in CONTAINERS:
        raise VideoError(
            f"{target} ends in no container that is written; end it in "
            f"{', '.join(CONTAINERS)}, or in / for a folder of frames"
        )
    return Encoding(codec or CONTAINERS[suffix][1], quality, pixel_format)


def _check_target(film: Film, target: Path, encoding: Encoding | None, *, overwrite: bool) -> None:
    if film.source is not None and target.exists() and target.samefile(film.source):
        raise VideoError(f"{target} is the film itself; give the colored one another name")
    parent = target if encoding is None else target.parent
    if encoding is not None and not parent.is_dir():
        raise VideoError(f"{parent}: no such folder; make it first, or give another")
    is_taken = any(target.iterdir()) if target.is_dir() else target.exists()
    if encoding is not None and target.exists() and not overwrite:
        raise VideoError(f"{target} exists already; give another name, or --overwrite")
    if encoding is None and is_taken and not overwrite and not _parts_of(target).exists():
        raise VideoError(f"{target} holds files already; give another folder, or --overwrite")


def _parts_of(target: Path) -> Path:
    return target.with_name(target.name + PARTS)


def _color_to_stream(
    film: Film, colorizer: Colorizer, options: ColorOptions, coherent: bool, say: Progress
) -> FilmReport:
    """Write a film to standard output as it is colored."""
    report = FilmReport(None)
    frames = color_frames(film.read(), colorizer, options, coherent=coherent, deep=film.depth > 8)
    for _ in write_y4m(sys.stdout.buffer, film, frames):
        report.frames += 1
        say("coloring", report.frames, film.frames)
    report.left_out = _list_damage(film.damaged)
    return report


def _list_damage(damaged: int) -> list[str]:
    if not damaged:
        return []
    what = "one packet" if damaged == 1 else f"{damaged} packets"
    return [f"{what} of the film could not be decoded; the frame before stands longer"]


class _FilmRun:
    """One film being colored into a file or a folder of frames."""

    def __init__(
        self,
        film: Film,
        target: Path,
        colorizer: Colorizer | Callable[[], Colorizer] | None,
        options: ColorOptions,
        encoding: Encoding | None,
        coherent: bool,
        processes: int,
        say: Progress,
    ) -> None:
        self._film, self._target, self._colorizer = film, target, colorizer
        self._options, self._encoding, self._coherent = options, encoding, coherent
        self._processes, self._say = processes, say
        self.keyframes: Path | None = None
        self._report = FilmReport(target)
        self._loaded: Colorizer | None = None

    def color(self, *, skip_streams: bool) -> FilmReport:
        """Color all chunks that are not there yet, and put them together."""
        parts = _parts_of(self._target)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(lock_folder(parts))
            except BlockingIOError as error:
                raise VideoError(
                    f"{self._target} is being written by another process; wait for it"
                ) from error
            remove_parts(parts)
            if self._film.source is None:
                chunks, damaged = [self._color_stream(parts)], self._film.damaged
            else:
                chunks, damaged = self._color_chunks(parts)
            if self._encoding is not None:
                self._say("joining", 0, 0)
                self._report.left_out += join_chunks(
                    self._target, self._film, chunks, skip_streams=skip_streams
                )
            shutil.rmtree(parts)
        self._report.left_out += _list_damage(damaged)
        if self._encoding is not None and not keeps_aspect(self._encoding, self._film):
            aspect = self._film.aspect
            self._report.left_out.append(
                f"the pixels' shape, {aspect.numerator}:{aspect.denominator}, which cannot be "
                f"written with {self._encoding.codec}; h264, hevc and prores keep it"
            )
        return self._report

    def _open_colorizer(self) -> Colorizer:
        if self._loaded is None:
            self._loaded = _load(self._colorizer)
        return self._loaded

    def _color_stream(self, parts: Path) -> Path:
        """Color what can be read once, as one chunk."""
        film, deep = self._film, _is_deep(self._film, self._encoding)
        frames = color_frames(
            film.read(), self._open_colorizer(), self._options, coherent=self._coherent, deep=deep
        )
        path = parts / "chunk-000000"
        if self._encoding is None:
            written = write_frames(self._target, film, frames)
        else:
            written = write_chunk(path, film, self._encoding, frames)
        for _ in written:
            self._report.frames += 1
            self._say("coloring", self._report.frames, 0)
        return path

    def _color_chunks(self, parts: Path) -> tuple[list[Path], int]:
        """Return the chunks in order, and how many packets of the film were damaged."""
        plan, damaged = self._plan(parts)
        self._report.shots = len(plan.cuts)
        paths = [parts / f"chunk-{chunk.number:06}" for chunk in plan.chunks]
        decided: list[Keyframe] = []
        if self.keyframes is not None:
            decided = read_keyframes(self.keyframes, self._film, plan, self._open_colorizer())
        tasks = []
        for chunk, path in zip(plan.chunks, paths, strict=True):
            place = path if self._encoding is not None else self._target
            if path.exists():
                self._report.resumed += chunk.frames
            else:
                own = tuple(each for each in decided if _share_shot(each, chunk))
                tasks.append(
                    ChunkTask(
                        self._film, chunk, place, self._options, self._encoding, self._coherent, own
                    )
                )
        count, self._report.frames = len(plan.times), self._report.resumed
        self._say("coloring", self._report.frames, count)
        for done in self._work(tasks, parts):
            self._report.frames += done
            self._say("coloring", self._report.frames, count)
        return paths, damaged

    def _work(self, tasks: Sequence[ChunkTask], parts: Path) -> Iterator[int]:
        """Color chunks in this process or in several, and yield how many frames were done."""
        if self._processes == 1 or len(tasks) < 2:
            for task in tasks:
                yield from color_chunk(task, self._open_colorizer())
                _mark_done(task, parts)
            return
        spawn = multiprocessing.get_context("spawn")
        load = functools.partial(_load, self._colorizer)
        with ProcessPoolExecutor(
            self._processes, mp_context=spawn, initializer=_start_worker, initargs=(load,)
        ) as pool:
            open_tasks = {pool.submit(_color_in_worker, task): task for task in tasks}
            try:
                while open_tasks:
                    for future in wait(open_tasks, return_when=FIRST_COMPLETED).done:
                        task = open_tasks.pop(future)
                        done = future.result()
                        _mark_done(task, parts)
                        yield done
            finally:
                pool.shutdown(cancel_futures=True)

    def _plan(self, parts: Path) -> tuple[Plan, int]:
        """Return the plan, an earlier run's where that was the same."""
        path, identity = parts / "plan.json", self._identify()
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["identity"] == identity:
                self._film.timed = bool(found["timed"])
                return _read_plan(found["plan"]), int(found["damaged"])
        for chunk in parts.glob("chunk-*"):
            chunk.unlink()
        self._film.damaged = 0
        plan = plan_film(self._film, lambda done, count: self._say("finding shots", done, count))
        content = {
            "identity": identity,
            "damaged": self._film.damaged,
            "timed": self._film.timed,
            "plan": asdict(plan),
        }
        with explain_errors(str(path), "written"):
            write_json_atomically(path, content)
        return plan, self._film.damaged

    def _identify(self) -> str:
        """Return what the chunks depend on, as one number: film, network and options."""
        film = self._film
        assert film.source is not None
        files = film.paths or [film.source]
        stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
        probe = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
        seen = self._open_colorizer().predict(probe).decode_ab(replace(self._options, hints=()))
        options = repr(_flatten(self._options))
        if self.keyframes is not None and self.keyframes.is_dir():
            files = sorted(self.keyframes.iterdir())
            stats += [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
        text = repr((stats, film.rate, film.deinterlace, self._encoding, self._coherent, options))
        digest = hashlib.sha256(text.encode())
        digest.update(np.round(seen, 1).astype(np.float32).tobytes())
        return digest.hexdigest()


def _flatten(options: ColorOptions) -> list[Any]:
    reference, palette = options.reference, options.palette
    if isinstance(reference, np.ndarray):
        reference_id = hashlib.sha256(reference.tobytes()).hexdigest()
    elif isinstance(reference, Reference):
        reference_id = hashlib.sha256(np.asarray(reference.ab).tobytes()).hexdigest()
    else:
        reference_id = ""
    colors = dict(palette.colors) if isinstance(palette, Palette) else None
    return [
        options.vibrance,
        [repr(hint) for hint in options.hints],
        colors,
        reference_id,
        options.cleanup,
    ]


def _read_plan(content: dict[str, Any]) -> Plan:
    chunks = (Chunk(**{**chunk, "cuts": tuple(chunk["cuts"])}) for chunk in content["chunks"])
    return Plan(tuple(content["times"]), tuple(content["cuts"]), tuple(chunks))


def _share_shot(keyframe: Keyframe, chunk: Chunk) -> bool:
    begins_before_end = chunk.stop is None or keyframe.start < chunk.stop
    return begins_before_end and (keyframe.stop is None or keyframe.stop > chunk.start)


def _mark_done(task: ChunkTask, parts: Path) -> None:
    if task.encoding is None:  # the frames are in their folder, and this stands for them
        (parts / f"chunk-{task.chunk.number:06}").touch()


def _is_deep(film: Film, encoding: Encoding | None) -> bool:
    if encoding is None:
        return film.depth > 8
    return count_bits(encoding.choose_format(film.depth)) > 8


def color_chunk(task: ChunkTask, colorizer: Colorizer) -> Iterator[int]:
    """Color a chunk into its file, which is there whole or not at all.

    Yields:
        1 after each frame.
    """
    chunk, film = task.chunk, task.film
    cuts = set(chunk.cuts)
    colored = color_frames(
        film.read(chunk.first, chunk.last),
        colorizer,
        task.options,
        coherent=task.coherent,
        deep=_is_deep(film, task.encoding),
        is_cut=lambda frame, l: frame.pts in cuts,
        keyframes=task.keyframes,
    )
    stop = float("inf") if chunk.stop is None else chunk.stop
    frames = (frame for frame in colored if chunk.start <= frame.pts < stop)
    if task.encoding is None:
        yield from write_frames(task.path, film, frames)
        return
    with explain_errors(str(task.path), "written"), replace_atomically(task.path) as part:
        yield from write_chunk(part, film, task.encoding, frames)


_worker_colorizer: Colorizer | None = None


def _start_worker(load: Callable[[], Colorizer]) -> None:
    global _worker_colorizer
    _worker_colorizer = load()


def _color_in_worker(task: ChunkTask) -> int:
    assert _worker_colorizer is not None
    return sum(color_chunk(task, _worker_colorizer))
