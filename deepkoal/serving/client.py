"""The old place of `deepkoal.client.Client`, for one release."""

from __future__ import annotations

import warnings
from typing import Any


def __getattr__(name: str) -> Any:
    """Return the client by its old module's name."""
    if name != "Client":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from deepkoal.client import Client

    warnings.warn(
        "deepkoal.serving.client.Client is now deepkoal.client.Client",
        DeprecationWarning,
        stacklevel=2,
    )
    return Client
