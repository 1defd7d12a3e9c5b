"""Why a graph could not answer, in words for whoever sent the request."""

from __future__ import annotations

import re

_HEAD = "Graph execution error:"
_ASSERTION = re.compile(r"assertion failed: \[(.*)\]")
_DECODER = re.compile(r"Invalid (JPEG|PNG)\b")


def name_cause(message: str) -> str:
    """Return a line that tells what an op said.

    Args:
        message: TensorFlow's. Below its first line it lists nodes of the graph. What
            `tf.debugging.Assert` was given comes as `assertion failed: [message] [value] …`, and
            decoders speak of their data.

    Returns:
        Of an assertion the message and its values, of a decoder that a file is damaged, of all
        else the first line; empty where nothing was said.
    """
    lines = message.removeprefix(_HEAD).strip().splitlines()
    line = lines[0] if lines else ""
    if asserted := _ASSERTION.fullmatch(line):
        said, *values = asserted[1].split("] [")
        return f"{said}: {', '.join(values)}" if values else said
    if refused := _DECODER.search(line):
        return (
            f"the {refused[1]} file is cut short or damaged; send it again, or save it anew in a "
            "picture editor"
        )
    return line
