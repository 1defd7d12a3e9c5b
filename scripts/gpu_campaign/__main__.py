"""Train koala-lite on a borrowed GPU machine: one that is bare, has no network and little time.

Where the photos are, they are packed into parts of at most 60 MB, in random order, so that any
number of parts is a fair mixture. Keras's wheels for the other machine's Python lie beside them:

    python -m scripts.gpu_campaign pack parts/ photos/scenes=0.6 photos/people=0.4 --wheels 3.12

On the GPU machine are needed: Python with JAX for the GPU, h5py, lazy-loader, NumPy, OpenCV, rich,
safetensors, SciPy and tqdm; no TensorFlow, and Keras only if no wheels were sent. The checkout (of
models/ only efficientnet-lite0/ and koala-lite/, without network.tflite) and the parts are sent
there, in as many calls as it takes; then, from the checkout:

    python -m scripts.gpu_campaign check parts/
    python -m scripts.gpu_campaign train parts/ out/ --minutes 9 --keep 1 \\
        --start models/koala-lite/weights.safetensors

`train` ends by itself within its minutes, decoding and compiling included; leave a minute for the
machine's own affairs. JAX_COMPILATION_CACHE_DIR=cache/ spares a second call the compiling. Every
two minutes it writes averaged weights in half precision (out/averaged-….safetensors), and a state
(out/state-…/) from which the same command goes on, on this machine or, sent along, on another
(--resume). Every file is below 16 MB. The last 0.3 of the time the rate decays; to go on in a
further call, let all but the last have --decay 0:

    python -m scripts.gpu_campaign train parts/ out/ --minutes 9 --decay 0
    python -m scripts.gpu_campaign train parts/ out2/ --minutes 9 --resume out/

The final weights, out/final.safetensors, are read by `deepkoal.models.weights.load_weights`.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import fields
from pathlib import Path

from deepkoal.errors import DeepkoalError
from deepkoal.models import NETWORK_STRIDE

from .pack import pack
from .parts import Manifest, read_part
from .settings import Settings
from .wheels import add_wheels, download_wheels


def main(argv: list[str] | None = None) -> int:
    """Pack, check or train; return the exit status."""
    arguments = _build_parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except DeepkoalError as error:
        print(f"gpu_campaign: {error}", file=sys.stderr)
        return 1
    return 0


def _pack(arguments: argparse.Namespace) -> None:
    manifest = pack(
        arguments.folders,
        arguments.parts,
        side=arguments.side,
        quality=arguments.quality,
        part_megabytes=arguments.part_megabytes,
        most_parts=arguments.most_parts,
        seed=arguments.seed,
    )
    if arguments.wheels:
        for wheel in download_wheels(arguments.parts, arguments.wheels):
            print(wheel)
    _describe(manifest)


def _check(arguments: argparse.Namespace) -> None:
    manifest = Manifest.read(arguments.parts)
    for part in manifest.parts:
        read_part(arguments.parts, part)
    _describe(manifest)


def _describe(manifest: Manifest) -> None:
    for source in manifest.sources:
        print(f"{source.name}: {source.photos} photos, share {source.share:g}")
    size = sum(part.bytes for part in manifest.parts) / 1e6
    print(f"{len(manifest.parts)} parts, {size:.1f} MB", end="")
    left_out = [f"{count} {reason}" for reason, count in sorted(manifest.left_out.items())]
    print("".join(f"; left out: {entry}" for entry in left_out))


def _train(arguments: argparse.Namespace) -> None:
    # Before Keras is imported.
    os.environ["KERAS_BACKEND"] = "jax"
    add_wheels(arguments.parts)
    from .train import train

    settings = Settings(**{each.name: getattr(arguments, each.name) for each in fields(Settings)})
    final = train(
        arguments.parts,
        arguments.out,
        settings,
        start=arguments.start,
        resume=arguments.resume,
    )
    print(final)


def _folder(text: str) -> tuple[Path, float | None]:
    """Return the folder and the share of FOLDER or FOLDER=SHARE."""
    name, separator, share = text.rpartition("=")
    return (Path(name), _share(share)) if separator else (Path(text), None)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError
    return value


def _weights(text: str) -> dict[str, float]:
    """Return names with numbers of NAME=NUMBER,…"""
    pairs = [entry.partition("=") for entry in text.split(",")]
    return {name: _share(value) for name, _, value in pairs}


def _sizes(text: str) -> dict[int, float]:
    """Return sizes with shares of SIZE or SIZE=SHARE,…"""
    pairs = [entry.partition("=") for entry in text.split(",")]
    sizes = {int(size): _share(share or "1") for size, _, share in pairs}
    if any(size < 1 or size % NETWORK_STRIDE for size in sizes) or not sum(sizes.values()):
        raise argparse.ArgumentTypeError(f"sizes must be multiples of {NETWORK_STRIDE}: {text!r}")
    return sizes


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gpu_campaign",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("pack", help="photos to parts; goes on where it stopped")
    command.set_defaults(run=_pack)
    command.add_argument("parts", type=Path)
    command.add_argument("folders", type=_folder, nargs="+", metavar="FOLDER[=SHARE]")
    command.add_argument("--side", type=int, default=160, help="longest short side [160]")
    command.add_argument("--quality", type=int, default=80, help="of WebP [80]")
    command.add_argument("--part-megabytes", type=float, default=60)
    command.add_argument("--most-parts", type=int)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--wheels", metavar="PYTHON", help="its version there, such as 3.12")
    command = commands.add_parser("check", help="see whether all parts are there and whole")
    command.set_defaults(run=_check)
    command.add_argument("parts", type=Path)
    command = commands.add_parser("train", help="train on parts, by the clock")
    command.set_defaults(run=_train)
    command.add_argument("parts", type=Path)
    command.add_argument("out", type=Path)
    command.add_argument("--minutes", type=float, required=True)
    command.add_argument("--start", type=Path, metavar="WEIGHTS.safetensors")
    command.add_argument("--resume", type=Path, metavar="OUT", help="a state, or what holds one")
    command.add_argument("--sizes", type=_sizes, default="96", help="such as 96=7,128=2,192=1")
    for name, kind, text in (
        ("batch", int, "photos a step at the first size"),
        ("rate", float, "stable learning rate"),
        ("warmup", int, "steps until it is reached"),
        ("decay", float, "share of the time, at the end, in which it falls"),
        ("average", float, "decay of the moving average"),
        ("square", int, "side of the squares that photos are kept as"),
        ("first_parts", int, "how many parts to take"),
        ("save_minutes", float, "between two savings"),
        ("keep", int, "averaged weights kept; 0: all"),
        ("steps", int, "to take at most"),
        ("seed", int, "of the draws"),
    ):
        default = getattr(Settings, name)
        text += "" if default is None else f" [{default}]"
        option = f"--{name.replace('_', '-')}"
        command.add_argument(option, type=kind, default=default, help=text)
    policies = ("mixed_bfloat16", "float32")
    command.add_argument("--precision", choices=policies, default=Settings.precision)
    command.add_argument("--losses", type=_weights, default={}, metavar="NAME=WEIGHT,…")
    command.add_argument("--shares", type=_weights, default={}, metavar="SOURCE=SHARE,…")
    command.add_argument("--cpu", action="store_true", help="a processor will do, for a trial")
    return parser


if __name__ == "__main__":
    sys.exit(main())
