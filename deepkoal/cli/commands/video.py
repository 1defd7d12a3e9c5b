"""`video`: a film in, a colored film out."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Any

from deepkoal.cli.arguments.argument_types import positive_number, whole_number
from deepkoal.cli.arguments.guidance import add_guidance_options
from deepkoal.cli.arguments.model_options import add_backend_option, add_model_options
from deepkoal.cli.console import check_stdout, count_things, report, show
from deepkoal.cli.video_run import color_film, preview_frames, write_keyframes


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
    add_guidance_options(video, of_film=True)
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
        "--deflicker",
        action="store_true",
        help="even the exposure of old films, which changes from frame to frame; the result then "
        "has the evened lightness, not the film's",
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
        "--cluster",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="color chunks by the workers of a Ray cluster, the one at ADDRESS, or else the one "
        "here, or else one that is started for it; FILM and OUT lie on a disk that all nodes share",
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

    if arguments.out == STREAM:
        check_stdout("film")
    if arguments.preview is not None:
        show(preview_frames(arguments))
        return 0
    if arguments.export_keyframes:
        for path in write_keyframes(arguments):
            show(path)
        return 0
    arguments.goes_on = STREAM not in (arguments.film, arguments.out)
    done = color_film(arguments)
    if done.target is not None:
        show(done.target)
    parts = [f"{count_things(done.frames, 'frame')} colored"]
    if done.resumed:
        parts.append(f"{done.resumed} of them by an earlier run")
    report(", ".join(parts))
    for line in done.left_out:
        report(line)
    return 1 if done.left_out else 0
