"""One film being colored into a file or a folder: what is there is kept, and joined at the end."""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deepkoal.atomic_files import lock_folder, remove_parts
from deepkoal.errors import VideoError
from deepkoal.guidance import ColorOptions
from deepkoal.inference.colorizer import Colorizer
from deepkoal.video.anchors import choose_anchors
from deepkoal.video.chunks import ChunkTask, Crew, color_chunk, is_deep
from deepkoal.video.coloring import color_frames
from deepkoal.video.files.encoding import Encoding, keeps_aspect
from deepkoal.video.files.film import Film
from deepkoal.video.files.frames import write_frames
from deepkoal.video.files.joining import join_chunks
from deepkoal.video.files.writing import write_chunk
from deepkoal.video.keyframes import Keyframe, read_keyframes
from deepkoal.video.plan import Chunk, Plan
from deepkoal.video.resuming import identify_run, resume_plan

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


@dataclass(eq=False)
class FilmRun:
    """All that one film's coloring needs, and what has become of it.

    Attributes:
        film: to color.
        target: the file, or the folder for frames.
        load: opens what colors.
        options: how to color.
        encoding: how to write; None for a folder of frames.
        coherent: whether chroma is averaged along the motion.
        crew: colors chunks, if this process shall not.
        progress: is called with how far it is.
        keyframes: folder of frames whose colors are decided.
        deflicker: whether exposure is evened within each shot.
    """

    film: Film
    target: Path
    load: Callable[[], Colorizer]
    options: ColorOptions
    encoding: Encoding | None
    coherent: bool
    crew: Crew | None
    progress: Progress
    keyframes: Path | None = None
    deflicker: bool = False

    def __post_init__(self) -> None:
        """Begin its report."""
        self._report = FilmReport(self.target)

    def color(self, *, skip_streams: bool) -> FilmReport:
        """Color all chunks that are not there yet, and put them together.

        Args:
            skip_streams: whether streams that the container cannot hold are left out.

        Raises:
            VideoError: the film cannot be read, or the target cannot be written.
        """
        parts = name_parts(self.target)
        if self.options.reference is not None:
            self.options = self._colorizer.open_options(self.options)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(lock_folder(parts))
            except BlockingIOError as error:
                raise VideoError(
                    f"{self.target} is being written by another process; wait for it"
                ) from error
            except OSError as error:
                raise VideoError(
                    f"{parts} cannot be made ({error.strerror}); choose another place for the film"
                ) from error
            remove_parts(parts)
            if self.film.source is None:
                chunks, faults = [self._color_stream(parts)], self.film.faults
            else:
                chunks, faults = self._color_chunks(parts)
            if self.encoding is not None:
                self.progress("joining", 0, 0)
                self._report.left_out += join_chunks(
                    self.target, self.film, chunks, skip_streams=skip_streams
                )
            shutil.rmtree(parts)
            if self.encoding is None:
                remove_parts(self.target)
        self._report.left_out += faults
        if self.encoding is not None and not keeps_aspect(self.encoding, self.film):
            aspect = self.film.aspect
            self._report.left_out.append(
                f"the pixels' shape, {aspect.numerator}:{aspect.denominator}, which cannot be "
                f"written with {self.encoding.codec}; h264, hevc and prores keep it"
            )
        return self._report

    @functools.cached_property
    def _colorizer(self) -> Colorizer:
        return self.load()

    def _color_stream(self, parts: Path) -> Path:
        """Color what can be read once, as one chunk."""
        film = self.film
        deep = is_deep(film, self.encoding)
        frames = color_frames(
            film.read(),
            self._colorizer,
            self.options,
            coherent=self.coherent,
            deep=deep,
            deflicker=self.deflicker,
        )
        path = parts / "chunk-000000"
        if self.encoding is None:
            written = write_frames(self.target, film, frames)
        else:
            written = write_chunk(path, film, self.encoding, frames)
        for _ in written:
            self._report.frames += 1
            self.progress("coloring", self._report.frames, 0)
        return path

    def _color_chunks(self, parts: Path) -> tuple[list[Path], list[str]]:
        """Return the chunks in order, and what of the film could not be read."""
        settings = (self.encoding, self.coherent, self.deflicker)
        identity = identify_run(self.film, self._colorizer, self.options, self.keyframes, settings)
        plan, faults = resume_plan(
            parts, self.film, identity, functools.partial(self.progress, "finding shots")
        )
        self._report.shots = len(plan.cuts)
        tasks = self._list_tasks(plan, parts)
        count = len(plan.times)
        self._report.frames = self._report.resumed = count - sum(
            task.chunk.frames for task in tasks
        )
        self.progress("coloring", self._report.frames, count)
        for done in self._work(tasks):
            self._report.frames += done
            self.progress("coloring", self._report.frames, count)
        return [_name_chunk(parts, chunk) for chunk in plan.chunks], faults

    def _list_tasks(self, plan: Plan, parts: Path) -> list[ChunkTask]:
        """Return what is still to be colored."""
        decided: list[Keyframe] = []
        if self.keyframes is not None:
            decided = read_keyframes(self.keyframes, self.film, plan, self._colorizer)
        return [
            ChunkTask(
                self.film,
                chunk,
                _name_chunk(parts, chunk),
                self.target if self.encoding is None else None,
                self.options,
                self.encoding,
                self.coherent,
                tuple(each for each in decided if _share_shot(each, chunk)),
                self.deflicker,
                # Of a film without times each would be sought from its beginning.
                choose_anchors(plan, chunk) if self.film.timed and self.coherent else (),
            )
            for chunk in plan.chunks
            if not _name_chunk(parts, chunk).exists()
        ]

    def _work(self, tasks: list[ChunkTask]) -> Iterator[int]:
        """Color chunks here or by a crew, and yield how many frames were done."""
        if self.crew is not None and tasks:
            yield from self.crew(tasks, self.load)
            return
        for task in tasks:
            yield from color_chunk(task, self._colorizer)


def name_parts(target: Path) -> Path:
    """Return the folder of a film's chunks, while it is unfinished."""
    return target.with_name(target.name + PARTS)


def _name_chunk(parts: Path, chunk: Chunk) -> Path:
    return parts / f"chunk-{chunk.number:06}"


def _share_shot(keyframe: Keyframe, chunk: Chunk) -> bool:
    begins_before_end = chunk.stop is None or keyframe.start < chunk.stop
    return begins_before_end and (keyframe.stop is None or keyframe.stop > chunk.start)
