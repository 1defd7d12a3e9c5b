"""What a process does with memory it has freed: training keeps it, a server gives it back."""

from __future__ import annotations

import ctypes
import os
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # malloc.h of the GNU C library


def keep_freed_memory() -> bool:
    """Tell the allocator to keep what a step frees for the next step.

    By default glibc returns each large tensor to the kernel, which clears its pages when they are
    asked for again: with TensorFlow on a CPU that is more than half of a training step. Affects
    the whole process; call it before the first step.

    Returns:
        Whether it was done: only the GNU C library has the setting.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1, _M_TOP_PAD: 2**28}
    return all(mallopt(name, value) == 1 for name, value in settings.items())


def return_freed_memory() -> None:
    """Let TensorFlow on a CPU give memory back to the system after a large photo.

    Where it computes with oneDNN, as on most x86 processors, it takes memory for tensors in large
    regions (`BFCAllocator`) and never returns one, so that a process stays as large as the
    largest requests it ever had at a time. This has it take them from the C library, which
    returns large ones at once. Call it before TensorFlow is imported. Someone's own setting of
    the variable is left alone.
    """
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")
