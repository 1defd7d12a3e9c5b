"""TensorFlow Serving's REST interface."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from google.protobuf.json_format import MessageToDict
from starlette.exceptions import HTTPException

from deepkoal import __version__
from deepkoal.serving.errors import HTTP_STATUS, ServingError, printable
from deepkoal.serving.http.request_body import read_body, run_while_connected
from deepkoal.serving.limits import Reservation, error_too_many_values
from deepkoal.serving.service import Service
from deepkoal.serving.tensors.json_types import count_values, estimate_bytes
from deepkoal.serving.tensors.signature import count_bytes
from deepkoal.serving.tensors.tensor_json import JsonRequest, read_request, write_answer
from deepkoal.serving.versions.served_version import ServedVersion

METRICS_PATH = "/monitoring/prometheus/metrics"
HEALTH_PATHS = ("/healthz", "/readyz", "/livez")
MONITORING_PATHS = frozenset((METRICS_PATH, *HEALTH_PATHS))
"""Answered whatever else there is to do."""
MODEL = "/v1/models/{name}"

Place = tuple[str, int | None, str]
"""A model's name, version and label."""

Name = Annotated[str, Path(pattern=r"^[^/:]+$")]


def latest(name: Name) -> Place:
    """Read a path without a version."""
    return name, None, ""


def numbered(name: Name, version: Annotated[int, Path(ge=0, lt=2**63)]) -> Place:
    """Read a path with a version's number."""
    return name, version, ""


def labeled(name: Name, label: Name) -> Place:
    """Read a path with a version's label."""
    return name, None, label


PLACES: dict[str, Callable[..., Place]] = {
    MODEL: latest,
    MODEL + "/versions/{version}": numbered,
    MODEL + "/labels/{label}": labeled,
}

_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_REQUEST = {
    "type": "object",
    "properties": {
        "signature_name": {"type": "string"},
        "instances": {"type": "array"},
        "inputs": {},
    },
    "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
}
_BODY = {"required": True, "content": {"application/json": {"schema": _REQUEST}}}
_STATUSES = {status: code for code, status in reversed(HTTP_STATUS.items()) if code != "OK"}
_STATUSES_OF_HTTP = {408: "request too slow", 413: "request too large"}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {"application/json": {"schema": _ERROR}}}
    for status, text in {**_STATUSES, **_STATUSES_OF_HTTP}.items()
}


def build_app(service: Service) -> FastAPI:
    """Return the web application of a service."""
    app = FastAPI(
        title="deepkoal serve",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        responses=_RESPONSES,
    )

    for path, read_place in PLACES.items():
        _add_model(app, service, path, read_place)

    _add_monitoring(app, service)
    _add_error_forms(app)
    return app


def build_monitoring_app(service: Service) -> FastAPI:
    """Return the web application of a service's health and metrics alone."""
    app = FastAPI(title="deepkoal serve", version=__version__, openapi_url=None)
    _add_monitoring(app, service)
    _add_error_forms(app)
    return app


def _add_monitoring(app: FastAPI, service: Service) -> None:
    """Answer for health and metrics."""

    async def get_readiness() -> Any:
        if not service.is_ready:
            what = "has no model" if service.state == "running" else f"is {service.state}"
            raise ServingError("UNAVAILABLE", f"the server {what}")
        return {"status": "ok"}

    async def get_liveness() -> Any:
        return {"status": "ok"}

    async def get_metrics() -> Response:
        return Response(service.render_metrics(), media_type="text/plain; version=0.0.4")

    for path in HEALTH_PATHS:
        get = get_liveness if path == "/livez" else get_readiness
        _add_reading(app, path, get)
    _add_reading(app, METRICS_PATH, get_metrics, response_class=PlainTextResponse)


def _add_reading(app: FastAPI, path: str, get: Callable[..., Any], **settings: Any) -> None:
    """Answer GET, and HEAD, which has the same headers and no body."""
    app.get(path, **settings)(get)
    app.head(path, include_in_schema=False, **settings)(get)


def _add_model(app: FastAPI, service: Service, path: str, read_place: Callable[..., Place]) -> None:
    """Answer for the models at a path."""

    @app.post(path + ":predict", openapi_extra={"requestBody": _BODY})
    async def predict(request: Request, place: Annotated[Place, Depends(read_place)]) -> Response:
        deadline = asyncio.get_running_loop().time() + service.limits.seconds
        labels = service.metrics.measure("REST")
        with labels as seen, service.admit(), service.budget.reserve() as reservation:
            body = await read_body(request, service.limits, reservation, deadline)
            with service.use(seen, *place) as served:
                asked = await _read(service, served, reservation, body)
                del body  # as the inputs hold what was in it
                run = service.predict(seen, served, asked.signature, asked.inputs, (), deadline)
                outputs = await run_while_connected(request, run)
            answer = await asyncio.to_thread(write_answer, outputs, asked.by_row)
        return Response(answer, media_type="application/json")

    async def get_status(place: Annotated[Place, Depends(read_place)]) -> Response:
        response = service.get_status(*place)
        return JSONResponse(MessageToDict(response, always_print_fields_with_no_presence=True))

    async def get_metadata(place: Annotated[Place, Depends(read_place)]) -> Response:
        response, signatures = service.get_metadata(*place)
        spec, definitions = (
            MessageToDict(
                message, always_print_fields_with_no_presence=True, preserving_proto_field_name=True
            )
            for message in (response.model_spec, signatures)
        )
        return JSONResponse({"model_spec": spec, "metadata": {"signature_def": definitions}})

    _add_reading(app, path, get_status)
    _add_reading(app, path + "/metadata", get_metadata)


async def _read(
    service: Service, served: ServedVersion, reservation: Reservation, body: bytes
) -> JsonRequest:
    """Return a request, with its memory reserved; decoded on a thread, as it may be large.

    Raises:
        ServingError: INVALID_ARGUMENT, RESOURCE_EXHAUSTED.
    """
    values = await asyncio.to_thread(count_values, body)
    if values > service.limits.request_values:
        raise error_too_many_values(service.limits)
    reservation.add(estimate_bytes(body, values))
    asked = await asyncio.to_thread(read_request, body, served.get_signature)
    reservation.add(count_bytes(asked.inputs) - reservation.size)
    return asked


def _add_error_forms(app: FastAPI) -> None:
    """Answer all that fails with `{"error": …}`."""

    @app.exception_handler(ServingError)
    async def answer_error(request: Request, error: ServingError) -> Response:
        retry = error.retry_seconds
        headers = None if retry is None else {"Retry-After": str(retry)}
        return JSONResponse({"error": str(error)}, error.http_status, headers)

    @app.exception_handler(RequestValidationError)
    async def answer_wrong_path(request: Request, error: RequestValidationError) -> Response:
        return _answer_malformed(request, 400)

    @app.exception_handler(HTTPException)
    async def answer_no_such_path(request: Request, error: HTTPException) -> Response:
        # Within /v1/ TensorFlow Serving answers so; it has no 405.
        within = request.url.path.startswith("/v1/")
        return _answer_malformed(request, 400 if within else error.status_code)

    @app.exception_handler(Exception)
    async def answer_fault(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": "internal error; see the server's log"}, 500)


def _answer_malformed(request: Request, status: int) -> Response:
    message = f"Malformed request: {request.method} {request.url.path}"
    return JSONResponse({"error": printable(message)}, status)
