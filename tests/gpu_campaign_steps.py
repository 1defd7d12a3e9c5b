"""What test_gpu_campaign.py runs where Keras runs on JAX and TensorFlow cannot be imported.

A tiny network stands in for koala-lite, for which JAX compiles a step for a minute.

usage: gpu_campaign_steps.py PARTS OUT PHOTOS.npy START.safetensors
"""

import json
import os
import sys

import numpy as np

from scripts.gpu_campaign.__main__ import main

OPTIONS = ["--minutes", "5", "--cpu", "--sizes", "32", "--batch", "8", "--square", "64"]


def train_tiny():
    """Have the campaign train a tiny network, of other weights than it is to start with."""
    os.environ["KERAS_BACKEND"] = "jax"  # as the command does, before Keras is imported
    from tiny_networks import tiny_lite

    from scripts.gpu_campaign import train

    train.build_untrained = lambda *_, seed, **__: tiny_lite(seed + 1)


def print_loss(photos):
    """Print what a compiled step has for a loss, before any step."""
    import jax
    from tiny_networks import tiny_lite

    from deepkoal.guidance import DecodingConfig
    from deepkoal.pretrained.presets import load_preset, load_recipe
    from deepkoal.training.recipe_losses import build_losses
    from scripts.gpu_campaign.step import Stepper
    from scripts.gpu_campaign.views import cut_views

    network = tiny_lite()
    recipe = load_recipe("koala-lite").replace(losses={"cross_entropy": 1.0, "mse": 10.0})
    decoding = DecodingConfig.from_config(load_preset("koala-lite").decoding)
    losses = build_losses(recipe, network, lambda: decoding.prior)
    stepper = Stepper(network, losses, decoding)
    whole = np.tile(np.float32([0, 0, 1, 1, 0]), (len(photos), 1))

    @jax.jit
    def compute(trained, others, photos):
        rgb = cut_views(photos, whole, photos.shape[1])
        return stepper.compute_loss(trained, others, rgb)[0]

    state = stepper.begin()
    print(json.dumps({"loss": float(compute(state["trained"], state["others"], photos))}))


if __name__ == "__main__":
    parts, out, photos, start = sys.argv[1:]
    assert main(["train", parts, f"{out}-0", "--minutes", "1"]) == 1  # there is no accelerator
    train_tiny()
    assert main(["train", parts, out, *OPTIONS, "--steps", "10", "--start", start]) == 0
    assert main(["train", parts, f"{out}-2", *OPTIONS, "--steps", "2", "--resume", out]) == 0
    assert "tensorflow" not in sys.modules
    print_loss(np.load(photos))
