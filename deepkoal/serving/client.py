"""A client of `deepkoal serve` and of TensorFlow Serving: photo bytes in, photo bytes out.

It imports neither TensorFlow nor Keras; over REST, no more than NumPy and the standard library.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

import numpy as np

from deepkoal.config import DeepkoalError
from deepkoal.serving.retrying import retry
from deepkoal.serving.transport import Array, GrpcTransport, RestTransport, Transport

ATTEMPTS = 4
SECONDS = 60.0


class Client:
    """A served model.

    May be used from several threads. To be closed, or used in a `with` statement.

    Args:
        address: `http://HOST:PORT` (or `https://…`) for REST, `grpc://HOST:PORT` for gRPC.
        model: its name on the server.
        version: None for the newest.
        timeout: seconds for each call, all attempts and pauses together.
        attempts: most times a request is sent. It is sent again only where the server cannot be
            reached or has too much to do.

    Raises:
        DeepkoalError: the address is none, or a limit is out of range.
    """

    def __init__(
        self,
        address: str,
        *,
        model: str = "koala-lite",
        version: int | None = None,
        timeout: float = SECONDS,
        attempts: int = ATTEMPTS,
    ) -> None:
        if not (timeout > 0 and attempts >= 1):
            raise DeepkoalError(
                f"timeout must be above 0 and attempts at least 1, not {timeout} and {attempts}"
            )
        self._timeout = timeout
        self._attempts = attempts
        self._transport = _build_transport(address, model, version)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._transport.close()

    def colorize(self, photo_bytes: bytes) -> bytes:
        """Color a photo file.

        Args:
            photo_bytes: a JPEG or PNG file.

        Returns:
            A PNG file, 8-bit RGB, of the photo's size.

        Raises:
            ServingError: a DeepkoalError with a `code`; INVALID_ARGUMENT for a photo that is
                damaged or too large.
        """
        (image_bytes,) = self._predict("serving_default", photo_bytes=_pack(photo_bytes))
        return image_bytes

    def _predict(self, signature: str, **inputs: Array) -> list[bytes]:
        return retry(
            lambda seconds: self._transport.predict(signature, inputs, seconds),
            self._attempts,
            self._timeout,
        )


def _build_transport(address: str, model: str, version: int | None) -> Transport:
    scheme, _, rest = address.partition("://")
    if rest and scheme in ("http", "https"):
        return RestTransport(address, model, version)
    if rest and scheme == "grpc":
        return GrpcTransport(rest, model, version)
    raise DeepkoalError(
        f"expected an address as http://127.0.0.1:8501 or grpc://127.0.0.1:8500, not {address!r}"
    )


def _pack(data: bytes) -> Array:
    packed = np.empty(1, object)
    packed[0] = data
    return packed
