"""What a test's cluster colors with: a small module, for every worker imports it."""

import os
import time
from pathlib import Path

from deepkoal.cli.cluster_run import FileColorer


class WaitingColorer(FileColorer):
    """Colors nothing before two nodes are at work, and on one of them nothing until that dies."""

    def color(self, job):
        import ray

        notes, node = Path(os.environ["TEST_NOTES"]), ray.get_runtime_context().get_node_id()
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
