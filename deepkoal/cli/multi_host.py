"""A process that works and one that watches it: JAX ends a process whose fellow hosts are gone."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from deepkoal.cli.console import report


def supervise(work: Callable[[], int], log: Path, explain: Callable[[int], str]) -> int:
    """Do work in a process of its own, and report why where that one ends without a message.

    In C++, JAX aborts a process that has lost the first host, or waits for one that is gone, and
    writes pages about it straight to stderr, past Python. Here these pages go to a file.

    Call it before TensorFlow, JAX or threads are started: the process is forked.

    Args:
        work: returns an exit status, and reports its own errors.
        log: receives what is written past Python to stdout and stderr, as libraries in C++ do.
        explain: from the signal that ended the work to a line.

    Returns:
        The status of the work; 1 where a signal ended it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(theirs)
        threading.Thread(target=_end_with, args=(ours,), daemon=True).start()
        _redirect(log)
        try:
            status = work()
        except Exception:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        if status:
            # At a normal exit JAX would wait for the other hosts, which wait for this one.
            os._exit(status)
        sys.exit(0)
    os.close(ours)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the work reports that it was interrupted
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    _, result = os.waitpid(child, 0)
    if os.WIFSIGNALED(result):
        report(f"{explain(os.WTERMSIG(result))} (more in {log})")
        return 1
    return os.waitstatus_to_exitcode(result)


def _end_with(pipe: int) -> None:
    """End this process when the one that watches it, and holds the pipe's other end, has ended."""
    os.read(pipe, 1)
    os._exit(1)


def _redirect(log: Path) -> None:
    """Send what is written straight to stdout and stderr to a file, but not what Python writes."""
    with log.open("ab") as file:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            kept = os.dup(stream.fileno())
            os.dup2(file.fileno(), stream.fileno())
            setattr(
                sys,
                name,
                os.fdopen(kept, "w", buffering=1, encoding=stream.encoding, errors=stream.errors),
            )
