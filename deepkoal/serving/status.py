"""How a request can fail: gRPC's status codes, and the HTTP statuses that stand for them."""

from __future__ import annotations

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


class ServingError(DeepkoalError):
    """A request that was not answered.

    Args:
        code: gRPC's name of what happened.
        message: one line for whoever sent the request.
        http_status: what HTTP says more precisely than `HTTP_STATUS[code]`, as 413.
    """

    def __init__(self, code: Code, message: str, http_status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = HTTP_STATUS[code] if http_status is None else http_status


def read_http_status(status: int) -> Code:
    """Return the code that an HTTP status stands for; UNKNOWN where none does."""
    return _CODE_OF_HTTP.get(status, "UNKNOWN")
