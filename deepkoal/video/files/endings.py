"""Where a film ends, and whether its file says that there should be more."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av
    import av.container
    import av.video

DECLARING = ("matroska", "mov", "avi", "flv", "mxf")
"""Formats whose header says how long the film is; of others FFmpeg measures or guesses it."""
Y4M = "yuv4mpegpipe"
HEAD = 100  # bytes of a film that its header is looked for in
SLACK = Fraction(1, 10)
"""Seconds by which headers of whole films are off: times are rounded, last frames hold longer."""


class CountedStream:
    """A stream that is read once, how many bytes have come, and the first `HEAD` of them.

    Args:
        stream: to read.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.count, self.head = 0, b""

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most so many."""
        data = self._stream.read(size)
        self.count += len(data)
        self.head += data[: HEAD - len(self.head)]
        return data


def read_head(source: Path | CountedStream) -> bytes:
    """Return the first bytes of a film, `HEAD` of them or fewer."""
    if isinstance(source, CountedStream):
        return source.head
    with source.open("rb") as file:
        return file.read(HEAD)


class Ending:
    """Watches a film's packets go by, and tells whether its end is missing.

    Args:
        container: that they come from.
        stream: the film in it.
        source: its file, or what comes through a pipe.
    """

    def __init__(
        self,
        container: av.container.InputContainer,
        stream: av.video.VideoStream,
        source: Path | CountedStream,
    ) -> None:
        self._container, self._stream, self._source = container, stream, source
        self._last: av.Packet[av.video.VideoStream] | None = None
        self._start = (stream.start_time or 0) * (stream.time_base or Fraction(0))
        self._frames, self._torn = 0, (False, False)
        self._end = self._film_end = self._longest_step = Fraction(0)  # seconds
        self.is_broken = False
        """Whether what follows the packets cannot be read."""

    def note(self, packet: av.Packet[Any]) -> None:
        """Take note of a packet, of whatever stream."""
        if not packet.size:
            return
        is_film = packet.stream.index == self._stream.index
        if packet.pts is not None and packet.time_base is not None:
            duration = packet.duration * packet.time_base if packet.duration else 0
            if is_film and not duration and self._stream.average_rate:
                duration = 1 / self._stream.average_rate
            end = packet.pts * packet.time_base + duration
            self._end = max(self._end, end)
            if is_film:
                if self._frames:
                    self._longest_step = max(self._longest_step, end - self._film_end)
                self._film_end = max(self._film_end, end)
        if is_film:
            self._last = packet
            self._frames += 1
            # FFmpeg splits some streams' packets, and does not mark the last piece.
            self._torn = self._torn[1], packet.is_corrupt

    def describe(self) -> str:
        """Return, once all packets have gone by, what the film lacks; nothing where it is whole."""
        if self._last is None:
            return ""
        if rest := self._count_rest():
            there = max(0, rest - len(b"FRAME\n"))
            return (
                f"the film breaks off within frame {self._frames + 1}, of which {there} of "
                f"{self._last.size} bytes are there"
            )
        length = f"{float(self._film_end - self._start):.2f} s"
        if self.is_broken:
            return f"the film is damaged after {length}, and what follows cannot be read"
        declared, found = self._find_lengths()
        if declared > found + max(SLACK, 2 * self._longest_step):
            return (
                f"the film breaks off after {float(found):.2f} s of the {float(declared):.2f} s "
                "that its header tells of"
            )
        return f"the film breaks off after {length}, within a frame" if any(self._torn) else ""

    def _count_rest(self) -> int:
        """Return how many bytes lie behind the last frame of a y4m: of another, and its mark."""
        if self._container.format.name != Y4M or self._last is None or self._last.pos is None:
            return 0
        if isinstance(self._source, Path):
            count = self._source.stat().st_size
        else:
            count = self._source.count
        return 0 if self.is_broken else count - self._last.pos - self._last.size

    def _find_lengths(self) -> tuple[Fraction, Fraction]:
        """Return the time at which the film should end, and that at which it does, in seconds."""
        stream, container = self._stream, self._container
        name = container.format.name
        if not name.startswith(DECLARING):
            return Fraction(0), Fraction(0)
        if name == "avi" and stream.frames and stream.average_rate:
            return stream.frames / stream.average_rate, self._film_end  # the rest is measured
        if stream.duration and stream.time_base:
            return stream.duration * stream.time_base, self._film_end - self._start
        if container.duration:
            return Fraction(container.duration, 1_000_000), self._end
        return Fraction(0), Fraction(0)
