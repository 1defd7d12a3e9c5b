"""Errors of requests: gRPC's status codes, HTTP's statuses for them, and their messages."""

from __future__ import annotations

import re
from typing import Literal

from deepkoal.errors import DeepkoalError

Code = Literal[
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
]

# As TensorFlow Serving's http_server.cc maps them. The order is that of the codes' numbers, which
# gRPC and TensorFlow share.
HTTP_STATUS: dict[Code, int] = {
    "OK": 200,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}
CODES: tuple[Code, ...] = tuple(HTTP_STATUS)

_CODE_OF_HTTP: dict[int, Code] = {
    **{HTTP_STATUS[code]: code for code in reversed(CODES)},
    400: "INVALID_ARGUMENT",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    500: "INTERNAL",
}


_GRAPH_PREFIX = "Graph execution error:"
_ASSERTION = re.compile(r"assertion failed: \[(.*)\]")
_DECODER = re.compile(r"Invalid (JPEG|PNG)\b")
_SURROGATE = re.compile("[\ud800-\udfff]")


class ServingError(DeepkoalError):
    """A request that failed.

    Args:
        code: gRPC's name of the failure.
        message: one line for whoever sent the request.
        http_status: HTTP's status, where it is more precise than `HTTP_STATUS[code]`, as 413.
        retry_seconds: when to ask again, where that may help: HTTP's Retry-After.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        http_status: int | None = None,
        *,
        retry_seconds: int | None = None,
    ) -> None:
        super().__init__(printable(message))
        self.code = code
        self.http_status = HTTP_STATUS[code] if http_status is None else http_status
        is_passing = code in ("RESOURCE_EXHAUSTED", "UNAVAILABLE")
        self.retry_seconds = 1 if retry_seconds is None and is_passing else retry_seconds


def code_of_http_status(status: int) -> Code:
    """Return the code of an HTTP status; UNKNOWN where there is none."""
    return _CODE_OF_HTTP.get(status, "UNKNOWN")


def printable(text: str) -> str:
    """Return text that can be encoded as UTF-8: each lone surrogate becomes U+FFFD.

    Python decodes a file name that is not UTF-8 with surrogates in the place of its odd bytes.
    """
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def is_model_name(name: str) -> bool:
    """Return whether a request can name a model so: as a part of a URL's path, and in UTF-8."""
    return name not in ("", ".", "..") and not {"/", ":"} & set(name) and printable(name) == name


def summarize_graph_error(message: str) -> str:
    """Return the cause of a failed graph in one line.

    Args:
        message: TensorFlow's. Below its first line it lists nodes of the graph. The data of
            `tf.debugging.Assert` come as `assertion failed: [message] [value] …`, and decoders
            write of their data.

    Returns:
        Of an assertion the message and its values, of a decoder that a file is damaged, of all
        else the first line; empty for an empty message.
    """
    lines = message.removeprefix(_GRAPH_PREFIX).strip().splitlines()
    line = lines[0] if lines else ""
    if asserted := _ASSERTION.fullmatch(line):
        text, *values = asserted[1].split("] [")
        return f"{text}: {', '.join(values)}" if values else text
    if refused := _DECODER.search(line):
        return (
            f"the {refused[1]} file is cut short or damaged; send it again, or save it anew in a "
            "picture editor"
        )
    return line
