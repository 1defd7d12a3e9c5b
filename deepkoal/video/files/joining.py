"""Puts a colored film together: its chunks, and all else of the old one, untouched.

Sound, subtitles, chapters, cover, attachments and names are copied packet by packet, never decoded.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.atomic_files import replace_atomically
from deepkoal.errors import VideoError
from deepkoal.video.files.containers import demux_readable, explain_errors, import_av, is_cover
from deepkoal.video.files.encoding import CONTAINERS
from deepkoal.video.files.film import Film
from deepkoal.video.files.writing import tag_colors

if TYPE_CHECKING:
    import av.container


def join_chunks(
    target: Path, film: Film, chunks: Sequence[Path], *, skip_streams: bool = False
) -> list[str]:
    """Write the colored film, whole or not at all.

    Args:
        target: its file; its ending names the container.
        film: the old one.
        chunks: what `writing.write_chunk` wrote, in order.
        skip_streams: whether streams that the container cannot hold are left out.

    Returns:
        What was left out, one line each.

    Raises:
        VideoError: the container cannot hold a stream, or the film cannot be written.
    """
    av = import_av()
    with (
        explain_errors(str(target), "written"),
        replace_atomically(target) as part,
        ExitStack() as stack,
    ):
        container_format = CONTAINERS[target.suffix.lower()][0]
        out = stack.enter_context(av.open(str(part), "w", format=container_format))
        first = stack.enter_context(av.open(str(chunks[0])))
        template = first.streams.video[0]
        # AV1's decoder has another name than its encoder, and its stream holds the tags itself.
        bare = template.codec_context.codec.canonical_name == "av1"
        video = out.add_stream_from_template(template, opaque=bare)
        video.time_base = film.time_base
        if not bare:
            tag_colors(video.codec_context)  # not every chunk's container keeps these
        sources: list[Iterator[Any]] = [_list_video(chunks, video)]
        left_out: list[str] = []
        if film.source is not None and not film.paths:
            old = stack.enter_context(av.open(str(film.source)))
            copies, left_out = _copy_streams(old, out, target, skip_streams=skip_streams)
            _copy_tags(old, out, video)
            sources.append(_list_others(old, copies))
        for packet in heapq.merge(*sources, key=_when):
            out.mux(packet)
    return left_out


def check_streams(target: Path, film: Film, *, skip_streams: bool = False) -> None:
    """Make sure that a container takes every stream of a film, before any frame is colored.

    Raises:
        VideoError: it does not.
    """
    av = import_av()
    if film.source is None or film.paths or skip_streams:
        return
    with explain_errors(film.name, "read"), av.open(str(film.source)) as old:
        for stream in old.streams:
            is_other = stream.type != "video" or is_cover(stream)
            if is_other and not _holds_chapters(stream, old):
                _check_stream(stream, target)


def _check_stream(stream: Any, target: Path) -> None:
    """Write a stream's header, and nothing else, to nowhere."""
    import io

    av = import_av()
    container_format = CONTAINERS[target.suffix.lower()][0]
    try:
        with av.open(io.BytesIO(), "w", format=container_format) as trial:
            _add_copy(trial, stream)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError, OSError) as error:
        codec = _name_codec(stream)
        raise VideoError(
            f"{target.suffix} cannot hold stream {stream.index} of the film ({stream.type}, "
            f"{codec}); write .mkv, or have such streams left out (--skip-streams)"
        ) from error


def _holds_chapters(stream: Any, old: av.container.InputContainer) -> bool:
    """Return whether a stream is QuickTime's list of chapters, which are copied as such."""
    return stream.type == "data" and "mov" in old.format.name and bool(old.chapters())


def _name_codec(stream: Any) -> str:
    context = stream.codec_context
    return "data" if context is None else str(context.name)


def _add_copy(out: av.container.OutputContainer, stream: Any) -> Any:
    copy = out.add_stream_from_template(stream, opaque=True)
    copy.metadata.update(stream.metadata)
    copy.disposition = stream.disposition
    copy.time_base = stream.time_base
    return copy


def _copy_streams(
    old: av.container.InputContainer,
    out: av.container.OutputContainer,
    target: Path,
    *,
    skip_streams: bool,
) -> tuple[dict[int, Any], list[str]]:
    """Return the new streams by the old ones' numbers, and what was left out."""
    copies: dict[int, Any] = {}
    left_out = []
    main = next(each for each in old.streams.video if not is_cover(each))
    for stream in old.streams:
        if stream is main or _holds_chapters(stream, old):
            continue
        try:
            _check_stream(stream, target)
        except VideoError:
            if not skip_streams:
                raise
            left_out.append(f"stream {stream.index} ({stream.type}, {_name_codec(stream)})")
            continue
        copies[stream.index] = _add_copy(out, stream)
    return copies, left_out


def _copy_tags(
    old: av.container.InputContainer, out: av.container.OutputContainer, video: Any
) -> None:
    main = next(each for each in old.streams.video if not is_cover(each))
    own = ("major_brand", "minor_version", "compatible_brands", "encoder")
    out.metadata.update({name: text for name, text in old.metadata.items() if name not in own})
    video.metadata.update(
        {name: text for name, text in main.metadata.items() if name not in ("encoder", "rotate")}
    )
    video.disposition = main.disposition
    if old.chapters():
        out.set_chapters(old.chapters())


def _list_video(chunks: Sequence[Path], video: Any) -> Iterator[Any]:
    av = import_av()
    for path in chunks:
        with av.open(str(path)) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.size:
                    packet.stream = video
                    yield packet


def _list_others(old: av.container.InputContainer, copies: dict[int, Any]) -> Iterator[Any]:
    chosen = [old.streams[index] for index in copies]
    if not chosen:
        return
    for packet in demux_readable(old, None, *chosen):  # the film's own end tells what is missing
        if packet.size:
            packet.stream = copies[packet.stream.index]
            yield packet


def _when(packet: Any) -> Fraction:
    """Return when a packet is to be decoded, in seconds."""
    time = packet.dts if packet.dts is not None else packet.pts
    return Fraction((time or 0) * packet.time_base)
