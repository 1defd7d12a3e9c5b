"""Messages of the library in the words of somebody who sees a page, not a command line.

The library tells what a file starts with and which of its options to raise. The page has neither
bytes nor options, so that both are left out, and what to do is said as it is done here.
"""

from __future__ import annotations

import re

_BYTES = r"b'(?:[^'\\]|\\.)*'|b\"(?:[^\"\\]|\\.)*\""
_REWRITES = (
    (
        rf"not a picture this version reads \(starts with (?:{_BYTES})(?:, ([^()]*))?\); "
        r"expected ([^:;]*):.*",
        lambda found: (
            f"no picture that the studio reads{f' but {found[1]}' if found[1] else ''}; "
            f"save it as one of {found[2]}"
        ),
    ),
    (
        r"(\d+)×(\d+) pixels are more than the limit of ([\d,]+);.*",
        lambda found: (
            f"{found[1]}×{found[2]} pixels are more than the {found[3]} that the studio takes; "
            "scale it down"
        ),
    ),
    (
        r"^.* need a network that predicts a distribution.*",
        lambda found: (
            "this studio was started with a network that knows one color for each place; "
            "variations, palettes and doubts need the usual one, koala-lite"
        ),
    ),
)
_TECHNICAL = re.compile(
    rf" ?\((?:[^()]*)(?:{_BYTES}|--\w|max_pixels|deepkoal\.|Pillow|0x)(?:[^()]*)\)"
)
_CLAUSES = re.compile(r"[;,] (?:or )?[^;,]*(?:--\w|max_pixels|deepkoal[. ]\w|dk\.)[^;,]*")


def reword(message: str) -> str:
    """Return a message without bytes, options of commands and names of functions."""
    for pattern, words in _REWRITES:
        message = re.sub(pattern, words, message, count=1, flags=re.DOTALL)
    message = _TECHNICAL.sub("", message)
    message = _CLAUSES.sub("", message)
    return re.sub(_BYTES, "something else", message)
