"""Processes of Keras on JAX, forked off one that has imported everything: importing takes seconds.

That one has computed nothing, so that JAX and TensorFlow may still be started in each of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from quick_jax import VARIABLES

ROOT = Path(__file__).parent.parent


class Job(NamedTuple):
    """A program's source text, its arguments, and what its environment has of its own."""

    code: str
    arguments: tuple[object, ...] = ()
    variables: dict[str, str] = {}  # noqa: RUF012


class JaxForks:
    """Runs jobs in processes forked off one of its own, whose output goes to files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            env={**os.environ, **VARIABLES, "KERAS_BACKEND": "jax", "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *jobs: Job) -> list[tuple[int, str, str]]:
        """Run jobs side by side; return the exit code, stdout and stderr of each."""
        asked, files = [], []
        for code, arguments, variables in jobs:
            self._count += 1
            files.append([self._folder / f"{self._count}.{name}" for name in ("out", "err")])
            asked.append([code, [str(a) for a in arguments], variables, [*map(str, files[-1])]])
        print(json.dumps(asked), file=self._server.stdin, flush=True)
        codes = json.loads(self._server.stdout.readline())
        return [
            (code, out.read_text(), err.read_text())
            for code, (out, err) in zip(codes, files, strict=True)
        ]

    def close(self) -> None:
        """End the process that the others were forked off."""
        self._server.communicate()


def serve() -> None:
    """Fork a process for each job of a line of stdin, and answer with their exit codes."""
    import quick_keras  # noqa: F401
    import tiny_command  # noqa: F401
    import tiny_training  # noqa: F401

    for line in sys.stdin:
        children = []
        for job in json.loads(line):
            child = os.fork()
            if child == 0:
                return run(*job)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(codes), flush=True)
    return None


def run(code: str, arguments: list[str], variables: dict[str, str], files: list[str]) -> None:
    """Do a job in this process, which was forked for it."""
    for stream, file in zip((sys.stdin, sys.stdout, sys.stderr), (os.devnull, *files), strict=True):
        opened = os.open(file, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, stream.fileno())
        os.close(opened)
    os.environ.update(variables)
    sys.argv[1:] = arguments
    exec(compile(code, "<job>", "exec"), {"__name__": "job"})


if __name__ == "__main__":
    serve()
