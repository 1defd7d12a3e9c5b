"""The old place of `deepkoal.client.Client`, for one release."""

from __future__ import annotations

from typing import Any

from deepkoal.deprecation import warn_renamed


def __getattr__(name: str) -> Any:
    """Return the client by its old module's name."""
    if name != "Client":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from deepkoal.client import Client

    warn_renamed("deepkoal.serving.client.Client", "deepkoal.client.Client")
    return Client
