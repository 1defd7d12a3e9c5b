"""How frames become a stream: codec, quality, pixel format, and the tags that say what they are.

Colors are written as BT.709 in the video range, and tagged so: a player need not guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from deepkoal.arrays import SampleArray
from deepkoal.errors import VideoError, check_range
from deepkoal.video.film import Film, Frame, explain_errors, import_av

if TYPE_CHECKING:
    import av

_BT709, _VIDEO_RANGE = 1, 1  # as ITU-T H.273 and FFmpeg number them


@dataclass(frozen=True)
class Codec:
    """A codec that films can be written in.

    Attributes:
        encoder: FFmpeg's name of it.
        formats: pixel formats at 8 and at 10 bits.
        quality: the default `crf`, less is better; None where there is one quality only.
        worst: the worst of these.
        options: FFmpeg's, of the encoder.
        chunk: FFmpeg's name of the container for chunks: it must keep times exactly.
    """

    encoder: str
    formats: tuple[str, str]
    quality: int | None
    worst: int = 51
    options: tuple[tuple[str, str], ...] = ()
    chunk: str = "nut"


CODECS = {
    "h264": Codec("libx264", ("yuv420p", "yuv420p10le"), 18, 51, (("preset", "medium"),)),
    "hevc": Codec(
        "libx265",
        ("yuv420p", "yuv420p10le"),
        20,
        51,
        (("preset", "medium"), ("x265-params", "log-level=none")),
    ),
    "vp9": Codec("libvpx-vp9", ("yuv420p", "yuv420p10le"), 28, 63, (("b", "0"), ("row-mt", "1"))),
    "av1": Codec("libsvtav1", ("yuv420p", "yuv420p10le"), 28, 63, (("preset", "8"),)),
    "prores": Codec(
        "prores_ks", ("yuv422p10le", "yuv422p10le"), None, 0, (("profile", "3"),), "mov"
    ),
    "ffv1": Codec("ffv1", ("yuv444p", "yuv444p10le"), None, 0, (("level", "3"),)),
}
"""By the names that users give; ProRes and FFV1 are for archives."""

CONTAINERS = {
    ".mp4": ("mp4", "h264"),
    ".m4v": ("mp4", "h264"),
    ".mov": ("mov", "h264"),
    ".mkv": ("matroska", "h264"),
    ".webm": ("webm", "vp9"),
    ".avi": ("avi", "h264"),
    ".nut": ("nut", "ffv1"),
}
"""By a name's ending: FFmpeg's name of the container, and the codec unless one is chosen."""


@dataclass(frozen=True)
class Encoding:
    """How a film is written.

    Attributes:
        codec: one of `CODECS`.
        quality: see `Codec`; None for the codec's default.
        pixel_format: FFmpeg's name; None for 4:2:0 at the film's depth, or what an archive's codec
            has.
    """

    codec: str = "h264"
    quality: int | None = None
    pixel_format: str | None = None

    def __post_init__(self) -> None:
        """Validate all of it, so that no film is begun that cannot be written.

        Raises:
            VideoError: there is no such codec, it is not built into PyAV, or it does not take the
                quality or the pixel format.
        """
        av = import_av()
        if self.codec not in CODECS:
            raise VideoError(f"no codec {self.codec!r}; there are: {', '.join(CODECS)}")
        codec = CODECS[self.codec]
        try:
            found = av.Codec(codec.encoder, "w")
        except av.codec.codec.UnknownCodecError as error:
            raise VideoError(
                f"the codec {self.codec} is missing: this PyAV was built without {codec.encoder}; "
                "choose another, or install PyAV's own wheel"
            ) from error
        if self.quality is not None:
            if codec.quality is None:
                raise VideoError(f"{self.codec} has one quality only; leave it out")
            check_range(
                self.quality,
                f"quality of {self.codec}",
                0,
                codec.worst,
                whole=True,
                error=VideoError,
            )
        formats = [each.name for each in found.video_formats or ()]
        if self.pixel_format is not None and self.pixel_format not in formats:
            raise VideoError(
                f"{self.codec} does not take {self.pixel_format}; it takes {', '.join(formats)}"
            )

    def choose_format(self, depth: int) -> str:
        """Return the pixel format for a film of so many bits."""
        return self.pixel_format or CODECS[self.codec].formats[depth > 8]


def keeps_aspect(encoding: Encoding, film: Film) -> bool:
    """Return whether the shape of the film's pixels is kept: it must be in the stream itself.

    Containers have a place for it too, which PyAV does not fill.
    """
    return film.aspect == 1 or encoding.codec in ("h264", "hevc", "prores")


def count_bits(pixel_format: str) -> int:
    """Return the bits of a channel of one of FFmpeg's pixel formats."""
    av = import_av()
    return int(av.VideoFormat(pixel_format).components[0].bits)


def write_chunk(
    path: Path, film: Film, encoding: Encoding, frames: Iterable[Frame]
) -> Iterator[int]:
    """Write frames as a stream of its own, which `joining.join_chunks` joins with others.

    Without frames that refer to later ones, so that the chunks' packets can follow each other; in
    a container that keeps every time exactly.

    Args:
        path: the chunk's.
        film: that the frames are of.
        encoding: how to write them.
        frames: to write.

    Yields:
        1 after each frame.

    Raises:
        VideoError: it cannot be written.
    """
    av = import_av()
    codec = CODECS[encoding.codec]
    pixel_format = encoding.choose_format(film.depth)
    with (
        explain_errors(str(path), "written"),
        av.open(str(path), "w", format=codec.chunk) as container,
    ):
        stream = container.add_stream(codec.encoder, rate=_limit(film.rate))
        context = stream.codec_context
        context.width, context.height = _even(film.width), _even(film.height)
        context.pix_fmt = pixel_format
        context.time_base = film.time_base
        context.sample_aspect_ratio = _limit(film.aspect)
        context.max_b_frames = 0
        tag_colors(context)
        context.options = _list_options(codec, encoding.quality)
        for frame in frames:
            for packet in stream.encode(_to_yuv(frame, pixel_format, film)):
                container.mux(packet)
            yield 1
        for packet in stream.encode():
            container.mux(packet)


def tag_colors(context: Any) -> None:
    """Say of a stream, to whoever plays it, that its colors are BT.709 in the video range."""
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _VIDEO_RANGE


def _list_options(codec: Codec, quality: int | None) -> dict[str, str]:
    options = dict(codec.options)
    if codec.quality is not None:
        options["crf"] = str(codec.quality if quality is None else quality)
    return options


def _to_yuv(frame: Frame, pixel_format: str, film: Film) -> av.VideoFrame:
    import av
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    rgb = pad_even(frame.rgb)
    source = av.VideoFrame.from_ndarray(rgb, "rgb48le" if rgb.dtype == np.uint16 else "rgb24")
    found: av.VideoFrame = source.reformat(
        format=pixel_format,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.BICUBIC,
    )
    found.pts, found.time_base = frame.pts, film.time_base
    return found


def pad_even(rgb: SampleArray) -> SampleArray:
    """Repeat the last row or column of a frame with an odd side: 4:2:0 holds even ones only."""
    height, width = rgb.shape[:2]
    if height % 2 or width % 2:
        padded = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return padded
    return rgb


def _even(side: int) -> int:
    return side + side % 2


def _limit(number: Fraction) -> Fraction:
    return number.limit_denominator(60_000)  # FFmpeg's have 32 bits


def write_y4m(out: IO[bytes], film: Film, frames: Iterable[Frame]) -> Iterator[int]:
    """Write frames as YUV4MPEG2, what other programs take through a pipe: 4:2:0, 8 or 10 bits.

    Yields:
        1 after each frame.
    """
    deep = film.depth > 8
    pixel_format = "yuv420p10le" if deep else "yuv420p"
    rate, aspect = _limit(film.rate), _limit(film.aspect)
    out.write(
        f"YUV4MPEG2 W{_even(film.width)} H{_even(film.height)} "
        f"F{rate.numerator}:{rate.denominator} Ip A{aspect.numerator}:{aspect.denominator} "
        f"C{'420p10' if deep else '420mpeg2'} XCOLORRANGE=LIMITED\n".encode()
    )
    for frame in frames:
        out.write(b"FRAME\n")
        for plane in _list_planes(_to_yuv(frame, pixel_format, film), 2 if deep else 1):
            out.write(plane)
        yield 1
    out.flush()


def _list_planes(frame: Any, size: int) -> Iterator[bytes]:
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        yield np.ascontiguousarray(rows[: plane.height, : plane.width * size]).tobytes()
