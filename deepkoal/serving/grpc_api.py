"""TensorFlow Serving's gRPC interface, by its own stubs, and gRPC's health check."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from deepkoal.errors import DeepkoalError
from deepkoal.serving.errors import ServingError
from deepkoal.serving.service import SIGNATURE_FIELD, Service
from deepkoal.serving.tensors.messages import (
    GetModelMetadataRequest,
    GetModelStatusRequest,
    PredictRequest,
    PredictResponse,
)
from deepkoal.serving.tensors.signature import count_bytes
from deepkoal.serving.tensors.tensor_protos import estimate_bytes, read_tensor, write_tensor

HEALTH_SERVICE = "grpc.health.v1.Health"
PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"
_DECLINED = {
    PREDICTION_SERVICE: ("Classify", "Regress", "MultiInference", "PredictStreamed"),
    MODEL_SERVICE: ("HandleReloadConfigRequest",),
}

SPARE_CALLS = 16
"""Calls at a time beside those of `Limits.requests`, for status and health."""

# grpc.health.v1.HealthCheckResponse: its one field is an enum.
_SERVING, _NOT_SERVING = b"\x08\x01", b"\x08\x02"


def build_grpc_server(service: Service, host: str, port: int) -> tuple[grpc.aio.Server, int]:
    """Return a server, which the caller starts and stops, and the port it is bound to.

    Args:
        service: that answers.
        host: to bind to.
        port: to bind to; 0 for any free one.

    Raises:
        DeepkoalError: the port is taken.
    """
    options = [
        ("grpc.max_receive_message_length", service.limits.request_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # else a second server would take half of the requests
    ]
    most = service.limits.requests + SPARE_CALLS
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=most)
    server.add_generic_rpc_handlers(
        (_build_prediction(service), _build_models(service), _build_health(service))
    )
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        return server, server.add_insecure_port(place)
    except RuntimeError as error:
        raise DeepkoalError(
            f"{place}: cannot listen there for gRPC; choose another port with --port, or 0 for any "
            "free one"
        ) from error


def _build_prediction(service: Service) -> grpc.GenericRpcHandler:
    """Return the handler of PredictionService; its Predict is given the message's bytes."""

    async def predict(message: bytes, context: Any) -> Any:
        remaining = context.time_remaining()
        seconds = service.limits.seconds
        seconds = seconds if remaining is None else min(seconds, remaining)
        deadline = asyncio.get_running_loop().time() + seconds
        async with _aborting(context):
            return await _predict(service, message, deadline)

    async def get_metadata(request: Any, context: Any) -> Any:
        async with _aborting(context):
            for field in request.metadata_field or ["(none)"]:
                if field != SIGNATURE_FIELD:
                    raise ServingError(
                        "INVALID_ARGUMENT", f"Metadata field {field} is not supported"
                    )
            return service.get_metadata(*_read_spec(request))[0]

    handlers = {
        "Predict": _make_handler(predict),
        "GetModelMetadata": _make_handler(get_metadata, GetModelMetadataRequest),
    }
    return _build_service(PREDICTION_SERVICE, handlers)


def _build_models(service: Service) -> grpc.GenericRpcHandler:
    async def get_status(request: Any, context: Any) -> Any:
        async with _aborting(context):
            return service.get_status(*_read_spec(request))

    handlers = {"GetModelStatus": _make_handler(get_status, GetModelStatusRequest)}
    return _build_service(MODEL_SERVICE, handlers)


def _build_service(name: str, handlers: dict[str, Any]) -> grpc.GenericRpcHandler:
    """Return the handler of a service, which declines the methods it does not know."""
    declined = grpc.unary_unary_rpc_method_handler(_decline)
    return grpc.method_handlers_generic_handler(
        name, {**dict.fromkeys(_DECLINED[name], declined), **handlers}
    )


def _make_handler(answer: Any, request: Any = None) -> Any:
    """Return the handler of a method, whose requests are decoded as a message, if as any."""
    return grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=None if request is None else request.FromString,
        response_serializer=lambda response: response.SerializeToString(),
    )


async def _predict(service: Service, message: bytes, deadline: float) -> Any:
    labels = service.metrics.measure("gRPC")
    with labels as seen, service.admit(), service.budget.reserve() as reservation:
        reservation.add(len(message))
        cost = await asyncio.to_thread(estimate_bytes, message, PredictRequest.DESCRIPTOR)
        reservation.add(cost)
        request = await asyncio.to_thread(_decode, message)
        with service.use(seen, *_read_spec(request)) as served:
            signature = served.get_signature(request.model_spec.signature_name)
            signature.check_names(request.inputs)
            inputs = {name: read_tensor(proto) for name, proto in request.inputs.items()}
            signature.check_inputs(inputs)
            names = tuple(request.output_filter)
            del request  # as the inputs hold what was in it
            reservation.add(len(message) + count_bytes(inputs) - reservation.size)
            outputs = await service.predict(seen, served, signature, inputs, names, deadline)
            response = PredictResponse()
            response.model_spec.name = served.name
            response.model_spec.version.value = served.version
            response.model_spec.signature_name = signature.name
            for name, array in outputs.items():
                response.outputs[name].CopyFrom(write_tensor(array))
            return response


def _decode(message: bytes) -> Any:
    try:
        return PredictRequest.FromString(message)
    except DecodeError as error:
        raise ServingError("INVALID_ARGUMENT", f"not a PredictRequest: {error}") from error


def _build_health(service: Service) -> grpc.GenericRpcHandler:
    async def check(request: bytes, context: Any) -> bytes:
        return _SERVING if service.is_ready else _NOT_SERVING

    handlers = {"Check": grpc.unary_unary_rpc_method_handler(check)}
    return grpc.method_handlers_generic_handler(HEALTH_SERVICE, handlers)


def _read_spec(request: Any) -> tuple[str, int | None, str]:
    """Return the name, version and label of a request's model."""
    spec = request.model_spec
    version = spec.version.value if spec.HasField("version") else None
    return spec.name, version, spec.version_label


@contextlib.asynccontextmanager
async def _aborting(context: Any) -> AsyncIterator[None]:
    try:
        yield
    except ServingError as error:
        await context.abort(grpc.StatusCode[error.code], str(error))


async def _decline(request: bytes, context: Any) -> NoReturn:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "deepkoal serve knows Predict only")
    raise AssertionError
