"""`evaluate`: how close a network comes to the true colors of a folder of photos."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from deepkoal.atomic_files import write_text_atomically
from deepkoal.cli.arguments.argument_types import add_number, positive_number, whole_number
from deepkoal.cli.arguments.model_options import (
    add_backend_option,
    add_model_options,
    load_colorizer,
)
from deepkoal.cli.console import UsageError, as_usage, report, show_lines
from deepkoal.cli.files.input_files import refuse_own_folder
from deepkoal.cli.files.targets import check_picture, check_target
from deepkoal.errors import DeepkoalError
from deepkoal.keras_runtime import start_tensorflow
from deepkoal.models import NETWORK_STRIDE


def add_verbs(verbs: Any) -> None:
    """Add the command to the parser's."""
    evaluate = verbs.add_parser(
        "evaluate", help="measure a network on color photos", description=_run_evaluate.__doc__
    )
    evaluate.add_argument(
        "photos",
        metavar="PHOTOS",
        nargs="?",
        help="folder of color photos, at any depth; faces, border and nothing_to_see need none",
    )
    evaluate.add_argument(
        "--video",
        type=Path,
        metavar="FILM",
        help="measure on a film in color instead: how steady its colors are (CDC, warping error), "
        "PSNR, and processor time; its first 120 frames, or --limit",
    )
    add_model_options(evaluate)
    add_backend_option(evaluate, auto=False)
    evaluate.add_argument(
        "--figures",
        default="cost,fidelity",
        metavar="LIST",
        help="which to measure, with commas, or all: cost, fidelity, psnr_optimal_vibrance, nll, "
        "vivid, hue_spread, hints, bleeding, context, robustness, film, diversity, "
        "uncertainty, semantic_accuracy, faces, border, nothing_to_see (%(default)s)",
    )
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    evaluate.add_argument(
        "--page", type=Path, metavar="FILE", help="draw them there, a page of pictures"
    )
    add_number(evaluate, "--limit", "N", "measure N files, spread evenly over the folder")
    evaluate.add_argument(
        "--working-size",
        type=whole_number(NETWORK_STRIDE),
        nargs="+",
        metavar="N",
        help="sides in pixels at which the network sees a square photo, instead of its own",
    )
    evaluate.add_argument(
        "--temperature",
        type=positive_number,
        metavar="T",
        help="of the colors' mean at vibrance 1, instead of the network's own; less is more vivid",
    )
    evaluate.set_defaults(run=_run_evaluate)


def _run_evaluate(arguments: argparse.Namespace) -> int:
    """Take the color from photos, color them, and measure how close that comes to the truth."""
    from deepkoal.image_io import write_image
    from deepkoal.image_io.photo import check_folder

    check_picture("--page", arguments.page)
    check_target("--json", arguments.json)
    if arguments.video is not None:
        return _evaluate_video(arguments)
    if arguments.photos is not None:
        if arguments.page is not None:
            refuse_own_folder("--page", arguments.page, Path(arguments.photos), below=True)
        check_folder(arguments.photos)  # before time goes into starting TensorFlow
    start_tensorflow()
    from deepkoal import evaluation  # here, so that --help need not load Keras

    chosen = [name.strip() for name in arguments.figures.split(",")]
    figures = list(evaluation.FIGURES) if chosen == ["all"] else chosen
    for name in figures:
        if name in evaluation.RENAMED:
            report(f"the figure {name} is deprecated; write {evaluation.RENAMED[name]}")
    figures = [evaluation.RENAMED.get(name, name) for name in figures]
    with as_usage():
        evaluation.check_figures(figures, has_photos=arguments.photos is not None)
    if arguments.page is not None and arguments.photos is None:
        raise UsageError("--page shows photos; give a folder of them")
    colorizer = load_colorizer(arguments)
    if arguments.working_size:
        colorizer.working_sizes = tuple(sorted(arguments.working_size))
    if arguments.temperature is not None:
        colorizer.decoding = dataclasses.replace(
            colorizer.decoding, temperature=arguments.temperature
        )
    with evaluation.Workers(progress=True) as workers:
        photos = evaluation.PhotoSet()
        if arguments.photos is not None:
            photos = evaluation.load_photos(
                colorizer, arguments.photos, workers, limit=arguments.limit
            )
        bench = evaluation.Bench(colorizer, photos, workers)
        card = evaluation.measure(bench, figures)
    show_lines(card.to_table().split("\n"))
    if arguments.json is not None:
        _write_json(arguments.json, card.to_json())
    if arguments.page is not None:
        write_image(arguments.page, evaluation.draw_report(card, bench))
    return 0


def _evaluate_video(arguments: argparse.Namespace) -> int:
    if arguments.photos is not None or arguments.page is not None:
        raise UsageError("--video measures a film; leave out photos and --page")
    from deepkoal.evaluation.scorecard import PROTOCOL
    from deepkoal.video import evaluate_video, open_film
    from deepkoal.video.figures import MOST_FRAMES

    film = open_film(arguments.video)
    figures = evaluate_video(film, load_colorizer(arguments), limit=arguments.limit or MOST_FRAMES)
    show_lines([f"{PROTOCOL}, {film.name}", *figures.to_lines()])
    for line in film.faults:
        report(line)
    if arguments.json is not None:
        _write_json(arguments.json, {"protocol": PROTOCOL} | dataclasses.asdict(figures))
    return 0


def _write_json(path: Path, card: dict[str, Any]) -> None:
    try:
        write_text_atomically(path, json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise DeepkoalError(
            f"{path}: cannot write the figures ({error.strerror}); choose a writable place"
        ) from error
