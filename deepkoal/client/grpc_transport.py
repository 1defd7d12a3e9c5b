"""A client's way to a server over TensorFlow Serving's gRPC interface."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deepkoal.client.transport import Array, read_certificates
from deepkoal.client.wire import PREDICT, read_strings, write_request
from deepkoal.errors import DeepkoalError
from deepkoal.serving.errors import ServingError


class GrpcTransport:
    """TensorFlow Serving's gRPC interface.

    Args:
        target: `host:port`.
        model: its name.
        version: None for the newest.
        tls: whether to encrypt.
        verify: True, or a PEM file of certificates to trust instead of the system's.
        headers: sent with each request as gRPC's metadata.

    Raises:
        DeepkoalError: certificates cannot be read, or are not to be checked.
    """

    def __init__(
        self,
        target: str,
        model: str,
        version: int | None,
        tls: bool = False,
        verify: bool | str | Path = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        try:
            import grpc  # here, so that REST does without
        except ModuleNotFoundError as error:
            raise DeepkoalError(
                "gRPC needs grpcio, which is not installed: pip install 'deepkoal[client]'"
            ) from error
        self._grpc = grpc
        self._target = target
        self._model = model
        self._version = version
        self._metadata = [(name.lower(), value) for name, value in (headers or {}).items()]
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.enable_retries", 0),  # they are the client's
        ]
        if tls:
            if verify is False:
                raise DeepkoalError(
                    "gRPC cannot leave certificates unchecked; give the server's as verify"
                )
            roots = None if verify is True else read_certificates(verify)
            credentials = grpc.ssl_channel_credentials(roots)
            self._channel = grpc.secure_channel(target, credentials, options=options)
        else:
            self._channel = grpc.insecure_channel(target, options=options)
        self._call = self._channel.unary_unary(PREDICT)

    def predict(self, signature: str, inputs: Mapping[str, Array], seconds: float) -> list[bytes]:
        """See `Transport`."""
        request = write_request(self._model, self._version, signature, inputs)
        try:
            response = self._call(request, timeout=seconds, metadata=self._metadata)
        except self._grpc.RpcError as error:
            code, message = error.code().name, error.details() or "no reason given"
            if code == "UNAVAILABLE":
                message = f"{self._target}: cannot be reached ({message}); is the server running?"
            if code == "RESOURCE_EXHAUSTED" and "larger than max" in message:
                # gRPC's own refusal of a message, which no later attempt would pass.
                raise ServingError(
                    "INVALID_ARGUMENT",
                    f"the request is too large ({message}); send smaller photos",
                    413,
                ) from error
            raise ServingError(code, message) from error
        (strings,) = read_strings(response).values()
        return strings

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()
