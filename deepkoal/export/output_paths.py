"""Where an export goes, and what it needs: known before anything is loaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from deepkoal.errors import DeepkoalError
from deepkoal.models import NETWORK_STRIDE

WARM_UP_FILE = Path("assets.extra", "tf_serving_warmup_requests")
"""Where TensorFlow Serving looks for example requests, below a version's folder."""

RUNTIME_FILES = (
    "ort-wasm-simd-threaded.wasm",
    "ort-wasm-simd-threaded.mjs",
    "ort.wasm.min.mjs",
)
"""What a page needs of the npm package onnxruntime-web, in its folder `dist`."""


def choose_version(path: Path) -> Path:
    """Return the folder of a new SavedModel.

    Args:
        path: the folder itself, which ends in a version number; or the one above it, where the
            next free number is taken.

    Raises:
        DeepkoalError: it exists, or a file is in its place.
    """
    if not path.name.isdecimal():
        taken = [int(found.name) for found in path.glob("*") if found.name.isdecimal()]
        return path / str(max(taken, default=0) + 1)
    if path.exists():
        raise DeepkoalError(
            f"{path}: this version exists; choose another number, or give {path.parent} for the "
            "next free one"
        )
    return path


def check_file(path: Path, suffix: str) -> None:
    """Make sure that a file can be named so.

    Args:
        path: the file.
        suffix: that it has to end in, such as `.tflite`.

    Raises:
        DeepkoalError: it ends otherwise, or there is no such folder.
    """
    if path.suffix.lower() != suffix:
        raise DeepkoalError(f"{path}: expected a name that ends in {suffix}")
    if not path.parent.is_dir():
        raise DeepkoalError(f"{path}: there is no folder {path.parent}; make it first")


def check_site(folder: Path) -> None:
    """Make sure that a folder can be made.

    Args:
        folder: of a page's files.

    Raises:
        DeepkoalError: there is something of that name, or no folder to make it in.
    """
    if folder.exists():
        raise DeepkoalError(f"{folder} exists; give another name, or remove it first")
    if not folder.parent.is_dir():
        raise DeepkoalError(f"{folder}: there is no folder {folder.parent}; make it first")


def check_packages(kind: str) -> None:
    """Make sure that the packages are there that write a file.

    Args:
        kind: `litert`, `onnx` or `web`.

    Raises:
        DeepkoalError: one is not installed.
    """
    what = "a page for the browser" if kind == "web" else "an .onnx file"
    for name in ("onnx", "tf2onnx") if kind in ("onnx", "web") else ():
        if importlib.util.find_spec(name) is None:
            raise DeepkoalError(
                f"{what} needs {name}, which is not installed: pip install 'deepkoal[onnx]'"
            )


def find_runtime(folder: str | Path | None) -> Path:
    """Return the folder that holds `RUNTIME_FILES`.

    Args:
        folder: of the package onnxruntime-web, its `dist`, or a folder that has it in
            `node_modules`; None for the working directory.

    Raises:
        DeepkoalError: they are not there.
    """
    package = Path("onnxruntime-web", "dist")
    asked = Path() if folder is None else Path(folder)
    places = (asked, asked / "dist", asked / package, asked / "node_modules" / package)
    for place in places if folder is not None else places[-1:]:
        if all((place / file).is_file() for file in RUNTIME_FILES):
            return place
    where = "node_modules here has none" if folder is None else f"{folder} has none"
    raise DeepkoalError(
        f"a page for the browser needs onnxruntime-web from 1.22, but {where}: "
        "npm install onnxruntime-web, then --runtime node_modules/onnxruntime-web"
    )


def check_size(size: tuple[int, int]) -> None:
    """Make sure that a network can be exported for one size alone.

    Args:
        size: height and width in pixels.

    Raises:
        DeepkoalError: they are no multiples of 32 above 0.
    """
    if any(side < 1 or side % NETWORK_STRIDE for side in size):
        raise DeepkoalError(
            f"expected a size in multiples of {NETWORK_STRIDE} pixels, got {size[0]}×{size[1]}"
        )
