"""How a client reaches a server: over REST or gRPC, with the same two calls."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from deepkoal.client.wire import PREDICT, read_strings, write_request
from deepkoal.serving.errors import ServingError, code_of_http_status

Array = np.ndarray[Any, Any]


class Transport(Protocol):
    """A way to a model."""

    def predict(self, signature: str, inputs: Mapping[str, Array], seconds: float) -> list[bytes]:
        """Ask once.

        Args:
            signature: its name.
            inputs: by name; strings of dtype `object`, with bytes in them.
            seconds: it may take.

        Returns:
            The strings of the signature's only output, in order.

        Raises:
            ServingError: there is no such answer.
        """

    def close(self) -> None:
        """Let go of the connection."""


class RestTransport:
    """TensorFlow Serving's REST interface, on the standard library alone.

    Args:
        url: `http://…` or `https://…`.
        model: its name.
        version: None for the newest.
    """

    def __init__(self, url: str, model: str, version: int | None) -> None:
        place = "" if version is None else f"/versions/{version}"
        self._url = f"{url.rstrip('/')}/v1/models/{model}{place}:predict"

    def predict(self, signature: str, inputs: Mapping[str, Array], seconds: float) -> list[bytes]:
        """See `Transport`."""
        columns = {name: _write_json(array) for name, array in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": columns}).encode()
        request = urllib.request.Request(
            self._url, body, {"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=seconds) as response:
                answer = response.read()
        except urllib.error.HTTPError as error:
            with error:
                message = _read_error(error.read())
            raise ServingError(code_of_http_status(error.code), message, error.code) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._name_cause(error) from error
        try:
            return [
                base64.b64decode(value["b64"]) for value in _flatten(json.loads(answer)["outputs"])
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise ServingError(
                "UNKNOWN", f"{self._url}: not the answer of a model that returns photos"
            ) from error

    def close(self) -> None:
        """Nothing is held."""

    def _name_cause(self, error: Exception) -> ServingError:
        cause = getattr(error, "reason", error)
        if isinstance(cause, TimeoutError):
            return ServingError("DEADLINE_EXCEEDED", f"{self._url}: no answer in time")
        return ServingError(
            "UNAVAILABLE", f"{self._url}: cannot be reached ({cause}); is the server running?"
        )


class GrpcTransport:
    """TensorFlow Serving's gRPC interface.

    Args:
        target: `host:port`.
        model: its name.
        version: None for the newest.
    """

    def __init__(self, target: str, model: str, version: int | None) -> None:
        import grpc  # here, so that REST does without

        self._grpc = grpc
        self._target = target
        self._model = model
        self._version = version
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.enable_retries", 0),  # they are the client's
        ]
        self._channel = grpc.insecure_channel(target, options=options)
        self._call = self._channel.unary_unary(PREDICT)

    def predict(self, signature: str, inputs: Mapping[str, Array], seconds: float) -> list[bytes]:
        """See `Transport`."""
        request = write_request(self._model, self._version, signature, inputs)
        try:
            response = self._call(request, timeout=seconds)
        except self._grpc.RpcError as error:
            message = error.details() or "no reason given"
            if error.code() is self._grpc.StatusCode.UNAVAILABLE:
                message = f"{self._target}: cannot be reached ({message}); is the server running?"
            raise ServingError(error.code().name, message) from error
        (strings,) = read_strings(response).values()
        return strings

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def _write_json(array: Array) -> Any:
    if array.dtype.kind != "O":
        return array.tolist()
    flat = np.empty(array.size, object)
    flat[:] = [{"b64": base64.b64encode(value).decode("ascii")} for value in array.ravel()]
    return flat.reshape(array.shape).tolist()


def _flatten(values: Any) -> list[Any]:
    if isinstance(values, list):
        return [leaf for value in values for leaf in _flatten(value)]
    return [values]


def _read_error(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (KeyError, TypeError, ValueError):
        return " ".join(body.decode("utf-8", "replace").split())[:300] or "no reason given"
