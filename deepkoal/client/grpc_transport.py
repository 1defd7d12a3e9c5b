"""A client's way to a server over TensorFlow Serving's gRPC interface."""

from __future__ import annotations

from collections.abc import Mapping

from deepkoal.client.transport import Array, ServedModel, read_certificates
from deepkoal.client.wire import PREDICT, read_strings, write_request
from deepkoal.errors import DeepkoalError, needs_extra
from deepkoal.serving.errors import ServingError


class GrpcTransport:
    """TensorFlow Serving's gRPC interface.

    Args:
        served: the model.

    Raises:
        DeepkoalError: grpcio is not installed, or certificates cannot be read or are not to be
            checked.
    """

    def __init__(self, served: ServedModel) -> None:
        with needs_extra("gRPC", "client"):
            import grpc  # here, so that REST does without
        self._grpc, self._served = grpc, served
        self._metadata = [(name.lower(), value) for name, value in served.headers.items()]
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.enable_retries", 0),  # they are the client's
        ]
        if served.tls:
            if served.verify is False:
                raise DeepkoalError(
                    "gRPC cannot leave certificates unchecked; give the server's as verify"
                )
            roots = None if served.verify is True else read_certificates(served.verify)
            credentials = grpc.ssl_channel_credentials(roots)
            self._channel = grpc.secure_channel(served.address, credentials, options=options)
        else:
            self._channel = grpc.insecure_channel(served.address, options=options)
        self._call = self._channel.unary_unary(PREDICT)

    def predict(self, signature: str, inputs: Mapping[str, Array], seconds: float) -> list[bytes]:
        """See `Transport`."""
        request = write_request(self._served.model, self._served.version, signature, inputs)
        try:
            response = self._call(request, timeout=seconds, metadata=self._metadata)
        except self._grpc.RpcError as error:
            code, message = error.code().name, error.details() or "no reason given"
            if code == "UNAVAILABLE":
                message = (
                    f"{self._served.address}: cannot be reached ({message}); is the server running?"
                )
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
