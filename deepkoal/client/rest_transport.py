"""A client's way to a server over TensorFlow Serving's REST interface."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import json
import ssl
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from deepkoal.client.transport import Array, ServedModel, read_certificates
from deepkoal.errors import DeepkoalError, needs_extra
from deepkoal.serving.errors import ServingError, code_of_http_status

_CLOSE_SECONDS = 5.0


class RestTransport:
    """TensorFlow Serving's REST interface, over connections that are kept alive.

    Requests run in an event loop on a thread of its own, where one can be cancelled at its
    deadline whatever it waits for: a name, a connection, the next byte of an answer that drips.

    Args:
        served: the model.

    Raises:
        DeepkoalError: the address is none, or httpx is not installed.
    """

    def __init__(self, served: ServedModel) -> None:
        with needs_extra("REST", "client"):
            import httpx  # here, so that gRPC does without
        self._errors, url = httpx.TransportError, served.address
        place = "" if served.version is None else f"/versions/{served.version}"
        self._url = f"{url.rstrip('/')}/v1/models/{quote(served.model, safe='')}{place}:predict"
        try:
            address = httpx.URL(self._url)
            if not address.host or not 0 < (address.port or 80) < 2**16:
                raise httpx.InvalidURL("no host, or no such port")
            self._client = httpx.AsyncClient(
                verify=make_tls_context(served.verify) if served.tls else True,
                headers={**served.headers, "Content-Type": "application/json"},
                timeout=None,  # a deadline holds for the whole, see `_post`
            )
        except (httpx.InvalidURL, UnicodeError) as error:
            raise DeepkoalError(f"{url}: no address, or headers are no text ({error})") from error
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_run_loop, args=[self._loop], daemon=True)
        thread.start()
        self._finalizer = weakref.finalize(self, _stop_loop, self._loop, thread, self._client)

    def predict(self, signature: str, inputs: Mapping[str, Array], seconds: float) -> list[bytes]:
        """See `Transport`."""
        deadline = time.monotonic() + seconds
        # As rows: of columns TensorFlow Serving passes over those that a signature has not.
        columns = [_write_json(array) for array in inputs.values()]
        rows = [dict(zip(inputs, row, strict=True)) for row in zip(*columns, strict=True)]
        body = json.dumps({"signature_name": signature, "instances": rows}).encode()
        if not self._finalizer.alive:
            raise DeepkoalError("this client is closed; make another")
        posting = asyncio.run_coroutine_threadsafe(self._post(body, deadline), self._loop)
        try:
            status, answer = posting.result()
        except concurrent.futures.CancelledError as error:
            raise ServingError("CANCELLED", "the client was closed") from error
        finally:
            posting.cancel()  # for whoever interrupts the wait
        if status != 200:
            raise ServingError(code_of_http_status(status), _read_error(answer), status)
        try:
            return [
                base64.b64decode(value["b64"])
                for value in _flatten(json.loads(answer)["predictions"])
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise ServingError(
                "UNKNOWN", f"{self._url}: not the answer of a model that returns photos"
            ) from error

    def close(self) -> None:
        """Close the connections and end the thread; requests that run are cancelled."""
        self._finalizer()

    async def _post(self, body: bytes, deadline: float) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                response = await self._client.post(self._url, content=body)
                return response.status_code, response.content
        except TimeoutError as error:
            raise ServingError("DEADLINE_EXCEEDED", f"{self._url}: no answer in time") from error
        except self._errors as error:
            cause = str(error) or type(error).__name__
            raise ServingError(
                "UNAVAILABLE", f"{self._url}: cannot be reached ({cause}); is the server running?"
            ) from error


def make_tls_context(verify: bool | str | Path) -> ssl.SSLContext:
    """Return how a server's certificate is checked.

    Args:
        verify: True for the authorities that the system trusts, a PEM file of others instead, or
            False for no check at all.

    Raises:
        DeepkoalError: the file cannot be read, or holds no certificates.
    """
    if verify is True or verify is False:
        context = ssl.create_default_context()
        context.check_hostname = verify
        context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
        return context
    text = read_certificates(verify).decode("ascii", "replace")
    try:
        return ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise DeepkoalError(f"{verify}: expected certificates as PEM ({error})") from error


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _stop_loop(loop: asyncio.AbstractEventLoop, thread: threading.Thread, client: Any) -> None:
    async def stop() -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.aclose()
        loop.stop()

    asyncio.run_coroutine_threadsafe(stop(), loop)
    if threading.current_thread() is not thread:  # which may be where the collector runs
        thread.join(_CLOSE_SECONDS)


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
