"""What a process takes of its machine: cores, and memory it has freed, kept or given back."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterator

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # glibc's malloc.h
_KEEP = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1}


_most_cores: int | None = None


def limit_cores(count: int) -> None:
    """Have `count_cores` return `count` at most, before anything here has asked it.

    For one of many processes on a machine: a container's share shows in no other way.
    """
    global _most_cores
    _most_cores = count


def count_cores() -> int:
    """Return how many cores this process may use, which may be fewer than the machine has."""
    # No such thing on macOS.
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(found or 1, _most_cores or sys.maxsize)


_blas_lock = threading.Lock()
_blas_users = 0
_blas_limits: contextlib.ExitStack | None = None


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Have NumPy multiply matrices with one thread, in all of the process, while this lasts.

    For work that threads share already: OpenBLAS's own wait for their next product in a loop that
    takes a core's whole time, and of several products at once all but one wait. Needs
    threadpoolctl; without it nothing changes.
    """
    global _blas_users, _blas_limits
    with _blas_lock:
        if not _blas_users:
            _blas_limits = contextlib.ExitStack()
            with contextlib.suppress(ImportError):
                from threadpoolctl import threadpool_limits

                _blas_limits.enter_context(threadpool_limits(1, "blas"))
        _blas_users += 1
    try:
        yield
    finally:
        with _blas_lock:
            _blas_users -= 1
            if not _blas_users and _blas_limits is not None:
                _blas_limits.close()


def keep_freed_memory() -> bool:
    """Tell the allocator to keep what a step frees for the next step, or a photo for the next.

    By default glibc returns each large array to the kernel, which clears its pages when they are
    asked for again: with TensorFlow on a CPU that is more than half of a training step, and a tenth
    of a photo's coloring. Affects the whole process; call it before the first step.

    Returns:
        Whether it was done: only the GNU C library has the setting.
    """
    return _set_options(_KEEP | {_M_TOP_PAD: 2**28})


def make_memory_returnable() -> bool:
    """Have the memory of tensors in the C library's heap, which `return_freed_memory` can shrink.

    Where TensorFlow computes with oneDNN, as on most x86 processors, it takes memory for tensors
    on a CPU in large regions (`BFCAllocator`) and never returns one, so that a process stays as
    large as the largest requests that it ever had at a time. Here the C library has the memory,
    and keeps what is freed until told otherwise: returned at once, it would cost a large photo
    nearly twice the processor time. Affects the whole process; call it before TensorFlow is
    imported. Someone's own setting of TF_ONEDNN_USE_SYSTEM_ALLOCATOR is left alone.

    Returns:
        Whether freed memory is kept: other C libraries than GNU's return it when they please.
    """
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")
    return _set_options(_KEEP)


def return_freed_memory() -> None:
    """Give what is free back to the system, wherever in the heap it lies.

    Takes up to half a second, in which other threads wait for memory.
    """
    if (trim := _find("malloc_trim")) is not None:
        trim(0)


def _set_options(options: dict[int, int]) -> bool:
    mallopt = _find("mallopt")
    return mallopt is not None and all(mallopt(*option) == 1 for option in options.items())


def _find(function: str) -> ctypes._NamedFuncPointer | None:
    """Return a function of the GNU C library, None where there is another."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), function, None)
