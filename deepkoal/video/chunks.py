"""Chunks of a film being colored, each into a file of its own, by this process or by several."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deepkoal.atomic_files import replace_atomically
from deepkoal.errors import VideoError
from deepkoal.guidance import ColorOptions
from deepkoal.inference.colorizer import Colorizer
from deepkoal.video.anchors import AnchorFinder, ShotAnchors
from deepkoal.video.coloring import color_frames
from deepkoal.video.files.containers import explain_errors
from deepkoal.video.files.encoding import Encoding, count_bits
from deepkoal.video.files.film import Film
from deepkoal.video.files.frames import Frame, write_frames
from deepkoal.video.files.writing import write_chunk
from deepkoal.video.keyframes import Keyframe
from deepkoal.video.plan import Chunk

_worker_colorizer: Colorizer | None = None


class Crew(Protocol):
    """Colors chunks, several at a time."""

    def __call__(self, tasks: Sequence[ChunkTask], load: Callable[[], Colorizer]) -> Iterator[int]:
        """Color chunks, each into its file, and yield how many more frames were done.

        Args:
            tasks: a chunk each.
            load: opens what colors.
        """


@dataclass(frozen=True, eq=False)
class ChunkTask:
    """All that a process needs to color a chunk, wherever it runs.

    Attributes:
        film: it is of.
        chunk: which.
        path: of the file to write; where there is a folder, it stands for the frames there.
        folder: for the frames; None where they go into the file.
        options: how to color.
        encoding: how to write.
        coherent: see `colorize_video`.
        keyframes: of its shots.
        deflicker: see `colorize_video`.
        anchors: of its shots.
    """

    film: Film
    chunk: Chunk
    path: Path
    folder: Path | None
    options: ColorOptions
    encoding: Encoding | None
    coherent: bool
    keyframes: tuple[Keyframe, ...] = ()
    deflicker: bool = False
    anchors: tuple[ShotAnchors, ...] = ()


def color_chunk(task: ChunkTask, colorizer: Colorizer) -> Iterator[int]:
    """Color a chunk into its file, which is there whole or not at all.

    Yields:
        1 after each frame.
    """
    chunk, film = task.chunk, task.film
    cuts = set(chunk.cuts)
    finder = AnchorFinder(task.anchors, film.read, colorizer, task.options)
    colored = color_frames(
        film.read(chunk.first, chunk.last),
        colorizer,
        task.options,
        coherent=task.coherent,
        deep=is_deep(film, task.encoding),
        is_cut=lambda frame, l: frame.pts in cuts,
        keyframes=task.keyframes,
        deflicker=task.deflicker,
        find_anchors=finder.find,
    )
    stop = float("inf") if chunk.stop is None else chunk.stop
    frames = _check_count(
        (frame for frame in colored if chunk.start <= frame.pts < stop), film, chunk
    )
    if task.folder is not None:
        yield from write_frames(task.folder, film, frames)
        with explain_errors(str(task.path), "written"):
            task.path.touch()
        return
    assert task.encoding is not None
    with explain_errors(str(task.path), "written"), replace_atomically(task.path) as part:
        yield from write_chunk(part, film, task.encoding, frames)


def _check_count(frames: Iterator[Frame], film: Film, chunk: Chunk) -> Iterator[Frame]:
    """Yield a chunk's frames, and make sure that of a folder's none has become unreadable since."""
    count = 0
    for frame in frames:
        yield frame
        count += 1
    if film.paths and count < chunk.frames:
        raise VideoError(
            f"{film.name}: a frame could be read before and no longer can; check the disk, and "
            "start again"
        )


def color_chunks(
    tasks: Sequence[ChunkTask], load: Callable[[], Colorizer], *, processes: int
) -> Iterator[int]:
    """Color chunks by processes of this machine, see `Crew`.

    Args:
        tasks: a chunk each.
        load: opens what colors, in each process.
        processes: how many.
    """
    if len(tasks) == 1:
        yield from color_chunk(tasks[0], load())
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        min(processes, len(tasks)),
        mp_context=spawn,
        initializer=_start_worker,
        initargs=(load,),
    ) as pool:
        try:
            for future in as_completed([pool.submit(_color_in_worker, task) for task in tasks]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker(load: Callable[[], Colorizer]) -> None:
    global _worker_colorizer
    _worker_colorizer = load()


def _color_in_worker(task: ChunkTask) -> int:
    assert _worker_colorizer is not None
    return sum(color_chunk(task, _worker_colorizer))


def is_deep(film: Film, encoding: Encoding | None) -> bool:
    """Return whether a film is written in more than 8 bits."""
    if encoding is None:
        return film.depth > 8
    return count_bits(encoding.choose_format(film.depth)) > 8
