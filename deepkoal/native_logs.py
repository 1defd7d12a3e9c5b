"""What libraries in C++ write straight to the process's stderr, kept off it."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""Environment variable of TensorFlow's: from which level on its C++ parts log, 0 (all) to 3."""

# Of absl's logging (I0000 00:00:1795790457.624 9946 port.cc:153] …), LiteRT's and ONNX Runtime's.
_LOG_LINE = re.compile(
    rb"[IWE]\d{4} [\d:.]+ +\d+ \S+:\d+\]"
    rb"|\d{4}-\d\d-\d\d [\d:.]+: [IWE] \S+:\d+\]"
    rb"|WARNING: All log messages before absl::InitializeLog"
    rb"|To enable the following instructions: "
    rb"|(INFO|WARNING): .*(TensorFlow Lite|LiteRT|XNNPACK)"
    rb"|\S* ?\S* ?\[[IWE]:onnxruntime:"
)


def silence_native_logs() -> contextlib.AbstractContextManager[None]:
    """Keep lines of native logs from stderr; all else that is written there follows at the end.

    Libraries write them whatever their log level is set to: that there is no GPU, for one. What
    really fails is raised as an exception too, and then nothing is kept back. Neither is anything
    where `TF_CPP_MIN_LOG_LEVEL` is 0: that user asked for every line.
    """
    return _divert_stderr(_LOG_LINE)


def silence_stderr() -> contextlib.AbstractContextManager[None]:
    """Keep everything from stderr, likewise: for what logs its every step there."""
    return _divert_stderr(re.compile(b""))


_lock = threading.Lock()
_diverting = False


@contextlib.contextmanager
def _divert_stderr(dropped: re.Pattern[bytes]) -> Iterator[None]:
    """Hold back what the process writes to stderr; give out what does not match at the end.

    stderr is the whole process's: while one thread, or an outer call, holds it back, others leave
    it alone. Two that ended in another order than they began would put back each other's file.
    """
    global _diverting
    with _lock:
        kept = None if _diverting else _open_diversion()
        _diverting = _diverting or kept is not None
    if kept is None:
        yield
        return
    file, original = kept
    failed = True
    try:
        yield
        failed = False
    except KeyboardInterrupt:
        failed = False  # whoever interrupts need not read what led there
        raise
    finally:
        with _lock:
            _flush()
            os.dup2(original, 2)
            os.close(original)
            _diverting = False
        with file:
            file.seek(0)
            for line in file:
                if failed or not dropped.match(line):
                    os.write(2, line)


def _open_diversion() -> tuple[IO[bytes], int] | None:
    """Have stderr written to a file; return it and the real stderr, None where that cannot be."""
    if os.environ.get(LEVEL) == "0":
        return None
    _flush()
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by the caller
    except OSError:  # a full disk is no reason to stop
        return None
    try:
        original = os.dup(2)
    except OSError:  # a service may have closed it
        file.close()
        return None
    os.dup2(file.fileno(), 2)
    return file, original


def _flush() -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
