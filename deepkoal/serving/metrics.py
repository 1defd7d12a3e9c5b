"""A server's metrics, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from deepkoal.serving.errors import ServingError

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ROWS = (1, 2, 4, 8, 16, 32, 64)


@dataclass
class Request:
    """Labels of a request, set when they are known to exist: an unknown name is never a label."""

    model: str = ""
    signature: str = ""


class Metrics:
    """Counts and times of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("model", "signature", "entrypoint")
        self._requests = Counter(
            "deepkoal_requests",
            "Predict requests by what became of them.",
            (*labels, "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "deepkoal_request_seconds",
            "From a request's first byte to its answer, of those answered.",
            labels,
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.waiting = Gauge(
            "deepkoal_queue_requests", "Requests that wait to be run.", registry=self._registry
        )
        self.held = Gauge(
            "deepkoal_held_bytes", "Memory reserved for requests.", registry=self._registry
        )
        self.batch_rows = Histogram(
            "deepkoal_batch_rows", "Rows run at once.", buckets=_ROWS, registry=self._registry
        )
        self.connections = Gauge(
            "deepkoal_connections", "HTTP connections that are open.", registry=self._registry
        )
        self.refused = Counter(
            "deepkoal_refused_connections",
            "HTTP connections that were refused or closed before a request was read, by reason.",
            ("reason",),
            registry=self._registry,
        )
        self.version = Gauge(
            "deepkoal_model_version", "The version in use.", ("model",), registry=self._registry
        )

    @contextmanager
    def measure(self, entrypoint: str) -> Iterator[Request]:
        """Count and time a request, whose labels the caller sets on what is yielded."""
        request = Request()
        start = time.perf_counter()
        status = "CANCELLED"
        try:
            yield request
            status = "OK"
        except ServingError as error:
            status = error.code
            raise
        except Exception:
            status = "INTERNAL"
            raise
        finally:
            labels = (request.model, request.signature, entrypoint)
            self._requests.labels(*labels, status).inc()
            if status == "OK":
                self._seconds.labels(*labels).observe(time.perf_counter() - start)

    def render(self) -> bytes:
        """Return all of it in Prometheus's text form."""
        return generate_latest(self._registry)
