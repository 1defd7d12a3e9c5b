"""Progress bars, where there is something for them to move on."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")


def can_move() -> bool:
    """Return whether a bar moves on stderr: on a terminal or in a notebook, not in a log file."""
    if sys.stderr is None:
        return False
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def count_photos(
    photos: Iterable[T] | None = None,
    total: int | None = None,
    doing: str | None = None,
    *,
    wanted: bool = True,
    leave: bool = True,
    unit: str = " photos",
) -> tqdm[T]:
    """Return tqdm's bar over photos, which is not drawn where it could not move.

    Args:
        photos: to count as they are iterated; None where the bar's `update` counts them.
        total: of them.
        doing: what is done, before the bar.
        wanted: whether to draw it at all.
        leave: whether it stays when all is done.
        unit: what is counted.
    """
    from tqdm import tqdm  # here, for the sake of a quick --help

    hidden = not (wanted and can_move())
    return tqdm(photos, doing, total, leave=leave, unit=unit, disable=hidden)
