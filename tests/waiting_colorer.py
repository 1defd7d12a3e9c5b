"""What a test's cluster colors with: a small module, for every worker imports it."""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from video_parts import PlainBackend

from deepkoal.cli.photo_runs.cluster_run import FileColorer


@dataclass
class WaitingColorer(FileColorer):
    """Colors nothing before two nodes are at work, and on one of them nothing until that dies."""

    notes: Path = Path()

    def color(self, job):
        import ray

        notes, node = self.notes, ray.get_runtime_context().get_node_id()
        (notes / f"node-{node}").touch()
        wait(lambda: len(list(notes.glob("node-*"))) >= 2)
        wait(lambda: not (notes / f"victim-{node}").exists())
        (notes / f"begun-{job.source.name}-{time.time_ns()}").touch()
        return super().color(job)


def wait(is_so, seconds=400):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


class MortalBackend(PlainBackend):
    """Notes how many frames it saw at once; the first worker that sees any dies of it."""

    def __init__(self, notes):
        super().__init__()
        self.notes, self.home = notes, os.getpid()

    def predict(self, l_norm):
        if os.getpid() != self.home:
            (self.notes / f"saw-{len(l_norm)}-{time.time_ns()}").touch()
            with contextlib.suppress(FileExistsError):
                (self.notes / "died").touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(l_norm)
