"""`colorize`: photos in, colored photos out."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal import progress_bars
from deepkoal.cli.arguments.file_options import (
    add_format_options,
    add_out_options,
    add_reading_options,
    read_file_settings,
)
from deepkoal.cli.arguments.guidance import (
    add_guidance_options,
    check_guidance,
    open_reference,
    resolve_look,
)
from deepkoal.cli.arguments.model_options import (
    add_backend_option,
    add_model_options,
    load_colorizer,
)
from deepkoal.cli.arguments.restoration import add_restoration_options, resolve_restoration
from deepkoal.cli.arguments.result_options import (
    add_result_options,
    open_signer,
    read_result_options,
)
from deepkoal.cli.arguments.style import Restyler, add_style_options, choose_style
from deepkoal.cli.console import UsageError, report, show_result
from deepkoal.cli.photo_runs.folder_run import FolderRun
from deepkoal.cli.photo_runs.run_report import announce, run_and_report, sum_up

if TYPE_CHECKING:
    from deepkoal.cli.files.jobs import Plan
    from deepkoal.inference.colorizer import Colorizer
    from deepkoal.inference.options_file import SavedOptions


DEFAULT_FOLDER = "colorized"


def add_verbs(verbs: Any) -> None:
    """Add the command to the parser's."""
    colorize = verbs.add_parser(
        "colorize",
        help="color photos",
        description="Color photos: files, folders, quoted patterns, or - for standard input. The "
        "paths of the results are printed. A photo whose result in a folder is newer is passed "
        "over, so an interrupted run goes on where it stopped; with other options, give "
        "--overwrite.",
    )
    add_out_options(colorize, DEFAULT_FOLDER)
    add_model_options(colorize)
    add_backend_option(colorize, auto=True)
    add_guidance_options(colorize)
    add_restoration_options(colorize, alone=False)
    add_result_options(colorize)
    add_style_options(colorize)
    colorize.add_argument(
        "--compare", action="store_true", help="also write NAME.compare.jpg: before and after"
    )
    colorize.add_argument(
        "--album",
        action="store_true",
        help="photos of the same things: what NAME.jpg.json (see --save-options) says of one "
        "carries to the like in the others; album-report.txt and .jpg show what went where",
    )
    colorize.add_argument(
        "--cluster",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="color folders, or addresses such as s3://bucket/photos, by the workers of a Ray "
        "cluster: the one at ADDRESS, or else the one here, or else one that is started for it",
    )
    colorize.add_argument(
        "--overwrite", action="store_true", help="color photos again whose results are newer"
    )
    add_format_options(colorize)
    add_reading_options(colorize)
    colorize.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from deepkoal.cli.files.output_plan import plan_photos
    from deepkoal.inference.options_file import write_options

    look = resolve_look(arguments)
    look = replace(
        look,
        restoration=resolve_restoration(arguments, look.restoration),
        style=choose_style(arguments, look.style),
        rotation=look.rotation if arguments.rotate is None else arguments.rotate,
    )
    if look.style is not None and arguments.layer:
        raise UsageError("--layer is color alone, and a style changes more; leave one of them out")
    if arguments.cluster is not None:
        return _run_on_cluster(arguments, look)
    choice, results = look.variation, read_result_options(arguments)
    plan = plan_photos(
        arguments.photos,
        arguments.out,
        suffix=arguments.format,
        compare=arguments.compare,
        beside=results.suffixes,
        variations=1 if choice is None or choice.index else choice.count,
        overwrite=arguments.overwrite or arguments.album,
    )
    check_guidance(look, plan.count)
    settings = {**read_file_settings(arguments), "signer": open_signer(arguments)}
    if look.style is not None:
        settings["restyle"] = Restyler(look.style)
    if arguments.album:
        return _run_album(arguments, look, plan, settings)
    announce(plan)
    arguments.goes_on = plan.count > 1 and not arguments.overwrite
    failed, colored, left = len(plan.failures), 0, 0
    if plan.jobs:
        colorizer = _load(arguments, look)
        if arguments.save_options is not None and plan.count > 1:
            write_options(arguments.save_options, replace(look, photo=None))
        folder_run = FolderRun(
            colorizer,
            look,
            reference=open_reference(look, colorizer),
            save_options=arguments.save_options if plan.count == 1 else None,
            results=results,
            **settings,
        )
        colored, left = run_and_report(folder_run, plan.jobs)
        failed += len(plan.jobs) - colored - left
    if plan.count > 1 or plan.skipped or plan.passed_over:
        counts = {"done": colored, "left": left, "skipped": plan.skipped, "failed": failed}
        sum_up({**counts, "passed over": len(plan.passed_over)})
    return 1 if failed else 0


def _run_on_cluster(arguments: argparse.Namespace, look: SavedOptions) -> int:
    from deepkoal.cli.photo_runs.cluster_run import FileColorer, check_cluster, run_on_cluster

    check_cluster(arguments, look)
    check_guidance(look, 2)
    choice = look.variation
    colorizer = _load(arguments, look)
    arguments.goes_on = not arguments.overwrite
    colorer = FileColorer(
        colorizer,
        look,
        open_reference(look, colorizer),
        read_result_options(arguments),
        read_file_settings(arguments),
        suffix=arguments.format,
        compare=arguments.compare,
        variations=1 if choice is None or choice.index else choice.count,
    )
    return run_on_cluster(arguments, colorer)


def _load(arguments: argparse.Namespace, look: SavedOptions) -> Colorizer:
    colorizer = load_colorizer(arguments).with_detail(look.detail)
    return colorizer.with_restoration(look.restoration)


def _run_album(
    arguments: argparse.Namespace, look: SavedOptions, plan: Plan, settings: dict[str, Any]
) -> int:
    """Color an album: photos whose results are newer than they and all options are passed over."""
    from deepkoal.cli.files.jobs import is_done
    from deepkoal.cli.photo_runs.album_run import AlbumRun, find_looks

    results = read_result_options(arguments)

    if plan.count < 2 or (look.variation is not None and look.variation.count > 1):
        raise UsageError("--album is for several photos, in one version each")
    looks = find_looks(plan.jobs)
    used = tuple(f"{file}: " for file, _ in looks.values())
    passed_over = [line for line in plan.passed_over if not line.startswith(used)]
    for line in [*passed_over, *map(str, plan.failures)]:
        report(line)
    newest = max(file.stat().st_mtime_ns for file, _ in looks.values())
    jobs = (
        plan.jobs if arguments.overwrite else [job for job in plan.jobs if not is_done(job, newest)]
    )
    arguments.goes_on = not arguments.overwrite
    failed, colored, left = len(plan.failures), 0, 0
    if jobs:
        run = AlbumRun(
            load_colorizer(arguments).with_restoration(look.restoration),
            look,
            looks,
            results=results,
            **settings,
        )
        for reference in look.list_references():
            run.album.learn_reference(reference.read(), str(reference.file))
        for photo in progress_bars.count_photos(looks, len(looks), "learning"):
            run.learn(photo)
        colored, left = run_and_report(run, jobs)
        failed += len(jobs) - colored - left
        if colored:
            show_result(run.write_report(Path(arguments.out or DEFAULT_FOLDER)))
    skipped = len(plan.jobs) - len(jobs)
    counts = {"done": colored, "left": left, "skipped": skipped, "failed": failed}
    sum_up({**counts, "passed over": len(passed_over)})
    return 1 if failed else 0
