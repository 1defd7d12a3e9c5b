"""`video`: a film in, a colored film out."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.cli.arguments.argument_types import positive_number, whole_number
from deepkoal.cli.arguments.guidance import add_guidance_options, open_reference, resolve_look
from deepkoal.cli.arguments.model_options import (
    add_backend_option,
    add_model_options,
    load_colorizer,
)
from deepkoal.cli.console import UsageError, report, show

if TYPE_CHECKING:
    from deepkoal.inference.colorizer import Colorizer
    from deepkoal.inference.options_file import SavedOptions
    from deepkoal.video import FilmReport


def add_verbs(verbs: Any) -> None:
    """Add the command to the parser's."""
    video = verbs.add_parser(
        "video",
        help="color films",
        description="Color a film: a video file, a folder of frames, or - for y4m on standard "
        "input. Sound, subtitles, chapters and the frames' times are copied. The path of the "
        "result is printed. A run that was stopped goes on where it was if it is started again "
        "with the same options.",
    )
    video.add_argument("film", metavar="FILM|FOLDER|-")
    video.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="OUT",
        help="the colored film, .mp4, .mkv, .mov or another container's; a folder for frames; - "
        "for y4m on standard output",
    )
    add_model_options(video)
    add_backend_option(video, auto=True)
    add_guidance_options(video)
    video.add_argument(
        "--codec",
        choices=["h264", "hevc", "vp9", "av1", "prores", "ffv1"],
        help="h264 (vp9 in .webm); prores and ffv1, which is lossless, for archives",
    )
    video.add_argument(
        "--quality", type=whole_number(0, 63), metavar="Q", help="less is better (h264: 18)"
    )
    video.add_argument(
        "--pixel-format", metavar="NAME", help="such as yuv422p10le (4:2:0 at the film's depth)"
    )
    video.add_argument(
        "--rate", type=_read_rate, metavar="N", help="frames a second of a folder, such as 18 (25)"
    )
    video.add_argument(
        "--deinterlace", action="store_true", help="rebuild frames that are woven of two fields"
    )
    video.add_argument(
        "--frame-by-frame", action="store_true", help="color each frame by itself, with flicker"
    )
    video.add_argument(
        "--keyframes",
        type=Path,
        metavar="FOLDER",
        help="frames whose colors you decided: pictures in color, or JSON of options and hints, "
        "named by time (00-01-23.456.png); they spread through their shots",
    )
    video.add_argument(
        "--export-keyframes",
        action="store_true",
        help="write to OUT, a folder, the frame of each shot that is most worth deciding, and "
        "color nothing",
    )
    video.add_argument(
        "--processes",
        type=whole_number(1, 256),
        default=1,
        metavar="N",
        help="chunks of the film that are colored at a time (%(default)s)",
    )
    video.add_argument(
        "--skip-streams",
        action="store_true",
        help="leave out streams that the container cannot hold, such as some subtitles in .mp4",
    )
    video.add_argument("--overwrite", action="store_true", help="replace a film that is there")
    video.add_argument(
        "--preview",
        type=positive_number,
        metavar="SECONDS",
        help="color a frame every so often only, and write them to OUT, a contact sheet (.jpg)",
    )
    video.set_defaults(run=_run)


def _read_rate(text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not Fraction(1, 10) <= rate <= 1000:
        raise argparse.ArgumentTypeError(
            f"expected frames a second such as 18, 23.976 or 24000/1001, got {text!r}"
        )
    return rate


def _run(arguments: argparse.Namespace) -> int:
    from deepkoal.video import STREAM

    if arguments.out == STREAM and sys.stdout.isatty():
        raise UsageError("a film is not written to a terminal; pipe it to another program")
    if arguments.preview is not None:
        return _preview(arguments)
    if arguments.export_keyframes:
        return _export_keyframes(arguments)
    done = _color(arguments)
    if done.target is not None:
        show(done.target)
    parts = [f"{done.frames} frames colored"]
    if done.resumed:
        parts.append(f"{done.resumed} of them by an earlier run")
    report(", ".join(parts))
    for line in done.left_out:
        report(line)
    return 1 if done.left_out else 0


def _resolve_look(arguments: argparse.Namespace) -> SavedOptions:
    if arguments.save_options is not None:
        raise UsageError("--save-options keeps a photo's look; a film's is in its command")
    look = resolve_look(arguments)
    if look.variation is not None:
        raise UsageError("--variations are of photos; a film has one version")
    if look.hints:
        raise UsageError("hints are for one frame; put them into a folder of --keyframes")
    return look


def _color(arguments: argparse.Namespace) -> FilmReport:
    from deepkoal.video import colorize_video, open_film

    look = _resolve_look(arguments)
    options = look.options
    load: Callable[[], Colorizer] = functools.partial(load_colorizer, _pick_model(arguments))
    film = Path(arguments.film)
    if film.is_file() and not arguments.deinterlace and open_film(film).interlaced:
        report(f"{film}: its frames are woven of two fields; --deinterlace rebuilds them")
    colorizer: Colorizer | Callable[[], Colorizer] = load
    if look.reference is not None:
        loaded = load()
        options = replace(options, reference=open_reference(look, loaded))
        colorizer = loaded if arguments.processes == 1 else load
    with _ProgressBar() as bar:
        return colorize_video(
            arguments.film,
            arguments.out,
            colorizer,
            options,
            codec=arguments.codec,
            quality=arguments.quality,
            pixel_format=arguments.pixel_format,
            rate=arguments.rate,
            deinterlace=arguments.deinterlace,
            coherent=not arguments.frame_by_frame,
            keyframes=arguments.keyframes,
            processes=arguments.processes,
            overwrite=arguments.overwrite,
            skip_streams=arguments.skip_streams,
            progress=bar.show,
        )


def _pick_model(arguments: argparse.Namespace) -> argparse.Namespace:
    """Return what `load_colorizer` reads, without what other processes cannot be sent."""
    names = ("preset", "model", "embedder", "backend")
    return argparse.Namespace(**{name: getattr(arguments, name) for name in names})


def _export_keyframes(arguments: argparse.Namespace) -> int:
    from deepkoal.video import export_keyframes, open_film, plan_film

    film = open_film(arguments.film, rate=arguments.rate, deinterlace=arguments.deinterlace)
    if film.source is None:
        raise UsageError("--export-keyframes looks through a film twice; give a file")
    with _ProgressBar() as bar:
        plan = plan_film(film, functools.partial(bar.show, "finding shots"))
    for path in export_keyframes(arguments.out, film, plan, load_colorizer(arguments)):
        show(path)
    return 0


def _preview(arguments: argparse.Namespace) -> int:
    from deepkoal.image_io import PHOTO_SUFFIXES, write_image
    from deepkoal.video import open_film, preview_film

    out = Path(arguments.out)
    if out.suffix.lower() not in PHOTO_SUFFIXES:
        raise UsageError(f"--preview writes a picture; end {out} in .jpg or .png")
    film = open_film(arguments.film, rate=arguments.rate, deinterlace=arguments.deinterlace)
    look = _resolve_look(arguments)
    colorizer = load_colorizer(arguments)
    options = replace(look.options, reference=open_reference(look, colorizer))
    sheet = preview_film(film, colorizer, options, seconds=arguments.preview)
    write_image(out, sheet)
    show(out)
    return 0


class _ProgressBar:
    """A bar of frames with the time left, on a terminal's stderr."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what = ""

    def __enter__(self) -> _ProgressBar:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the bar's line."""
        if self._bar is not None:
            self._bar.close()

    def show(self, what: str, done: int, count: int) -> None:
        """Show how far the work is, see `deepkoal.video.colorizing.Progress`."""
        from tqdm import tqdm

        if what != self._what:
            if self._bar is not None:
                self._bar.close()
            self._what = what
            # What an earlier run did is no measure of this one's speed.
            self._bar = tqdm(
                total=count or None,
                initial=done,
                desc=what,
                unit=" frames",
                disable=not sys.stderr.isatty(),
            )
        self._bar.update(done - self._bar.n)
