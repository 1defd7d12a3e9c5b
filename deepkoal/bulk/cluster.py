"""A Ray cluster at work on items: what a lost worker or node had in hand is done again."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from deepkoal.bulk.items import BulkItem, BulkOutcome
from deepkoal.bulk.storage import Storage
from deepkoal.bulk.worker import BulkWorker, Colorer, Errand
from deepkoal.errors import DeepkoalError, needs_extra

BLOCK = 64
"""Items of a block, at most: what a worker is given at a time, and loses if it dies."""
SHARES = 8
"""Blocks that each worker gets at least, where there are items enough, so that all end together."""
ATTEMPTS = 4
"""At an item whose worker died: the first in a block, the others by itself."""


@contextlib.contextmanager
def join_cluster(address: str | None = None) -> Iterator[int]:
    """Connect to a Ray cluster, and leave it at the end.

    Args:
        address: of its head, `HOST:PORT`, or `ray://HOST:PORT` for one that is reached through
            its client port. Where None: RAY_ADDRESS, or the cluster that runs on this machine, or
            else one that is started here and ends with the block.

    Returns:
        A context of how many cores it has.

    Raises:
        DeepkoalError: there is no such cluster, or Ray is not installed.
    """
    # Ray's own processes would note each lost worker on stderr; what was lost is done again.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # or Ray would send them over the network
    with needs_extra("a cluster", "cluster"):
        import ray
        import ray.data
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    # Ray prints what it has to say of lost nodes on stdout, which is for results, and has no
    # setting for it; its own debugger silences it so.
    vars(ray._private.worker)["_worker_logs_enabled"] = False
    is_joined = ray.is_initialized()
    if not is_joined:
        try:
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                namespace="deepkoal",
            )
        except Exception as error:  # Ray raises many kinds, also for another version of Python
            where = address or "this machine"
            raise DeepkoalError(
                f"{where}: no Ray cluster can be joined there ({_shorten(error)}); start one with "
                "ray start --head, with the same versions of Python and Ray as here"
            ) from error
    try:
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        cores = int(resources.get("CPU", 0))
        if cores < 1:
            raise DeepkoalError(
                "the Ray cluster has no processors to give; add nodes, or start Ray with --num-cpus"
            )
        yield cores
    finally:
        if not is_joined:
            ray.shutdown()


def color_items(
    items: Sequence[BulkItem],
    sources: Sequence[Storage],
    target: Storage,
    colorer: Colorer,
    cores: int,
) -> Iterator[BulkOutcome]:
    """Color items on the cluster that was joined, and yield what became of each, as it comes.

    Each item comes once. A worker or node that dies costs what it has in hand, which others do
    again, one item at a time: an item at which workers die every time is given up.

    Args:
        items: to color.
        sources: folders that they are below.
        target: folder of their results.
        colorer: is sent to the workers.
        cores: of the cluster now; one that grows is used as it grows.

    Raises:
        DeepkoalError: no worker can be started.
    """
    for item in items:
        if item.refusal:
            yield BulkOutcome(item.number, error=item.refusal)
    items = [item for item in items if not item.refusal]
    if not items:
        return
    if target.folder is not None:
        target.folder.mkdir(parents=True, exist_ok=True)
    errand = Errand(tuple(sources), target, pickle.dumps(colorer), time.time_ns())
    missing = {item.number: item for item in items}
    size = max(1, min(BLOCK, len(items) // (SHARES * cores)))
    failure: Exception | None = None
    for attempt in range(ATTEMPTS):
        before = len(missing)
        try:
            for outcome in _color_once(list(missing.values()), errand, cores, size):
                if missing.pop(outcome.number, None) is not None:
                    yield outcome
        except DeepkoalError:
            raise
        except Exception as error:  # whatever Ray raises; what is missing says how bad it is
            failure = error
        if not missing:
            return
        if len(missing) == before and failure is not None and attempt:
            raise explain_failure(failure) from failure
        size = 1
    for item in missing.values():
        name = sources[item.source].name(item.path)
        error_text = (
            f"{name}: whatever worked at it died, {ATTEMPTS} times over; it may need more memory "
            "than a worker has: color it by itself"
        )
        yield BulkOutcome(item.number, error=error_text)


def _color_once(
    items: Sequence[BulkItem], errand: Errand, cores: int, size: int
) -> Iterator[BulkOutcome]:
    """Yield outcomes of items in blocks of `size`; those of lost workers are lacking."""
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_errored_blocks = -1  # a lost block is missed by `color_items`
    films = [item for item in items if item.is_film]
    photos = [item for item in items if not item.is_film]
    wanted = [(films, len(films)), (photos, -(-len(photos) // size))]
    parts = [
        ray.data.from_items(
            [{"item": pickle.dumps(item)} for item in part], override_num_blocks=blocks
        )
        for part, blocks in wanted
        if part
    ]
    dataset = parts[0] if len(parts) == 1 else parts[0].union(parts[1])
    dataset.set_name("deepkoal-colorize")
    pool = ray.data.ActorPoolStrategy(
        min_size=1,
        initial_size=min(cores, sum(blocks for _, blocks in wanted)),
        max_size=max(cores, 1_000_000),
        max_tasks_in_flight_per_actor=2 if size > 1 else 1,
    )
    with warnings.catch_warnings():
        # Ray 2.64 shall not take the last two, but names nothing instead; setup.cfg stops before.
        warnings.simplefilter("ignore")
        colored: Any = dataset.map_batches(
            BulkWorker,
            fn_constructor_args=(errand,),
            batch_size=None,
            batch_format="pyarrow",
            compute=pool,
            num_cpus=1,
            # A worker that died begins anew, with other blocks; Ray would repeat one for ever.
            max_restarts=-1,
            max_task_retries=0,
        )
    for table in colored.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        for outcome in table["item"].to_pylist():
            yield pickle.loads(outcome)


def explain_failure(failure: Exception) -> DeepkoalError:
    """Return what is to be said of what Ray raised because its workers cannot even begin."""
    return DeepkoalError(
        f"the cluster's workers do not work ({_shorten(failure)}); each node needs the same "
        "versions of deepkoal and its extras as here"
    )


def _shorten(error: BaseException) -> str:
    """Return the last line of what Ray raised, which is the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
