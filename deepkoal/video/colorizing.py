"""A whole film in color: what is asked for is checked, then done chunk by chunk."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Unpack

from deepkoal.errors import VideoError, check_range
from deepkoal.guidance import CarriedColors, ColorKeywords, ColorOptions
from deepkoal.inference.colorizer import Colorizer
from deepkoal.video.chunks import Crew, color_chunks
from deepkoal.video.coloring import FILM_SIZE, color_frames
from deepkoal.video.files.encoding import CONTAINERS, Encoding
from deepkoal.video.files.film import STREAM, Film
from deepkoal.video.files.frames import Frame
from deepkoal.video.files.joining import check_streams
from deepkoal.video.files.opening import open_film
from deepkoal.video.files.writing import write_y4m
from deepkoal.video.film_run import FilmReport, FilmRun, Progress, name_parts
from deepkoal.video.keyframes import check_keyframes


def colorize_video(
    source: str | Path,
    target: str | Path,
    colorizer: Colorizer | Callable[[], Colorizer] | None = None,
    options: ColorOptions | None = None,
    *,
    codec: str | None = None,
    quality: int | None = None,
    pixel_format: str | None = None,
    rate: Fraction | float | None = None,
    deinterlace: bool = False,
    coherent: bool = True,
    keyframes: str | Path | None = None,
    deflicker: bool = False,
    processes: int = 1,
    crew: Crew | None = None,
    overwrite: bool = False,
    skip_streams: bool = False,
    progress: Progress | None = None,
    **keywords: Unpack[ColorKeywords],
) -> FilmReport:
    """Color a film.

    Sound, subtitles, chapters, names and the frames' times are the old film's. The chunks that are
    done lie in a folder beside the target until the film is: a run that was stopped, however
    abruptly, goes on from there if it is started again with the same arguments.

    Args:
        source: a video file, a folder of frames, or `-` for y4m on standard input.
        target: a video file, whose ending names the container; a folder for frames; or `-` for y4m
            on standard output.
        colorizer: what colors, at its working sizes up to 192, if it has several; the default
            preset where None. A function that loads one is
            called in each of several processes; else they are sent a copy.
        options: how to color: all but hints and variations, which are of one photo.
        codec: `h264`, `hevc`, `vp9`, `av1`, `prores` or `ffv1`; the container's own where None.
        quality: of the codec, less is better; its default where None.
        pixel_format: such as `yuv420p10le`; 4:2:0 at the film's depth where None.
        rate: frames a second of a folder of frames; 25 where None.
        deinterlace: whether frames woven of two fields are rebuilt.
        coherent: whether colors are averaged along the motion within each shot.
        keyframes: a folder of frames whose colors are decided, see `keyframes.read_keyframes`.
        deflicker: whether exposure that changes from frame to frame is evened within each shot;
            frames then have the evened lightness, not their own.
        processes: how many color chunks at a time, on this machine.
        crew: colors chunks elsewhere, as `deepkoal.bulk.color_chunks_on_cluster` does.
        overwrite: whether a target that exists is replaced.
        skip_streams: whether streams that the container cannot hold are left out.
        progress: is called as work goes on.
        keywords: fields of `ColorOptions`, given anew.

    Returns:
        What became of it.

    Raises:
        VideoError: the film cannot be read, or the target cannot be written as asked.
        DeepkoalError: as `Colorizer.colorize`.
    """
    options = ColorOptions.collect(options, keywords)
    is_carried = isinstance(options.reference, CarriedColors)
    if options.hints or options.variation is not None or is_carried:
        raise VideoError("hints, variations and an album's colors are of one photo, not of a film")
    check_range(processes, "processes", 1, whole=True, error=VideoError)
    if rate is not None:
        check_range(rate, "frames a second", 0.1, 1000, error=VideoError)
        rate = Fraction(rate).limit_denominator(1001)
    film = open_film(source, rate=rate, deinterlace=deinterlace)
    progress = progress or (lambda what, done, count: None)
    if keyframes is not None and (film.source is None or str(target) == STREAM or not coherent):
        raise VideoError("keyframes need a film that can be looked through, and coherent colors")
    if str(target) == STREAM:
        frames = color_frames(
            film.read(),
            load_colorizer(colorizer),
            options,
            coherent=coherent,
            deep=film.depth > 8,
            deflicker=deflicker,
        )
        return _write_to_stream(film, frames, progress)
    target = Path(target)
    encoding = _plan_encoding(film, target, codec, quality, pixel_format)
    _check_target(film, target, encoding, overwrite=overwrite)
    if encoding is not None:
        check_streams(target, film, skip_streams=skip_streams)
    load = functools.partial(load_colorizer, colorizer)
    decided = None if keyframes is None else check_keyframes(keyframes)
    if crew is None and processes > 1:
        crew = functools.partial(color_chunks, processes=processes)
    run = FilmRun(
        film, target, load, options, encoding, coherent, crew, progress, decided, deflicker
    )
    return run.color(skip_streams=skip_streams)


def load_colorizer(colorizer: Colorizer | Callable[[], Colorizer] | None) -> Colorizer:
    """Return what colors, which is at hand, is loaded by a function, or is the default preset.

    It sees frames at its working sizes up to `FILM_SIZE`, see `limit_working_sizes`.
    """
    if colorizer is None:
        colorizer = load_default()
    made = colorizer if isinstance(colorizer, Colorizer) else colorizer()
    return made.limit_working_sizes(FILM_SIZE)


def load_default() -> Colorizer:
    """Return the default preset's colorizer on whatever runs it soonest."""
    from deepkoal.pretrained.networks import choose_backend
    from deepkoal.pretrained.presets import DEFAULT_PRESET

    return Colorizer.from_preset(DEFAULT_PRESET, backend=choose_backend(DEFAULT_PRESET))


def _plan_encoding(
    film: Film, target: Path, codec: str | None, quality: int | None, pixel_format: str | None
) -> Encoding | None:
    """Return how to write a file; None for a folder of frames."""
    suffix = target.suffix.lower()
    if target.is_dir() or not suffix or str(target).endswith("/"):
        if codec or quality is not None or pixel_format:
            raise VideoError(
                f"{target} is a folder of frames, which has no codec; end the name in .mp4 or .mkv"
            )
        return None
    if suffix not in CONTAINERS:
        raise VideoError(
            f"{target} ends in no container that is written; end it in "
            f"{', '.join(CONTAINERS)}, or in / for a folder of frames"
        )
    return Encoding(codec or CONTAINERS[suffix][1], quality, pixel_format)


def _check_target(film: Film, target: Path, encoding: Encoding | None, *, overwrite: bool) -> None:
    if film.source is not None and target.exists() and target.samefile(film.source):
        raise VideoError(f"{target} is the film itself; give the colored one another name")
    parent = target if encoding is None else target.parent
    if encoding is not None and not parent.is_dir():
        raise VideoError(f"{parent}: no such folder; make it first, or give another")
    is_taken = any(target.iterdir()) if target.is_dir() else target.exists()
    if encoding is not None and target.exists() and not overwrite:
        raise VideoError(f"{target} exists already; give another name, or --overwrite")
    if encoding is None and is_taken and not overwrite and not name_parts(target).exists():
        raise VideoError(f"{target} holds files already; give another folder, or --overwrite")


def _write_to_stream(film: Film, frames: Iterable[Frame], progress: Progress) -> FilmReport:
    """Write a film to standard output as it is colored."""
    report = FilmReport(None)
    for _ in write_y4m(sys.stdout.buffer, film, frames):
        report.frames += 1
        progress("coloring", report.frames, film.frames)
    report.left_out = film.faults
    return report
