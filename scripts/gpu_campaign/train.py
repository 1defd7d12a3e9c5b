"""Training by the clock: warm-up, a stable rate, and a decay that ends with the time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from deepkoal.errors import RunError
from deepkoal.guidance import DecodingConfig
from deepkoal.models.weights import load_weights
from deepkoal.pretrained.networks import build_untrained, find_things
from deepkoal.pretrained.presets import load_preset, load_recipe
from deepkoal.pretrained.recipe import Recipe
from deepkoal.training.recipe_losses import build_losses, check_losses

from .checkpoints import check_file_size, find_state, load_state
from .loop import Campaign
from .photo_store import PhotoStore
from .settings import Settings
from .step import Stepper

PRESET = "koala-lite"
CLOSING_SECONDS = 6
"""Kept of the time for writing the last files."""


def train(
    folder: Path,
    out: Path,
    settings: Settings,
    *,
    start: Path | None = None,
    resume: Path | None = None,
) -> Path:
    """Train on parts and return the file of the final averaged weights.

    Args:
        folder: the parts'.
        out: for weights, states and `log.csv`. Where it holds a state, training goes on from it.
        settings: see there.
        start: weights to begin with; the preset's pretrained encoder alone where None.
        resume: a state, or a campaign's folder, to go on from in place of `out`.

    Raises:
        RunError: there is no accelerator, a part is missing or damaged, or training diverged.
        WeightsError: weights to begin with are missing, damaged or another network's.
    """
    began = time.monotonic()
    device = find_device(settings.cpu)
    out.mkdir(parents=True, exist_ok=True)
    found = find_state(resume or out)
    if resume is not None and found is None:
        raise RunError(f"{resume}: no whole state there; give a folder that holds state-…")
    weights = start if found is None else found / "averaged.safetensors"
    stepper = build_stepper(settings, () if weights is None else find_things(weights))
    check_file_size(stepper)
    progress: dict[str, Any] = {"steps": 0, "photos": 0}
    if found is not None:
        state, progress = load_state(stepper, found)
        print(f"going on from {found}: {progress['steps']} steps", flush=True)
    else:
        if start is not None:
            load_weights(stepper.network, start)
        state = stepper.begin()
    store = PhotoStore(folder, settings.square, parts=settings.first_parts, shares=settings.shares)
    seconds = time.monotonic() - began
    print(f"{device}: {store.count} photos in memory after {seconds:.0f} s", flush=True)
    end = began + 60 * settings.minutes
    end -= min(CLOSING_SECONDS, 0.1 * (end - began))
    return Campaign(out, settings, stepper, store, state, progress, end).run()


def find_device(cpu: bool) -> str:
    """Name the device that JAX uses.

    Raises:
        RunError: it finds no accelerator, and a processor will not do.
    """
    try:
        device = jax.devices()[0]
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise RunError(
            f"JAX finds no device ({reason}); see whether nvidia-smi lists one"
        ) from error
    if device.platform == "cpu" and not cpu:
        raise RunError(
            "JAX finds no accelerator; see whether nvidia-smi lists one and JAX is installed for "
            "it, or pass --cpu, for a trial, to train on the processor"
        )
    return str(device.device_kind)


def build_stepper(settings: Settings, things: Sequence[int] = ()) -> Stepper:
    """Build the preset's network and what its recipe says of training it.

    Args:
        settings: of the campaign.
        things: as `models.lite` has it.
    """
    recipe: Recipe = load_recipe(PRESET)
    if settings.losses:
        recipe = recipe.replace(losses=dict(settings.losses))
    if learned := [name for name in recipe.losses if name.startswith("adversarial")]:
        raise RunError(f"{learned[0]} trains a network of its own, which a campaign does not")
    network = build_untrained(
        PRESET, precision=settings.precision, seed=settings.seed, things=things
    )
    check_losses(recipe, network)
    decoding = DecodingConfig.from_config(load_preset(PRESET).decoding)
    assert decoding.prior is not None
    prior = decoding.prior
    return Stepper(
        network,
        build_losses(recipe, network, lambda: prior),
        decoding,
        degradation=recipe.degradation,
        film=recipe.film,
        weight_decay=recipe.weight_decay,
        encoder_rate=recipe.encoder_rate,
        average=settings.average,
        seed=settings.seed,
    )
