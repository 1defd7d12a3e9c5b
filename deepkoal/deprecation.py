"""Former names that work for one release, with a warning."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def rename_keywords(**former: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator by which a function takes keywords by their former names, too.

    Args:
        former: for each former name the present one.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*arguments: P.args, **keywords: P.kwargs) -> T:
            for old in former.keys() & keywords.keys():
                warn_renamed(f"{old}=", f"{former[old]}=", stacklevel=3)
                keywords[former[old]] = keywords.pop(old)
            return function(*arguments, **keywords)

        return call

    return decorate


def rename_members(**former: str) -> Callable[[type[T]], type[T]]:
    """Return a decorator by which a class has members by their former names, too.

    Args:
        former: for each former name the present one.
    """

    def decorate(cls: type[T]) -> type[T]:
        for old, new in former.items():
            setattr(cls, old, _find_renamed(old, new))
        return cls

    return decorate


def _find_renamed(old: str, new: str) -> property:
    def find(self: object) -> Any:
        warn_renamed(old, new)
        return getattr(self, new)

    return property(find)


def warn_renamed(old: str, new: str, stacklevel: int = 3) -> None:
    """Warn that a name is a former one.

    Args:
        old: the name used.
        new: the present one.
        stacklevel: of the caller to be named, see `warnings.warn`.
    """
    message = f"{old} is now {new}; the former name goes with the next release"
    warnings.warn(message, DeprecationWarning, stacklevel=stacklevel)
