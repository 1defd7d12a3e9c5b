"""Memory and processor time of a process, on Linux."""

from __future__ import annotations

import os
import re
from pathlib import Path


def read_memory(pid: int, field: str = "VmRSS") -> float:
    """Return a process's memory in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024


def show_memory(pid: int, when: str) -> None:
    """Print a process's memory."""
    print(f"  memory {when}: {read_memory(pid):.0f} MiB, peak {read_memory(pid, 'VmHWM'):.0f} MiB")


def read_busy(pid: int) -> float:
    """Return a process's processor time in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
