"""Video files as FFmpeg opens them, through PyAV: what fails there is one line here."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.errors import VideoError, printable
from deepkoal.video.files.endings import Y4M, CountedStream, Ending, read_head

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


@dataclass(frozen=True, eq=False)
class OpenFilm:
    """A film's file, open.

    Attributes:
        container: the file.
        stream: that in it which is the film.
        ending: watches its packets.
    """

    container: av.container.InputContainer
    stream: av.video.VideoStream
    ending: Ending

    def list_packets(self) -> Iterator[av.Packet[Any]]:
        """Yield the packets of all streams, up to the end or to where the film is damaged."""
        for packet in demux_readable(self.container, self.ending):
            self.ending.note(packet)
            yield packet


def demux_readable(
    container: av.container.InputContainer, ending: Ending | None = None, *streams: Any
) -> Iterator[av.Packet[Any]]:
    """Yield packets up to a file's end, or to where nothing more can be read of it.

    Args:
        container: the file.
        ending: is told in the latter case.
        streams: to read; all where there is none.

    Raises:
        av.error.InvalidDataError: nothing can be read at all.
    """
    import av

    packet: av.Packet[Any] | None = None
    try:
        for packet in container.demux(*streams):
            yield packet
    except av.error.InvalidDataError:
        if packet is None:
            raise
        if ending is not None:
            ending.is_broken = True


def open_container(path: Path | None) -> OpenFilm:
    """Open a film's file.

    Args:
        path: the file; None for y4m on standard input.

    Raises:
        VideoError: there is no such file, or no video in it.
    """
    av = import_av()
    name = "standard input" if path is None else str(path)
    if path is not None and not path.is_file():
        raise VideoError(f"{path}: no such file; check the path")
    source = CountedStream(sys.stdin.buffer) if path is None else path
    with explain_errors(name, "read"):
        try:
            container = av.open(
                str(source) if isinstance(source, Path) else source,
                format=Y4M if path is None else None,
            )
        except av.error.FFmpegError as error:
            _check_y4m(name, source, error)
            raise
    streams = [each for each in container.streams.video if not is_cover(each)]
    if not streams:
        container.close()
        raise VideoError(f"{name}: holds no video that can be read; expected a film, and all of it")
    stream = streams[0]
    stream.thread_type = "AUTO"
    return OpenFilm(container, stream, Ending(container, stream, source))


def _check_y4m(name: str, source: Path | CountedStream, error: Exception) -> None:
    """Name what is wrong with a film's header, of which FFmpeg has little to say."""
    header, *_ = read_head(source).split(b"\n")
    if header.startswith(b"YUV4MPEG2"):
        text = printable(header.decode("ascii", "backslashreplace"))
        raise VideoError(
            f"{name}: its y4m header is cut off or cannot be meant ({text}); expected such as "
            "YUV4MPEG2 W640 H480 F25:1 C420mpeg2"
        ) from error
    if isinstance(source, CountedStream):
        raise VideoError(
            f"{name}: is no y4m, which begins with YUV4MPEG2; give a film of another kind as a file"
        ) from error


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
