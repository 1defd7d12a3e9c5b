"""Photos a second in training, the same step fed from memory, and where its time goes.

    python benchmarks/training.py RECORDS [--presets P …] [--ways W …] [--precisions P …]
        [--batch-size N] [--size N] [--steps N] [--rounds N] [--profile]

A way is tensorflow (its graph), xla (the same compiled by XLA) or jax. Each row is a process of its
own, which builds the step that `deepkoal train` takes by the preset's recipe, and feeds it by turns
from memory, with one batch again and again, and from the records. "pipeline" reads without
training. For koala one more row computes the embeddings of each batch anew instead of reading
them; where RECORDS hold none, the photos get embeddings of random numbers, which cost as much to
read. --profile prints a second table: the parts of a step on a batch in memory, by the difference
that each makes.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from step_parts import time_parts

WAYS = {"tensorflow": "TensorFlow, graph", "xla": "TensorFlow, XLA", "jax": "JAX"}
EMBEDDED = 512
"""Photos that get embeddings of random numbers where the records hold none."""


@dataclasses.dataclass(frozen=True)
class Case:
    """What one row measures."""

    preset: str
    way: str
    precision: str
    recompute: bool
    records: str
    batch_size: int | None
    size: int | None
    steps: int
    rounds: int
    profile: bool


def main() -> None:
    """Measure each case in a process of its own, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("records")
    parser.add_argument("--presets", nargs="+", default=["koala-lite", "koala", "pix2pix"])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--precisions", nargs="+", default=["float32", "mixed_bfloat16"])
    parser.add_argument("--batch-size", type=int, help="instead of the recipe's")
    parser.add_argument("--size", type=int, help="instead of the recipe's")
    parser.add_argument("--steps", type=int, default=12, help="a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = vars(parser.parse_args())
    case = arguments.pop("case")
    if case is not None:
        print(json.dumps(measure(Case(**json.loads(case)))))
        return
    with tempfile.TemporaryDirectory() as folder:
        embedded = None
        if "koala" in arguments["presets"]:
            embedded = embed_randomly(arguments["records"], Path(folder))
        cases = list(list_cases(arguments, embedded))
        print_tables(cases, arguments["profile"])


def list_cases(arguments: dict[str, Any], embedded: str | None) -> Iterator[Case]:
    """List the rows: all combinations, and koala's embeddings anew in the first precision."""
    presets, ways, precisions = (arguments.pop(name) for name in ("presets", "ways", "precisions"))
    for preset in presets:
        settings = {**arguments, "records": embedded if preset == "koala" else arguments["records"]}
        for precision in precisions:
            for way in ways:
                yield Case(preset, way, precision, recompute=False, **settings)
                if preset == "koala" and precision == precisions[0]:
                    yield Case(preset, way, precision, recompute=True, **settings)


def embed_randomly(records: str, folder: Path) -> str:
    """Return records with embeddings: those given, or a copy of some of their photos with noise."""
    import tensorflow as tf

    from deepkoal.data import load_manifest, prepare
    from deepkoal.data.records.example import parse_photo

    manifest = load_manifest(records)
    if manifest.settings.embedding_dim is not None:
        return records
    photos = folder / "photos"
    photos.mkdir()
    shards = [str(Path(records) / shard.name) for shard in manifest.shards]
    for number, record in enumerate(tf.data.TFRecordDataset(shards).take(EMBEDDED)):
        (photos / f"{number:04d}.jpg").write_bytes(parse_photo(record)["jpeg"].numpy())

    class RandomEmbedder:
        identity, dim, input_size = "random", 1000, 32

        def __call__(self, l_norm: np.ndarray) -> np.ndarray:
            return np.random.default_rng(0).standard_normal((len(l_norm), self.dim))

    prepare(photos, folder / "records", size=manifest.settings.size, embedder=RandomEmbedder())
    return str(folder / "records")


def print_tables(cases: list[Case], profile: bool) -> None:
    """Run the cases one after the other; print a row of figures as each is done."""
    print(f"{os.cpu_count()} processors, load before {os.getloadavg()[0]:.1f}\n")
    print("| preset | batch | on | precision | from memory | from records | share | pipeline |")
    print("|---|---|---|---|---:|---:|---:|---:|")
    parts = []
    for case in cases:
        backend = "jax" if case.way == "jax" else "tensorflow"
        done = subprocess.run(
            [sys.executable, __file__, case.records, "--case", json.dumps(vars(case))],
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found = json.loads(done.stdout.splitlines()[-1])
        name = f"{case.preset}{', embeddings anew' if case.recompute else ''}"
        head = f"| {name} | {found['batch']} | {WAYS[case.way]} | {case.precision} |"
        memory, fed, alone = (found[key] for key in ("memory", "records", "alone"))
        rates = f"{memory:.1f}/s | {fed:.1f}/s | {fed / memory:.1%} | {alone:.0f}/s"
        print(f"{head} {rates} |", flush=True)
        if profile:
            parts.append((head, found["parts"]))
    if parts:
        names = list(parts[0][1])
        print(f"\n| preset | batch | on | precision | {' | '.join(names)} |")
        print(f"|---|---|---|---|{'---:|' * len(names)}")
        for head, ends in parts:
            whole = ends["optimizer"]
            seconds = np.diff([0.0, *ends.values()])
            cells = [f"{1000 * s:.0f} ms, {s / whole:.0%}" for s in seconds]
            print(f"{head} {' | '.join(cells)} |")


def measure(case: Case) -> dict[str, Any]:
    """Return photos a second, and the seconds of a step's parts where they are asked for."""
    import keras
    import tensorflow as tf

    from deepkoal.color import ab_bins
    from deepkoal.data import stay_on_processor, training_batches
    from deepkoal.guidance import DecodingConfig
    from deepkoal.memory import keep_freed_memory
    from deepkoal.models.embedder import SemanticEmbedder
    from deepkoal.pretrained.networks import build_untrained
    from deepkoal.pretrained.presets import load_recipe
    from deepkoal.pretrained.run_dir import PRIOR_FILE
    from deepkoal.training.compilation import compile_task
    from deepkoal.training.task import ColorizationTask

    stay_on_processor()
    keep_freed_memory()
    recipe = load_recipe(case.preset).replace(
        batch_size=case.batch_size, size=case.size, precision=case.precision
    )
    embedder = None
    if case.recompute:  # random weights cost what ImageNet's do
        embedder = SemanticEmbedder.inception_resnet_v2(weights=None)
    network = build_untrained(case.preset, embedder=embedder, precision=case.precision)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / PRIOR_FILE, np.full(len(ab_bins()), 1 / len(ab_bins())))
        task = compile_task(network, recipe, DecodingConfig(), Path(folder), Path(case.records))
    optimizer = task.optimizer
    if case.recompute:
        task = ColorizationTask(network, task.color_losses, task.decoding, task.degrade)
    task.compile(optimizer, jit_compile=case.way != "tensorflow")
    stream = training_batches(
        case.records,
        batch_size=recipe.batch_size,
        size=recipe.size,
        with_embedding=case.preset == "koala" and not case.recompute,
    )
    batch = next(iter(stream))
    memory = tf.data.Dataset.from_tensors(batch).repeat()
    seconds: dict[str, list[float]] = {"memory": [], "records": []}
    for _ in range(case.rounds):
        for name, batches in (("memory", memory), ("records", stream)):
            ends: list[float] = []

            def note(_: int, logs: dict[str, Any], ends: list[float] = ends) -> None:
                float(logs["loss"])  # waits for the step, as a progress bar does
                ends.append(time.perf_counter())

            task.fit(
                batches,
                steps_per_epoch=case.steps,
                verbose=0,
                shuffle=False,
                callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=note)],
            )
            # The first steps compile, and the records fill a buffer meanwhile.
            seconds[name].extend(np.diff(ends)[2:])
    found: dict[str, Any] = {
        name: recipe.batch_size / float(np.median(steps)) for name, steps in seconds.items()
    }
    found["alone"] = time_pipeline(stream, case.steps * recipe.batch_size)
    found["batch"] = f"{recipe.batch_size} × {recipe.size}²"
    if case.profile:
        whole = float(np.median(seconds["memory"]))
        found["parts"] = {**time_parts(task, batch, case.way, 3 * case.rounds), "optimizer": whole}
    return found


def time_pipeline(stream: Any, photos: int) -> float:
    """Return photos a second of reading, decoding and cropping alone, once it runs."""
    batches = iter(stream)
    taken = len(next(batches)["rgb"])
    start, count = time.perf_counter(), 0
    while count < photos:
        next(batches)
        count += taken
    return count / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
