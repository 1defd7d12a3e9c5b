"""TensorFlow Serving's gRPC interface, by its own stubs, and gRPC's health check."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import grpc
from tensorflow_serving.apis.model_service_pb2_grpc import (
    ModelServiceServicer,
    add_ModelServiceServicer_to_server,
)
from tensorflow_serving.apis.predict_pb2 import PredictResponse
from tensorflow_serving.apis.prediction_service_pb2_grpc import (
    PredictionServiceServicer,
    add_PredictionServiceServicer_to_server,
)

from deepkoal.errors import DeepkoalError
from deepkoal.serving.service import SIGNATURE_FIELD, Service
from deepkoal.serving.status import ServingError
from deepkoal.serving.tensor_protos import read_tensor, write_tensor

HEALTH_SERVICE = "grpc.health.v1.Health"

# grpc.health.v1.HealthCheckResponse: its one field is an enum.
_SERVING, _NOT_SERVING = b"\x08\x01", b"\x08\x02"


def start_rpc(service: Service, host: str, port: int) -> tuple[grpc.aio.Server, int]:
    """Return a server, to be started and stopped by the caller, and the port it is bound to.

    Args:
        service: that answers.
        host: to bind to.
        port: likewise; 0 for any free one.

    Raises:
        DeepkoalError: the port cannot be had.
    """
    options = [
        ("grpc.max_receive_message_length", service.limits.request_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # else a second server would take half of the requests
    ]
    server = grpc.aio.server(options=options)
    add_PredictionServiceServicer_to_server(_Prediction(service), server)
    add_ModelServiceServicer_to_server(_Models(service), server)
    server.add_generic_rpc_handlers((_build_health(service),))
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        return server, server.add_insecure_port(place)
    except RuntimeError as error:
        raise DeepkoalError(
            f"{place}: cannot listen there for gRPC; choose another port with --port, or 0 for any "
            "free one"
        ) from error


class _Prediction(PredictionServiceServicer):
    def __init__(self, service: Service) -> None:
        self._service = service

    async def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        remaining = context.time_remaining()
        seconds = self._service.limits.seconds
        seconds = seconds if remaining is None else min(seconds, remaining)
        deadline = asyncio.get_running_loop().time() + seconds
        async with _aborting(context):
            return await self._predict(request, deadline)

    async def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        async with _aborting(context):
            for field in request.metadata_field or ["(none)"]:
                if field != SIGNATURE_FIELD:
                    raise ServingError(
                        "INVALID_ARGUMENT", f"Metadata field {field} is not supported"
                    )
            return self._service.get_metadata(*_read_spec(request))[0]

    async def Classify(self, request: Any, context: Any) -> NoReturn:  # noqa: N802
        await _decline(context)

    Regress = MultiInference = PredictStreamed = Classify

    async def _predict(self, request: Any, deadline: float) -> Any:
        service = self._service
        with service.metrics.measure("gRPC") as seen, service.budget.open() as account:
            account.take(request.ByteSize())
            with service.use(seen, *_read_spec(request)) as served:
                signature = served.get_signature(request.model_spec.signature_name)
                inputs = {name: read_tensor(proto) for name, proto in request.inputs.items()}
                signature.check_inputs(inputs)
                names = tuple(request.output_filter)
                outputs = await service.predict(seen, served, signature, inputs, names, deadline)
                response = PredictResponse()
                response.model_spec.name = served.name
                response.model_spec.version.value = served.version
                response.model_spec.signature_name = signature.name
                for name, array in outputs.items():
                    response.outputs[name].CopyFrom(write_tensor(array))
                return response


class _Models(ModelServiceServicer):
    def __init__(self, service: Service) -> None:
        self._service = service

    async def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        async with _aborting(context):
            return self._service.get_status(*_read_spec(request))

    async def HandleReloadConfigRequest(self, request: Any, context: Any) -> NoReturn:  # noqa: N802
        await _decline(context)


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


async def _decline(context: Any) -> NoReturn:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "deepkoal serve knows Predict only")
    raise AssertionError
