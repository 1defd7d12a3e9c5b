"""What `video` does: a film colored, its keyframes written, or a few of its frames shown."""

from __future__ import annotations

import argparse
import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal import progress_bars
from deepkoal.cli.arguments.guidance import open_reference, resolve_look
from deepkoal.cli.arguments.model_options import load_colorizer
from deepkoal.cli.console import UsageError, report
from deepkoal.cli.files.input_files import refuse_own_folder
from deepkoal.image_io.formats.kinds import is_address

if TYPE_CHECKING:
    from tqdm import tqdm

    from deepkoal.inference.colorizer import Colorizer
    from deepkoal.inference.options_file import SavedOptions
    from deepkoal.video import Crew, FilmReport


def color_film(arguments: argparse.Namespace) -> FilmReport:
    """Color the film that the arguments name.

    Raises:
        UsageError: they make no sense for a film.
        DeepkoalError: as `deepkoal.video.colorize_video`.
    """
    from deepkoal.video import colorize_video, open_film

    _check_places(arguments)
    look = _resolve_look(arguments)
    options = look.options
    load = functools.partial(_load, _pick_model(arguments), look.detail)
    film = Path(arguments.film)
    if film.is_file() and not arguments.deinterlace and open_film(film).interlaced:
        report(f"{film}: its frames are woven of two fields; --deinterlace rebuilds them")
    colorizer: Colorizer | Callable[[], Colorizer] = load
    if look.reference is not None:
        loaded = load()
        options = replace(options, reference=open_reference(look, loaded))
        colorizer = loaded if arguments.processes == 1 else load
    with _join_crew(arguments) as crew, _ProgressBar() as bar:
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
            deflicker=arguments.deflicker,
            processes=arguments.processes,
            crew=crew,
            overwrite=arguments.overwrite,
            skip_streams=arguments.skip_streams,
            progress=bar.show,
        )


def write_keyframes(arguments: argparse.Namespace) -> list[Path]:
    """Write the frames worth deciding, and return their files.

    Raises:
        UsageError: the film cannot be read twice.
        DeepkoalError: it cannot be read, or a frame cannot be written.
    """
    from deepkoal.video import export_keyframes, open_film, plan_film

    film = open_film(arguments.film, rate=arguments.rate, deinterlace=arguments.deinterlace)
    refuse_own_folder("-o", Path(arguments.out), Path(arguments.film))
    if film.source is None:
        raise UsageError("--export-keyframes looks through a film twice; give a file")
    with _ProgressBar() as bar:
        plan = plan_film(film, functools.partial(bar.show, "finding shots"))
    for line in film.faults:
        report(line)
    look = _resolve_look(arguments)
    return export_keyframes(arguments.out, film, plan, _load(arguments, look.detail))


def preview_frames(arguments: argparse.Namespace) -> Path:
    """Write a sheet of some frames before and after, and return its file.

    Raises:
        UsageError: the arguments make no sense for a film, or name no picture to write.
        DeepkoalError: the film cannot be read, or the sheet cannot be written.
    """
    from deepkoal.image_io import PHOTO_SUFFIXES, write_image
    from deepkoal.video import open_film, preview_film

    out = Path(arguments.out)
    if out.suffix.lower() not in PHOTO_SUFFIXES:
        raise UsageError(f"--preview writes a picture; end {out} in .jpg or .png")
    refuse_own_folder("-o", out, Path(arguments.film), below=True)
    film = open_film(arguments.film, rate=arguments.rate, deinterlace=arguments.deinterlace)
    look = _resolve_look(arguments)
    colorizer = _load(arguments, look.detail)
    options = replace(look.options, reference=open_reference(look, colorizer))
    write_image(out, preview_film(film, colorizer, options, seconds=arguments.preview))
    for line in film.faults:
        report(line)
    return out


def _check_places(arguments: argparse.Namespace) -> None:
    for text in (arguments.film, arguments.out):
        if is_address(text):
            raise UsageError(
                f"{text}: an address; give a file, or color the films of a store, each by one "
                "worker, with deepkoal colorize --cluster"
            )
    if arguments.cluster is None:
        return
    if "-" in (arguments.film, arguments.out):
        raise UsageError("--cluster takes a film apart, which needs files; - is a stream")
    if arguments.processes > 1:
        raise UsageError("--processes are this machine's; with --cluster each core is a worker")


@contextlib.contextmanager
def _join_crew(arguments: argparse.Namespace) -> Iterator[Crew | None]:
    """Yield what a cluster's workers color chunks by; None where there is to be no cluster."""
    if arguments.cluster is None:
        yield None
        return
    from deepkoal.bulk import color_chunks_on_cluster, join_cluster

    with join_cluster(arguments.cluster or None):
        yield color_chunks_on_cluster


def _resolve_look(arguments: argparse.Namespace) -> SavedOptions:
    if arguments.save_options is not None:
        raise UsageError("--save-options keeps a photo's look; a film's is in its command")
    of_one_frame = UsageError("hints are for one frame; put them into a folder of --keyframes")
    if arguments.hints is not None:
        raise of_one_frame
    look = resolve_look(arguments)
    if look.variation is not None:
        raise UsageError("--variations are of photos; a film has one version")
    if look.hints:
        raise of_one_frame
    if look.restoration is not None or look.style is not None or look.rotation:
        raise UsageError(
            f"{arguments.options}: films are neither restored, given a style nor rotated"
        )
    return look


def _load(arguments: argparse.Namespace, detail: int | str) -> Colorizer:
    return load_colorizer(arguments).with_detail(detail)


def _pick_model(arguments: argparse.Namespace) -> argparse.Namespace:
    """Return what `load_colorizer` reads, without what other processes cannot be sent."""
    names = ("preset", "model", "embedder", "backend")
    return argparse.Namespace(**{name: getattr(arguments, name) for name in names})


class _ProgressBar:
    """A bar of frames with the time left, on a terminal's stderr."""

    def __init__(self) -> None:
        self._bar: tqdm[object] | None = None
        self._what = ""

    def __enter__(self) -> _ProgressBar:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the bar's line."""
        if self._bar is not None:
            self._bar.close()

    def show(self, what: str, done: int, count: int) -> None:
        """Show how far the work is, see `deepkoal.video.film_run.Progress`."""
        if what != self._what or self._bar is None:
            if self._bar is not None:
                self._bar.close()
            self._what = what
            self._bar = progress_bars.count_photos(total=count or None, doing=what, unit=" frames")
            # What an earlier run did is no measure of this one's speed.
            self._bar.initial = self._bar.n = done
        self._bar.update(done - self._bar.n)
