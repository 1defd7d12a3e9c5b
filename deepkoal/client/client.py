"""A client of `deepkoal serve` and of TensorFlow Serving: photo bytes in, photo bytes out.

It imports neither TensorFlow nor Keras.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from deepkoal.client.grpc_transport import GrpcTransport
from deepkoal.client.requests import ColorRequest, check_numbers, pack_file
from deepkoal.client.rest_transport import RestTransport
from deepkoal.client.transport import Array, ServedModel, Transport, retry
from deepkoal.errors import DeepkoalError
from deepkoal.serving.errors import is_model_name

if TYPE_CHECKING:
    from deepkoal.hints import AnyHint

ATTEMPTS = 4
SECONDS = 60.0


class Client:
    """A served model.

    May be used from several threads. Connections are kept alive between calls: close it, or use it
    in a `with` statement.

    Args:
        address: `http://HOST:PORT` (or `https://…`) for REST, `grpc://HOST:PORT` (or `grpcs://…`)
            for gRPC.
        model: its name on the server.
        version: None for the newest.
        timeout: seconds for each call, all attempts and pauses together.
        attempts: most times a request is sent. It is sent again only where the server cannot be
            reached or has too much to do.
        verify: with `https` and `grpcs`, how the server's certificate is checked: True by the
            authorities that the system trusts, or a PEM file of others instead. False checks
            nothing (`https` only).
        headers: sent with each request, as `{"Authorization": "Bearer …"}`.

    Raises:
        DeepkoalError: the address, the model's name or version is none, certificates cannot be
            read, or a limit is out of range.
    """

    def __init__(
        self,
        address: str,
        *,
        model: str = "koala-lite",
        version: int | None = None,
        timeout: float = SECONDS,
        attempts: int = ATTEMPTS,
        verify: bool | str | Path = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if not (timeout > 0 and attempts >= 1):
            raise DeepkoalError(
                f"timeout must be above 0 and attempts at least 1, not {timeout} and {attempts}"
            )
        if not is_model_name(model):
            raise DeepkoalError(
                f"expected a model's name, which has text without / and :, not {model!r}"
            )
        check_numbers(whole=True, version=version)
        self._timeout = timeout
        self._attempts = attempts
        served = ServedModel(address, model, version, verify=verify, headers=headers or {})
        self._transport = _build_transport(served)

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
        """Close the connections."""
        self._transport.close()

    def colorize(
        self,
        photo_bytes: bytes,
        *,
        hints: Sequence[AnyHint] = (),
        palette: str = "",
        vibrance: float | None = None,
        reference: bytes = b"",
        detail: int | None = None,
        format: str = "",
        quality: int | None = None,
    ) -> bytes:
        """Color a photo file and return it.

        A reference and WebP are for what `deepkoal serve` runs on LiteRT or ONNX. A SavedModel that
        was exported by an earlier version takes plain points, a palette and a vibrance.

        Args:
            photo_bytes: a photo file; JPEG or PNG for a SavedModel.
            hints: of any kind, on the upright photo.
            palette: name of one that came with the library; empty for none.
            vibrance: 0.2…5; that of the export where None.
            reference: a color photo's file, whose colors like things take; empty for none.
            detail: the working size in pixels, 32…1024; the preset's own where None.
            format: of the result, `png`, `jpeg` or `webp`; PNG where empty.
            quality: of JPEG and WebP, 1…100; the server's own where None.

        Returns:
            A file of the photo's size.

        Raises:
            ServingError: a DeepkoalError with a `code`; INVALID_ARGUMENT for a photo that is
                damaged or too large, and for what this model does not take.
            DeepkoalError: a hint is none, a mask has another shape than the photo, or a value is of
                another type, as a path instead of a file's bytes.
        """
        request = ColorRequest(hints, palette, vibrance, reference, detail, format, quality)
        signature, inputs = request.write(photo_bytes)
        (image_bytes,) = self._predict(signature, **inputs)
        return image_bytes

    def variations(self, photo_bytes: bytes, count: int = 4, seed: int = 0) -> list[bytes]:
        """Color a photo file in several plausible ways and return them.

        Args:
            photo_bytes: a JPEG or PNG file.
            count: how many, 1…16.
            seed: of the choice, from 0 up.

        Returns:
            PNG files, most likely first; the first is that of `colorize`.

        Raises:
            ServingError: as `colorize`.
        """
        check_numbers(whole=True, count=count, seed=seed)
        photo = pack_file(photo_bytes, "a photo")
        numbers = {"count": np.asarray([count], np.int32), "seed": np.asarray([seed], np.int32)}
        return self._predict("variations", photo_bytes=photo, **numbers)

    def _predict(self, signature: str, **inputs: Array) -> list[bytes]:
        return retry(
            lambda seconds: self._transport.predict(signature, inputs, seconds),
            self._attempts,
            self._timeout,
        )


def _build_transport(served: ServedModel) -> Transport:
    scheme, _, rest = served.address.partition("://")
    served = replace(served, tls=scheme.endswith("s"))
    if rest and scheme in ("http", "https"):
        return RestTransport(served)
    if rest and scheme in ("grpc", "grpcs"):
        return GrpcTransport(replace(served, address=rest))
    raise DeepkoalError(
        "expected an address as http://127.0.0.1:8501 or grpc://127.0.0.1:8500, not "
        f"{served.address!r}"
    )
