"""The command line: commands that parse, print and exit."""

from deepkoal.cli.main import main

__all__ = ["main"]
