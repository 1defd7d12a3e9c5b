"""One film colored by a Ray cluster: its chunks, a shot or more each, are the workers' tasks."""

from __future__ import annotations

import functools
import pickle
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from deepkoal.bulk.cluster import ATTEMPTS, explain_failure
from deepkoal.bulk.worker import use_one_core
from deepkoal.errors import DeepkoalError, VideoError
from deepkoal.inference.colorizer import Colorizer
from deepkoal.video import ChunkTask, color_chunk


def color_chunks_on_cluster(
    tasks: Sequence[ChunkTask], load: Callable[[], Colorizer]
) -> Iterator[int]:
    """Color a film's chunks on the cluster that was joined; see `deepkoal.video.Crew`.

    The film and the folder of its chunks must lie under the same paths on all nodes. A worker or
    node that dies costs the chunk that it has in hand, which another does again.

    Args:
        tasks: a chunk each.
        load: opens what colors; that is sent to the workers.

    Yields:
        Of each chunk that is done, how many frames it has.

    Raises:
        VideoError: a chunk cannot be done, whether by its own fault or by that of workers, which
            died each time. What is done stays.
        DeepkoalError: no worker can be started.
    """
    import ray

    remote: Any = ray.remote(num_cpus=1, max_retries=0)(_color)
    colorizer = ray.put(pickle.dumps(load()))
    waiting = {remote.remote(_root(task), colorizer): (task, 1) for task in tasks}
    try:
        while waiting:
            (ended,), _ = ray.wait(list(waiting))
            task, attempt = waiting.pop(ended)
            try:
                frames, problem = ray.get(ended)
            except ray.exceptions.RayTaskError as error:
                raise explain_failure(error) from error
            except ray.exceptions.RayError as error:  # of a process or node that is no more
                if attempt == ATTEMPTS:
                    raise VideoError(
                        f"{task.film.name}: whatever colored frames from "
                        f"{float(task.chunk.start * task.film.time_base):.1f} s on died, "
                        f"{ATTEMPTS} times over; they may need more memory than a worker has"
                    ) from error
                waiting[remote.remote(_root(task), colorizer)] = task, attempt + 1
                continue
            if problem:
                raise VideoError(problem)
            yield frames
    finally:
        for each in waiting:
            ray.cancel(each, force=True)


def _root(task: ChunkTask) -> ChunkTask:
    """Return a task that is the same wherever a process stands."""
    film = task.film
    assert film.source is not None
    paths = [path.absolute() for path in film.paths]
    folder = None if task.folder is None else task.folder.absolute()
    film = replace(film, source=film.source.absolute(), paths=paths)
    return replace(task, film=film, path=task.path.absolute(), folder=folder)


def _color(task: ChunkTask, colorizer: bytes) -> tuple[int, str]:
    """Color a chunk into its file; return how many frames it has, and what is wrong if it cannot.

    Args:
        task: the chunk's.
        colorizer: what colors, pickled: it is opened once the worker knows that it has one core.
    """
    film, parts = task.film.source, task.path.parent
    assert film is not None
    for path in (film, parts):
        if not path.exists():
            return 0, (
                f"{path}: not on the node {socket.gethostname()}; all nodes need it under the same "
                "path, on a disk that they share"
            )
    try:
        return sum(color_chunk(task, _open(colorizer))), ""
    except DeepkoalError as error:
        return 0, str(error)
    except Exception as error:  # whatever it is, it is the chunk's, and no other worker can do it
        cause = " ".join(str(error).split())
        return 0, f"{film}: cannot be colored ({type(error).__name__}: {cause})"


@functools.lru_cache(maxsize=1)
def _open(colorizer: bytes) -> Colorizer:
    use_one_core()
    opened: Colorizer = pickle.loads(colorizer)
    return opened
