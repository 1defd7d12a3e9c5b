"""The studio's page without its server: static files that color on the visitor's own device."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.resources
import json
import shutil
import tempfile
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from deepkoal import __version__
from deepkoal.color import ab_bins
from deepkoal.errors import DeepkoalError
from deepkoal.export.guidance_graphs import trace_guidance
from deepkoal.export.output_paths import RUNTIME_FILES, check_site, find_runtime
from deepkoal.export.portable import export_onnx
from deepkoal.guidance import list_palettes
from deepkoal.guidance.color_balance import HUES, find_warmth_factors
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction.working_size import find_stride
from deepkoal.studio.choices import describe_choices

WARMTH_STEPS = 200
"""Between −1 and 1: the lever has 40."""

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
"""What the page may load: nothing of other servers, whatever else goes wrong."""

MANIFEST = {
    "name": "deepkoal studio",
    "start_url": "./",
    "display": "standalone",
    "icons": [{"src": "icon.svg", "sizes": "any", "type": "image/svg+xml"}],
}
"""What a browser needs to install the page as an app."""

PRIVACY = "Photos stay on this device: this page colors them here, and sends them nowhere."

MISSING_PARTS = (
    "tab-variations",
    "tab-style",
    "doubt-toggle",
    "album",
    "light-part",
    "hole-tool",
    "samples-title",
)
"""Of the page, by their ids: what the studio's server alone can do."""

CANVAS_FORMATS = ("JPEG", "PNG", "WEBP")
"""That browsers write."""

_LARGE = 1024  # values of a tensor that is worth to be stored in half the space


def export_site(
    colorizer: Colorizer, folder: str | Path, *, runtime: str | Path | None = None
) -> Path:
    """Write the studio as a folder of static files, which any web server can hand out.

    The page is `deepkoal.studio`'s own, with a worker in the place of its server. It loads nothing
    from elsewhere. The network's weights are stored in half precision; it computes in single.

    Args:
        colorizer: on Keras; its network predicts a distribution.
        folder: to write; it does not exist.
        runtime: the folder of the npm package onnxruntime-web; None for the one in `node_modules`
            of the working directory.

    Returns:
        The folder.

    Raises:
        DeepkoalError: the folder exists or cannot be written, the package is not there, the network
            predicts no distribution, or as `export_onnx`.
    """
    folder, source = Path(folder), find_runtime(runtime)
    check_site(folder)
    if "logits" not in colorizer.backend.outputs:
        raise DeepkoalError(
            f"the page needs a network that predicts a distribution of colors, such as koala-lite, "
            f"and {colorizer.backend.name} does not"
        )
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as name:
            made = Path(name, "site")
            _copy(importlib.resources.files("deepkoal.studio") / "page", made)
            browser = importlib.resources.files("deepkoal.studio") / "browser"
            _copy(browser, made / "browser")
            for part in ("server.js", "offline.js"):
                (made / "browser" / part).replace(made / part)
            (made / "manifest.json").write_text(json.dumps(MANIFEST), "utf-8")
            _adapt(made / "index.html")
            (made / "browser" / "runtime").mkdir()
            for file in RUNTIME_FILES:
                shutil.copyfile(source / file, made / "browser" / "runtime" / file)
            models = made / "browser" / "models"
            _write_models(colorizer, models)
            sizes = [path.stat().st_size for path in (*models.iterdir(), source / RUNTIME_FILES[0])]
            about = _describe(colorizer, sum(sizes)) | _list_files(made)
            (made / "site.json").write_text(json.dumps(about, ensure_ascii=False), "utf-8")
            made.rename(folder)
    except OSError as error:
        raise DeepkoalError(
            f"{folder} cannot be written ({error.strerror or error}); check the path, your "
            "permissions and the space left"
        ) from error
    return folder


def _copy(source: Traversable, target: Path) -> None:
    target.mkdir()
    for entry in source.iterdir():
        if entry.is_dir():
            _copy(entry, target / entry.name)
        elif entry.name.endswith((".html", ".css", ".js", ".svg")):
            (target / entry.name).write_bytes(entry.read_bytes())


def _adapt(page: Path) -> None:
    """Say in the page what the studio's server says in its headers, and where photos go."""
    head, charset, rest = page.read_text("utf-8").partition('<meta charset="utf-8">\n')
    meta = (
        f'  <meta http-equiv="content-security-policy" content="{POLICY}">\n'
        '  <link rel="manifest" href="manifest.json">\n'
    )
    before, mark, after = rest.partition('<span id="privacy">')
    text = head + charset + meta + before + mark + PRIVACY + after[after.index("</span>") :]
    page.write_text(text, "utf-8")


def _list_files(folder: Path) -> dict[str, Any]:
    """Return what is kept for a visitor without a network, and what tells it from other exports."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    names = [path.relative_to(folder).as_posix() for path in paths]
    return {"build": digest.hexdigest()[:16], "files": ["./", "site.json", *names]}


def _write_models(colorizer: Colorizer, folder: Path) -> None:
    import onnx

    folder.mkdir()
    side = find_stride(colorizer.backend.name)
    outputs = colorizer.backend.predict(np.zeros((1, side, side, 1), np.float32))
    features, things = (
        outputs[name].shape[-1] if name in outputs else 0 for name in ("features", "things")
    )
    graphs = trace_guidance(colorizer.decoding, len(ab_bins()), features, things)
    for name, model in graphs.items():
        onnx.save(model, folder / f"{name}.onnx")
    network = folder / "network.onnx"
    export_onnx(colorizer, network)
    onnx.save(_halve(onnx.load(network)), network)


def _halve(model: Any) -> Any:
    """Return a model whose large weights are stored as float16 and cast back when it is loaded."""
    from onnx import TensorProto, helper, numpy_helper

    graph, casts = model.graph, []
    for weights in graph.initializer:
        values = numpy_helper.to_array(weights)
        if weights.data_type != TensorProto.FLOAT or values.size < _LARGE:
            continue
        name = weights.name
        weights.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}/half"))
        casts.append(helper.make_node("Cast", [weights.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def _describe(colorizer: Colorizer, size: int) -> dict[str, Any]:
    """Return what the page reads of itself: as the studio's server says it, and of the network."""
    palettes = list_palettes() if colorizer.decoding.prior is not None else []
    named = [palette.name for palette in palettes]
    choices = describe_choices()
    choices["formats"] = [each for each in choices["formats"] if each["name"] in CANVAS_FORMATS]
    choices["palettes"] = [each for each in choices["palettes"] if each["name"] in named]
    missing = [*MISSING_PARTS, *([] if palettes else ["palettes-part"])]
    steps = np.linspace(-1, 1, WARMTH_STEPS + 1)
    return {
        **choices,
        "version": __version__,
        "network": None if colorizer.identity is None else dataclasses.asdict(colorizer.identity),
        "photo": None,
        "distribution": True,
        "variations": 0,
        "styles": [],
        "samples": [],
        "missing": missing,
        "model": {
            "bytes": size,
            "sizes": list(colorizer.working_sizes),
            "stride": find_stride(colorizer.backend.name),
            "bins": ab_bins().tolist(),
            "hues": list(HUES),
            "warmth": [[round(each, 7) for each in find_warmth_factors(step)] for step in steps],
            "palettes": [
                {
                    "name": palette.name,
                    "strength": palette.strength,
                    "smoothing": palette.smoothing,
                    "probabilities": [float(str(share)) for share in palette.probabilities],
                }
                for palette in palettes
            ],
        },
    }
