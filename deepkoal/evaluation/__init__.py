"""How well a network colors photos whose true colors are known.

Loaded on first use, so that `deepkoal.evaluation.metrics` needs no Keras. `__init__.pyi` is the one
list of the names.
"""

from typing import Any

from deepkoal.deprecation import warn_renamed
from deepkoal.keras_runtime import attach_stub

_get, __dir__, __all__ = attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "see_photos":
        name = "load_photos"
        warn_renamed("deepkoal.evaluation.see_photos", name)
    return _get(name)
