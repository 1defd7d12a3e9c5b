"""Video files as FFmpeg opens them, through PyAV: what fails there is one line here."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from deepkoal.errors import VideoError

if TYPE_CHECKING:
    import av.container
    import av.video


def import_av() -> Any:
    """Return PyAV.

    Raises:
        VideoError: it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise VideoError("films need PyAV: pip install 'deepkoal[video]'") from error
    # What fails is raised. A decoder's thread that logged would wait for Python, and Python for it.
    av.logging.set_level(None)
    return av


@contextlib.contextmanager
def explain_errors(name: str, what: str) -> Iterator[None]:
    """Turn FFmpeg's errors and the system's into one line about a film.

    Args:
        name: of the film.
        what: `read` or `written`.
    """
    av = import_av()
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        cause = getattr(error, "strerror", None) or " ".join(str(error).split())
        advice = "is it a video file?" if what == "read" else "check the disk and your permissions"
        raise VideoError(f"{name}: cannot be {what} ({cause}); {advice}") from error


def open_container(
    path: Path | None,
) -> tuple[av.container.InputContainer, av.video.VideoStream]:
    """Return a film's file, open, and the stream in it that is the film.

    Args:
        path: the file; None for y4m on standard input.

    Raises:
        VideoError: there is no such file, or no video in it.
    """
    av = import_av()
    name = "standard input" if path is None else str(path)
    if path is not None and not path.is_file():
        raise VideoError(f"{path}: no such file; check the path")
    source: IO[bytes] | str = sys.stdin.buffer if path is None else str(path)
    with explain_errors(name, "read"):
        container = av.open(source, format="yuv4mpegpipe" if path is None else None)
    streams = [each for each in container.streams.video if not is_cover(each)]
    if not streams:
        container.close()
        raise VideoError(f"{name}: holds no video that can be read; expected a film, and all of it")
    stream = streams[0]
    stream.thread_type = "AUTO"
    return container, stream


def is_cover(stream: Any) -> bool:
    """Return whether a video stream is a still picture that belongs to the file."""
    import av.stream

    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def deinterlace_frames(
    frames: Iterator[av.VideoFrame], stream: av.video.VideoStream
) -> Iterator[av.VideoFrame]:
    """Yield frames that were woven of two fields as whole ones (bwdif), at their times."""
    import av
    import av.filter

    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_buffer(template=stream),
        graph.add("bwdif", "mode=send_frame"),
        graph.add("buffersink"),
    ).configure()
    for frame in _and_end(frames):
        graph.push(frame)
        while True:
            try:
                found = graph.pull()
                assert isinstance(found, av.VideoFrame)
                if found.pts is not None and found.time_base and stream.time_base:
                    # The filter counts in half steps.
                    found.pts = round(found.pts * found.time_base / stream.time_base)
                yield found
            except (BlockingIOError, EOFError):
                break


def _and_end(frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame | None]:
    yield from frames
    yield None
