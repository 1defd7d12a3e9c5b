"""A parser whose refusals say what was probably meant."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

_CHOICE = re.compile(r"invalid choice: '?(?P<given>[^' ]*)'? \(choose from (?P<choices>.*)\)")


class Parser(argparse.ArgumentParser):
    """`argparse.ArgumentParser` with guesses, and without empty arguments."""

    verbs: Any = None
    """Of a program, what `add_subparsers` returned; None of a command."""

    def parse_all(self, argv: Sequence[str]) -> argparse.Namespace:
        """Parse arguments, as `parse_args`, where what is left over is the command's to refuse.

        Raises:
            SystemExit: some cannot be parsed, are unknown or empty; stderr says which.
        """
        for index, argument in enumerate(argv):
            option, _, value = argument.partition("=")
            if not argument or (option.startswith("--") and argument[len(option) :] and not value):
                before = argument.rstrip("=") or " ".join(argv[max(0, index - 1) : index])
                self._find_verb(argv).error(
                    f"argument {index + 1}, after {before!r}, is empty; expected a value (in a "
                    "shell, a variable that is not set gives none)"
                )
        arguments, unknown = self.parse_known_args(argv)
        if unknown:
            verb = self._find_verb(argv)
            guesses = [verb.guess(each) for each in unknown if each.startswith("-")]
            verb.error(f"unrecognized arguments: {' '.join(unknown)}{''.join(guesses[:1])}")
        return arguments

    def guess(self, option: str) -> str:
        """Return in words which of its options was probably meant, or nothing."""
        return _guess(option.partition("=")[0], self._option_string_actions)

    def error(self, message: str) -> NoReturn:
        """Print usage and message, with a guess at the choice that was meant, and exit with 2."""
        found = _CHOICE.search(message)
        if found:
            message += _guess(found["given"], re.findall(r"[\w-]+", found["choices"]))
        super().error(message)

    def _find_verb(self, argv: Sequence[str]) -> Parser:
        named = [] if self.verbs is None else [each for each in argv if each in self.verbs.choices]
        return self.verbs.choices[named[0]] if named else self


def _guess(given: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(given, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""
