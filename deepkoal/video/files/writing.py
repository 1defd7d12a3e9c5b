"""Frames written as a stream: a film's chunk, or y4m for a pipe.

Colors are BT.709 in the video range, and tagged so: a player need not guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from deepkoal.arrays import SampleArray
from deepkoal.video.files.containers import explain_errors, import_av
from deepkoal.video.files.encoding import CODECS, Codec, Encoding
from deepkoal.video.files.film import Film
from deepkoal.video.files.frames import Frame

if TYPE_CHECKING:
    import av

_BT709, _VIDEO_RANGE = 1, 1  # as ITU-T H.273 and FFmpeg number them


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


def write_y4m(out: IO[bytes], film: Film, frames: Iterable[Frame]) -> Iterator[int]:
    """Write frames as YUV4MPEG2, what other programs take through a pipe: 4:2:0, 8 or 10 bits.

    The stream has no times: where a folder's frame was left out, another is there twice.

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
    planes: list[bytes] = []
    last = -1
    for frame in frames:
        missing = frame.pts - last - 1 if film.paths else 0
        before = planes
        planes = list(_list_planes(_to_yuv(frame, pixel_format, film), 2 if deep else 1))
        for each in [*[before or planes] * missing, planes]:
            out.write(b"FRAME\n")
            out.writelines(each)
        last = frame.pts
        yield 1
    out.flush()


def _list_planes(frame: Any, size: int) -> Iterator[bytes]:
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        yield np.ascontiguousarray(rows[: plane.height, : plane.width * size]).tobytes()


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
