"""The old place of `deepkoal.inference.options_file.ReferenceFile`, for one release."""

from __future__ import annotations

from typing import Any

from deepkoal.deprecation import warn_renamed


def __getattr__(name: str) -> Any:
    """Return the file of a reference by its old module's name."""
    if name != "ReferenceFile":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from deepkoal.inference.options_file import ReferenceFile

    old = "deepkoal.inference.saved_parts.ReferenceFile"
    warn_renamed(old, "deepkoal.inference.options_file.ReferenceFile")
    return ReferenceFile
