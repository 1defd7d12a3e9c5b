"""Presets: networks as data, each a folder below `models/`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepkoal.errors import WeightsError
from deepkoal.models.weights import find_shipped, shipped_models_dir
from deepkoal.pretrained.recipe import Recipe
from deepkoal.short_repr import short_repr

CONFIG_FILE = "config.json"
DEFAULT_PRESET = "koala-lite"
FINETUNE = "finetune"
"""The recipe for weights that color photos already."""


@short_repr
@dataclass(frozen=True)
class Preset:
    """A network as shipped: what to build, with which weights, and how to read its outputs.

    Attributes:
        name: folder below `models/` and the name users type.
        summary: one line for `deepkoal presets`.
        network: builder in `deepkoal.models`.
        working_size: side or sides in pixels of a square photo as the network sees it, see
            `Colorizer`.
        decoding: how its outputs are read, see `guidance.DecodingConfig.from_config`.
        license: terms of the weights.
        sha256: of `weights.safetensors`, or None where no weights are shipped.
        backends: for each backend whose file is shipped too, that file's sha256.
    """

    name: str
    summary: str
    network: str
    working_size: int | list[int]
    decoding: dict[str, Any]
    license: str
    sha256: str | None
    backends: Mapping[str, str] = field(default_factory=dict)


def list_presets() -> list[Preset]:
    """Return every preset that came with the library, by name."""
    return [
        load_preset(path.parent.name)
        for path in sorted(shipped_models_dir().glob(f"*/{CONFIG_FILE}"))
    ]


def presets_by_network() -> dict[str, Preset]:
    """Return the presets by the names of their networks."""
    return {preset.network: preset for preset in list_presets()}


def load_preset(name: str) -> Preset:
    """Read a preset's description.

    Raises:
        WeightsError: there is no such preset, or its description is damaged.
    """
    try:
        path = find_shipped(str(name), CONFIG_FILE)
    except WeightsError as error:
        known = sorted(path.parent.name for path in shipped_models_dir().glob(f"*/{CONFIG_FILE}"))
        raise WeightsError(f"no preset {name!r}; there are: {', '.join(known)}") from error
    try:
        return Preset(name=name, **json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} is damaged ({error}); install deepkoal again") from error


def has_recipe(name: str, kind: str) -> bool:
    """Return whether a preset came with such a recipe, see `load_recipe`."""
    return (shipped_models_dir() / name / f"{kind}.toml").is_file()


def load_recipe(name: str, kind: str = "recipe") -> Recipe:
    """Read how a preset's weights were, or are to be, trained.

    Args:
        name: of the preset.
        kind: `recipe`, or another that it comes with, such as `adversarial`.

    Raises:
        WeightsError: there is no such preset, or it came without that recipe.
        RunError: the recipe is damaged.
    """
    load_preset(name)
    known = {path.stem: path for path in find_shipped(name, CONFIG_FILE).parent.glob("*.toml")}
    if kind not in known:
        raise WeightsError(
            f"{name} has no recipe {kind!r}; it has: {', '.join(sorted(known)) or 'none'}; choose "
            "one of these, or give a .toml file"
        )
    return Recipe.read(known[kind])


def is_preset(start: str | Path) -> bool:
    """Return whether weights to begin with are a preset's rather than those of a file or a run.

    Raises:
        WeightsError: they are neither.
    """
    presets = [preset.name for preset in list_presets()]
    if start not in presets and not Path(start).exists():
        raise WeightsError(
            f"{start}: no such file, and no preset of that name; there are: {', '.join(presets)}"
        )
    return start in presets
