"""Films to read: files of any container and codec, a y4m stream on standard input, frame folders.

A frame is RGB as it is to be looked at: turned upright, in 16 bits where the film has more than 8.
Its time is the film's own, so that a variable frame rate stays one.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepkoal.arrays import ByteArray, SampleArray
from deepkoal.errors import VideoError
from deepkoal.rendering.composition import lightness
from deepkoal.video.files.containers import (
    OpenFilm,
    deinterlace_frames,
    explain_errors,
    open_container,
)
from deepkoal.video.files.frames import Frame, describe_unread, read_frames
from deepkoal.video.files.shots import THUMB, make_thumb

if TYPE_CHECKING:
    import av

STREAM = "-"
FOLDER_RATE = Fraction(25)
"""Frames a second of a folder of them, where nothing else is said."""


@dataclass(eq=False)
class Film:
    """A film's properties, and its frames; see `opening.open_film`.

    Attributes:
        source: a file, a folder of frames, or None for standard input.
        height: in pixels, as it is looked at.
        width: likewise.
        time_base: seconds, that times are multiples of.
        rate: frames a second, on average.
        depth: bits of a channel.
        aspect: width of a pixel over its height.
        interlaced: whether its frames are woven of two fields.
        frames: number of frames as the file says; 0 where it does not.
        deinterlace: whether `read` undoes the weaving.
        damaged: how many packets could not be decoded so far.
        marred: times of the frames that the decoder itself called damaged so far.
        unread: those of a folder's frames that could not be read so far.
        cut_off: what of its end is missing, once all of it was read; empty where it is whole.
        timed: whether all frames read so far had times of their own.
        paths: of a folder's frames, in order.
        pending: standard input, whose head has been read.
    """

    source: Path | None
    height: int
    width: int
    time_base: Fraction
    rate: Fraction
    depth: int = 8
    aspect: Fraction = Fraction(1)
    interlaced: bool = False
    frames: int = 0
    deinterlace: bool = False
    damaged: int = 0
    marred: set[int] = field(default_factory=set)
    unread: set[Path] = field(default_factory=set)
    cut_off: str = ""
    timed: bool = True
    paths: list[Path] = field(default_factory=list)
    pending: OpenFilm | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard input" if self.source is None else str(self.source)

    @property
    def faults(self) -> list[str]:
        """What of the film could not be read so far, or not rightly, one line each."""
        lines = []
        if self.damaged:
            what = "one packet" if self.damaged == 1 else f"{self.damaged} packets"
            lines.append(f"{what} of the film could not be decoded; the frame before stands longer")
        if self.marred:
            what = "one frame" if len(self.marred) == 1 else f"{len(self.marred)} frames"
            lines.append(f"{what} of the film came out damaged, says the decoder; colored as it is")
        if self.unread:
            lines.append(describe_unread(self))
        return [*lines, self.cut_off] if self.cut_off else lines

    def read(self, start: int | None = None, stop: int | None = None) -> Iterator[Frame]:
        """Yield the frames in order.

        Args:
            start: time of the first frame to be had; None for the film's first.
            stop: time before which the last one lies; None for the film's end.

        Raises:
            VideoError: the film cannot be read, or holds no frame that can be decoded.
        """
        if self.paths:
            yield from read_frames(self, start or 0, stop)
            return
        for pts, raw in self._seek(start):
            if stop is not None and pts >= stop:
                return
            if start is None or pts >= start:
                yield Frame(self._to_rgb(raw), pts)

    def read_thumbs(self) -> Iterator[tuple[int, ByteArray]]:
        """Yield each frame's time, and the frame as `shots.CutDetector` compares it.

        Raises:
            VideoError: as `read`.
        """
        if self.paths or self.deinterlace:
            for frame in self.read():
                yield frame.pts, make_thumb(lightness(frame.rgb))
            return
        for pts, raw in self._read_raw(None):
            small = raw.reformat(
                width=THUMB[0], height=THUMB[1], format="gray", interpolation="AREA"
            )
            yield pts, np.asarray(small.to_ndarray(), np.uint8)

    def _seek(self, start: int | None) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield time and frame from one at or before `start` on, whatever the file's index says."""
        if start is None or not self.timed:
            return self._read_raw(None)
        raw = self._read_raw(start)
        first = next(raw, None)
        if first is None or first[0] > start:
            return self._read_raw(None)
        return itertools.chain([first], raw)

    def _read_raw(self, start: int | None) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield time and frame from a key frame at or before `start` on."""
        import av

        opened = self.pending or open_container(self.source)
        self.pending = None
        container, stream = opened.container, opened.stream
        with container, explain_errors(self.name, "read"):
            if start is not None and start > 0 and self.source is not None:
                with contextlib.suppress(av.error.FFmpegError):  # or `_seek` reads from the start
                    container.seek(start, stream=stream)
            last: int | None = None
            step = max(1, round(1 / (self.rate * self.time_base)))
            frames = self.decode(opened)
            if self.deinterlace:
                frames = deinterlace_frames(frames, stream)
            for frame in frames:
                pts = frame.pts
                if pts is None or (last is not None and pts <= last):
                    self.timed = False
                    pts = 0 if last is None else last + step  # no time of its own, or a broken one
                last = pts
                yield pts, frame
            if start is None:
                self.cut_off = opened.ending.describe()
        if last is None and start is None:
            raise VideoError(
                f"{self.name}: no frame can be decoded; the film is damaged or cut off, try "
                "another copy"
            )

    def decode(self, opened: OpenFilm) -> Iterator[av.VideoFrame]:
        """Yield the frames that can be decoded, and count what is damaged."""
        import av

        stream = opened.stream
        packets = (
            each
            for each in opened.list_packets()
            if each.size and each.stream.index == stream.index
        )
        for packet in itertools.chain(packets, [None]):  # then come the decoder's last frames
            try:
                for frame in stream.codec_context.decode(packet):
                    if frame.is_corrupt:  # one without a time is counted each time it is read
                        self.marred.add(-1 - len(self.marred) if frame.pts is None else frame.pts)
                    yield frame
            except (av.error.InvalidDataError, av.error.EOFError):
                self.damaged += 1

    def _to_rgb(self, frame: av.VideoFrame) -> SampleArray:
        turns = round((frame.rotation or 0) / 90) % 4
        deep = self.depth > 8
        height, width = (self.width, self.height) if turns % 2 else (self.height, self.width)
        rgb = frame.to_ndarray(format="rgb48le" if deep else "rgb24", width=width, height=height)
        upright = np.rot90(rgb, turns) if turns else rgb
        return np.ascontiguousarray(upright)
