"""How a film is to be written: codec, quality and pixel format, checked before it is begun."""

from __future__ import annotations

from dataclasses import dataclass

from deepkoal.errors import VideoError, check_range
from deepkoal.video.files.containers import import_av
from deepkoal.video.files.film import Film


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
