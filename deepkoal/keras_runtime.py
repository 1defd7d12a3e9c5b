"""Keras is started here: late, quietly, and never in a process that was forked after it ran."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import lazy_loader

from deepkoal.errors import DeepkoalError
from deepkoal.native_logs import LEVEL, silence_native_logs

UNNEEDED = ("jax", "matplotlib.pyplot", "pandas")
"""What TensorFlow and Keras import wherever it is installed, for functions that no command calls.

JAX is left out only where `KERAS_BACKEND` says TensorFlow.
"""

_state = {"forked": False, "hurried": False}


def hurry() -> None:
    """Import Keras as this process's own: in half the time, which a program may not want.

    What exists by then is never looked at for garbage again, and Keras takes no data frames.
    """
    _state["hurried"] = True


def start_keras() -> None:
    """Import Keras and start its backend, without what native libraries log of that.

    Raises:
        DeepkoalError: as `refuse_forked`.
    """
    refuse_forked()
    if "keras" not in sys.modules:
        os.environ.setdefault(LEVEL, "2")
        with _importing():
            import keras  # noqa: F401
    if sys.modules["keras"].backend.backend() == "tensorflow":
        start_tensorflow()


def start_tensorflow() -> None:
    """Import TensorFlow and let it find its devices, likewise.

    Raises:
        DeepkoalError: as `refuse_forked`.
    """
    refuse_forked()
    if not _state.get("tensorflow"):
        os.environ.setdefault(LEVEL, "2")
        with _importing():
            import tensorflow

            tensorflow.config.list_physical_devices()
        _state["tensorflow"] = True


@contextlib.contextmanager
def _importing() -> Iterator[None]:
    """Keep native logs from stderr, and the garbage collector from what is being imported.

    That is a million objects that stay, and no garbage: looking through them again and again is a
    fifth of the time that importing takes, and slows down whatever follows.
    """
    collects = gc.isenabled()
    gc.disable()
    left_out = _list_left_out() if _state["hurried"] else []
    sys.modules.update(dict.fromkeys(left_out))  # type: ignore[arg-type]  # which refuses them
    try:
        with silence_native_logs():
            yield
    finally:
        for name in left_out:
            del sys.modules[name]
        if _state["hurried"]:
            gc.freeze()
        if collects:
            gc.enable()


def _list_left_out() -> list[str]:
    chosen = os.environ.get("KERAS_BACKEND")
    return [n for n in UNNEEDED if n not in sys.modules and (n != "jax" or chosen == "tensorflow")]


def refuse_forked() -> None:
    """Make sure that Keras did not run before this process was forked off another.

    The threads of its backend do not live on in a forked process, which then waits for them
    without end.

    Raises:
        DeepkoalError: it did.
    """
    if _state["forked"]:
        raise DeepkoalError(
            "Keras ran before this process was forked, and would hang in it; start processes "
            'with multiprocessing.get_context("spawn"), or color on the litert or onnx backend, '
            "which may be forked"
        )


def attach_stub(
    package: str, file: str, *, tensorflow: bool = False
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `lazy_loader.attach_stub`, for a package whose names need Keras.

    Args:
        package: its name.
        file: its `__init__.py`, beside the stub.
        tensorflow: whether they need TensorFlow, whatever Keras runs on.
    """
    load, listing, names = lazy_loader.attach_stub(package, file)

    def load_quietly(name: str) -> Any:
        if name in names:
            start_keras()
            if tensorflow:
                start_tensorflow()
        return load(name)

    return load_quietly, listing, names


def _note_fork() -> None:
    _state["forked"] = _state["forked"] or _has_run()


def _has_run() -> bool:
    """Return whether Keras's backend has computed anything: imported alone it may be forked."""
    keras = sys.modules.get("keras")
    if keras is None:
        return False
    context = sys.modules.get("tensorflow.python.eager.context")
    try:
        if keras.backend.backend() == "jax":
            return bool(sys.modules["jax._src.xla_bridge"].backends_are_initialized())
        if keras.backend.backend() != "tensorflow":
            return True
        current = context.context_safe()  # type: ignore[union-attr]
        return current is not None and current._context_handle is not None
    except (AttributeError, KeyError):  # none of this is promised by TensorFlow and JAX
        return True


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_note_fork)
