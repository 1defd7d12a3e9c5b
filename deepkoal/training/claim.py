"""A run's folder belongs to one network, recipe and set of records, which `run.json` tells."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import keras

import deepkoal
from deepkoal.config import Recipe, RunError
from deepkoal.dataset import Manifest
from deepkoal.runs import RUN_FILE
from deepkoal.training.checkpoints import write_whole


def describe_run(
    network: keras.Model, recipe: Recipe, records: Manifest, validation: Manifest | None
) -> dict[str, Any]:
    """Return what makes one run differ from another, as JSON holds it."""
    description = {
        "network": network.name,
        "parameters": network.count_params(),
        "recipe": dataclasses.asdict(recipe),
        "records": _describe_records(records),
        "validation": _describe_records(validation) if validation else None,
        "version": deepkoal.__version__,
    }
    return dict(json.loads(json.dumps(description)))


def claim_run(run_dir: Path, description: dict[str, Any]) -> None:
    """Make the folder this run's, or make sure that it is.

    Args:
        run_dir: the run's folder, made where there is none.
        description: what `describe_run` returned.

    Raises:
        RunError: the folder belongs to another run, or cannot be read or written.
    """
    path = run_dir / RUN_FILE
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            text = json.dumps(description, indent=2) + "\n"
            write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))
            return
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not isinstance(found.get("recipe", {}), dict):
            raise ValueError(f"{RUN_FILE} is damaged")
    except (OSError, ValueError) as error:
        raise RunError(
            f"{run_dir}: cannot be used as a run's folder ({error}); choose another"
        ) from error
    # A setting that deepkoal did not have when the run began was then as its default is now.
    if "recipe" in found:
        found["recipe"] = {**dataclasses.asdict(Recipe()), **found["recipe"]}
    for key, asked in description.items():
        # The version may change during a run; what it did not write down yet is not compared.
        if key != "version" and found.get(key, asked) != asked:
            raise RunError(
                f"{run_dir} is a run of {found.get('network')} with other {key} "
                f"({_difference(found[key], asked)}); "
                "choose another folder, or the same settings to go on; a finished run is trained "
                "further by another one that begins with its network (--from)"
            )


def _describe_records(manifest: Manifest) -> dict[str, Any]:
    return {"count": manifest.count, **dataclasses.asdict(manifest.settings)}


def _difference(found: Any, asked: Any) -> str:
    if not isinstance(found, dict) or not isinstance(asked, dict):
        return f"{_brief(found)} there, {_brief(asked)} asked"
    return ", ".join(
        f"{name}: {found.get(name)} there, {asked.get(name)} asked"
        for name in {**found, **asked}
        if found.get(name) != asked.get(name)
    )


def _brief(value: Any) -> Any:
    return f"{value.get('count')} photos" if isinstance(value, dict) else value
