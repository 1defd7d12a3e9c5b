"""What requests may cost a server, counted: values, bytes, calls, and what is kept after them."""

import asyncio
import contextlib
import gc
import json
import threading
import tracemalloc
import weakref

import grpc
import numpy as np
import pytest
import tensorflow as tf
from serving_parts import make_photo, row_request
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from deepkoal.cli import main
from deepkoal.serving import grpc_api, server
from deepkoal.serving.batching.batcher import Batcher
from deepkoal.serving.errors import ServingError, is_model_name
from deepkoal.serving.http.rest_api import build_app
from deepkoal.serving.limits import MEGABYTE, Limits, MemoryBudget
from deepkoal.serving.metrics import Metrics
from deepkoal.serving.tensors import messages, tensor_protos
from deepkoal.serving.tensors.json_types import count_values, estimate_bytes
from deepkoal.serving.tensors.signature import Signature, Slot, count_bytes
from deepkoal.serving.tensors.tensor_json import read_request
from deepkoal.serving.versions.repository import Repository

PHOTOS = Signature("photos", {"photo_bytes": Slot("p:0", np.dtype(object), (None,))}, {})
NUMBERS = Signature("numbers", {"x": Slot("x:0", np.dtype(np.float32), (None, None))}, {})
ANYTHING = Signature("any", {"x": Slot("x:0", np.dtype(np.float32), None)}, {})
WORDS = Signature("words", {"x": Slot("x:0", np.dtype(object), None)}, {})


def fill(part, size=2 * MEGABYTE):
    """Return a request of about that size that repeats a part."""
    count = size // len(part)
    return b'{"instances":[' + b",".join([part] * count) + b"]}"


def measure_peak(body, signature):
    """Return the most memory that reading a request takes beside its body, and the outcome."""
    tracemalloc.start()
    try:
        request = read_request(body, lambda name: signature)
        return tracemalloc.get_traced_memory()[1], request
    except ServingError as error:
        return tracemalloc.get_traced_memory()[1], error
    finally:
        tracemalloc.stop()


# --- JSON --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "signature"),
    [
        (b"[]", PHOTOS),
        (b"{}", PHOTOS),
        (b"7", PHOTOS),
        (b"[[]]", NUMBERS),
        (b'{"y":1}', NUMBERS),
        (b'"a"', NUMBERS),
    ],
)
def test_values_of_another_shape_are_refused_before_they_are_objects(part, signature):
    peak, error = measure_peak(fill(part), signature)
    assert isinstance(error, ServingError)
    assert error.code == "INVALID_ARGUMENT"
    assert peak < 100_000, "not even one of the 300,000 values and more takes less"


@pytest.mark.parametrize("signature", [PHOTOS, NUMBERS, ANYTHING, WORDS], ids=lambda s: s.name)
@pytest.mark.parametrize(
    "part",
    [
        b"[]",
        b"{}",
        b"[[]]",
        b"[1]",
        b"1.5",
        b'"a"',
        b'"\\ud83d\\ude00 and so on and so on"',
        '"é😀 and so on and so on"'.encode(),
        b'{"b64":"QUJD"}',
        b'{"%d":1}',
        b"NaN,[]",
        b"NaN",
    ],
)
def test_a_request_takes_no_more_than_is_reserved_for_it(part, signature):
    body = fill(part, MEGABYTE // 8)
    peak, _ = measure_peak(body, signature)
    assert peak <= estimate_bytes(body, count_values(body)) + 100_000


def test_distinct_keys_and_wide_text_take_no_more_than_is_reserved():
    keys = ",".join(f'"{number:x}":{number + 300}' for number in range(50_000))
    wide = '{"instances":["' + "a" * 1_000_000 + '\\ud83d\\ude00"]}'
    escaped = '{"instances":["' + "a" * 1_000_000 + '\\n"]}'
    for body, signature in (
        (f'{{"inputs":{{"x":{{{keys}}}}}}}'.encode(), ANYTHING),
        (wide.encode(), PHOTOS),
        (escaped.encode(), PHOTOS),
    ):
        peak, _ = measure_peak(body, signature)
        assert peak <= estimate_bytes(body, count_values(body))


def test_values_are_counted_whatever_the_text():
    for value in ([], {}, [[], [1, 2], {"a": [3]}], {"a": {"b": {}}, "c": "d"}):
        text = json.dumps(value).encode()
        assert count_values(text) >= count(value)
    assert count_values(b"") == 1
    assert count_values(b",[{" * MEGABYTE) == 3 * MEGABYTE + 1
    photo = json.dumps(row_request(make_photo())).encode()
    assert count_values(photo) == 4, "a photo is little to decode, however many bytes it has"


def count(value):
    if isinstance(value, dict):
        return 1 + sum(map(count, value.values()))
    return 1 + sum(map(count, value)) if isinstance(value, list) else 1


class Stub:
    """A service without models."""

    def __init__(self, **limits):
        self.limits = Limits(**limits)
        self.budget = MemoryBudget(self.limits)
        self.metrics = Metrics()
        self.repository = Repository("nowhere", print)
        self.admit = contextlib.nullcontext

    def use(self, seen, *place):
        return self.repository.use(*place)


def test_too_many_values_are_refused_without_decoding(monkeypatch):
    import httpx

    from deepkoal.serving.http import rest_api

    decoded = []
    monkeypatch.setattr(rest_api, "read_request", lambda body, get: decoded.append(body))

    async def check():
        service = Stub(request_values=1000)
        service.use = lambda seen, *place: service.budget.reserve()  # any context
        transport = httpx.ASGITransport(build_app(service), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.post("/v1/models/x:predict", content=fill(b"[]", 8000))
            assert answer.status_code == 413
            assert "more than 1000 values" in answer.json()["error"]
            assert not decoded
            assert service.budget.held == 0

    asyncio.run(check())


# --- memory ------------------------------------------------------------------------------------


def test_a_budget_refuses_for_now_and_for_ever():
    budget = MemoryBudget(Limits(request_megabytes=1, held_megabytes=4))
    with budget.reserve() as first, budget.reserve() as second:
        first.add(3 * MEGABYTE)
        with pytest.raises(ServingError) as caught:
            second.add(2 * MEGABYTE)
        assert caught.value.code == "RESOURCE_EXHAUSTED"
        with pytest.raises(ServingError) as caught:
            second.add(5 * MEGABYTE)
        assert (caught.value.code, caught.value.http_status) == ("INVALID_ARGUMENT", 413)
        assert (second.size, budget.held) == (0, 3 * MEGABYTE)
        first.add(-2 * MEGABYTE)
        second.add(2 * MEGABYTE)
    assert budget.held == 0
    assert Limits(request_megabytes=200).held_megabytes == 1600


def test_a_failed_request_leaves_nothing_to_the_collector():
    class Failing:
        users = 0

        def run(self, *arguments):
            raise ServingError("INVALID_ARGUMENT", "no")

    async def check():
        batcher = Batcher(Limits(workers=1), Metrics())
        photo = np.zeros(1000)
        inputs = {"x": photo}
        kept = weakref.ref(photo)
        loop = asyncio.get_running_loop()
        del photo
        with contextlib.suppress(ServingError):
            await batcher.run(Failing(), NUMBERS, inputs, (), loop.time() + 60)
        del inputs
        for _ in range(3):  # the worker's turns
            await asyncio.sleep(0)
        is_gone = kept() is None
        await batcher.close()
        return is_gone

    gc.collect()
    gc.disable()
    try:
        assert asyncio.run(check())
    finally:
        gc.enable()


def test_messages_are_those_of_tensorflow_serving():
    from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

    stock = {
        "PredictRequest": predict_pb2.PredictRequest,
        "PredictResponse": predict_pb2.PredictResponse,
        "PredictionLog": prediction_log_pb2.PredictionLog,
        "GetModelMetadataRequest": get_model_metadata_pb2.GetModelMetadataRequest,
        "GetModelMetadataResponse": get_model_metadata_pb2.GetModelMetadataResponse,
        "SignatureDefMap": get_model_metadata_pb2.SignatureDefMap,
        "GetModelStatusRequest": get_model_status_pb2.GetModelStatusRequest,
        "GetModelStatusResponse": get_model_status_pb2.GetModelStatusResponse,
    }
    seen = set()

    def compare(ours, theirs):
        if ours.full_name in seen:
            return
        seen.add(ours.full_name)
        for field in ours.fields:
            other = theirs.fields_by_name[field.name]
            for part in ("number", "type", "is_repeated", "json_name"):
                assert getattr(field, part) == getattr(other, part), field.full_name
            if field.message_type is not None:
                compare(field.message_type, other.message_type)
            if field.enum_type is not None:
                for value in field.enum_type.values:
                    found = other.enum_type.values_by_name.get(value.name)
                    assert found is not None, value.name
                    assert found.number == value.number, value.name

    for name, theirs in stock.items():
        compare(getattr(messages, name).DESCRIPTOR, theirs.DESCRIPTOR)
    assert "tensorflow.TensorProto" in seen


@pytest.mark.parametrize("dtype", messages.DATA_TYPES)
def test_tensors_of_every_type_are_read_and_written(dtype):
    array = np.array([[1, 0], [0, 1]]).astype(dtype)
    if dtype == "object":
        array[:] = [[b"a", b""], [b"", b"\xff"]]
    ours = tensor_protos.write_tensor(array)
    theirs = tf.make_ndarray(TensorProto.FromString(ours.SerializeToString()))
    assert np.array_equal(theirs, array)
    sent = tf.make_tensor_proto(array, dtype=tf.as_dtype("string" if dtype == "object" else dtype))
    read = tensor_protos.read_tensor(messages.TensorProto.FromString(sent.SerializeToString()))
    assert read.dtype == array.dtype
    assert np.array_equal(read, array)


@pytest.mark.parametrize("workers", [1, 3])
def test_as_many_batches_run_at_a_time_as_there_are_workers(workers):
    class Meeting:
        """A model whose batches wait until as many as there are workers have met."""

        users = 0
        running = most = 0
        lock = threading.Lock()
        together = threading.Barrier(workers)

        def run(self, *arguments):
            with self.lock:
                self.running += 1
                self.most = max(self.most, self.running)
            self.together.wait(60)
            with self.lock:
                self.running -= 1
            return {}

    async def check():
        model, batcher = Meeting(), Batcher(Limits(workers=workers), Metrics())
        deadline = asyncio.get_running_loop().time() + 120
        requests = [{"x": np.zeros((1, columns), np.float32)} for columns in range(2 * workers)]
        await asyncio.gather(
            *(batcher.run(model, ANYTHING, request, (), deadline) for request in requests)
        )
        await batcher.close()
        return model.most

    assert asyncio.run(check()) == workers


def test_the_commands_options_are_the_servers_limits(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(server, "serve", lambda models, **settings: given.append(settings))
    options = {"--workers": 3, "--timeout": 5, "--max-request": 7, "--max-requests": 9}
    words = [word for option, value in options.items() for word in (option, str(value))]
    assert main(["serve", str(tmp_path), *words]) == main(["serve", str(tmp_path)]) == 0
    limits = [settings["limits"] for settings in given]
    assert limits == [Limits(workers=3, seconds=5, request_megabytes=7, requests=9), Limits()]


# --- gRPC --------------------------------------------------------------------------------------


def make_request(**tensors):
    request = predict_pb2.PredictRequest()
    for name, value in tensors.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def estimate(message):
    return tensor_protos.estimate_bytes(message, predict_pb2.PredictRequest.DESCRIPTOR)


def test_fields_are_counted_before_a_message_is_decoded():
    photo = make_request(photo_bytes=[bytes(1_000_000)]).SerializeToString()
    assert estimate(photo) < 2.1 * len(photo)
    packed = make_request(l=np.float32([0.5])).SerializeToString()
    assert estimate(packed) < 5000
    request = make_request(x=[1.0])
    dims = request.inputs["x"].tensor_shape.dim
    for _ in range(tensor_protos.MAX_FIELDS):
        dims.add()
    with pytest.raises(ServingError, match="more than 65536 fields") as caught:
        estimate(request.SerializeToString())
    assert caught.value.http_status == 413
    for broken in (photo[:-1], b"\xff" * 20, b"\x0a\x7f", b"\x0b", b"\x80"):
        with pytest.raises(ServingError, match="not a PredictRequest"):
            estimate(broken)


def test_one_value_for_a_whole_tensor_is_read_only_under_a_known_name():
    with pytest.raises(ServingError, match="unknown y"):
        NUMBERS.check_names({"x": None, "y": None})
    strings = np.array([b"abc", b"de"], object)
    assert count_bytes({"a": strings, "b": np.zeros(3, np.float32)}) == 16 + 5 + 12


def test_calls_at_a_time_are_bounded_and_bytes_are_counted_first(monkeypatch):
    monkeypatch.setattr(grpc_api, "SPARE_CALLS", 1)
    waiting, opened = [], asyncio.Event()

    async def predict(service, message, deadline):
        waiting.append(message)
        await opened.wait()
        raise ServingError("NOT_FOUND", "none")

    async def check():
        service = Stub(requests=1)
        service.is_ready = True
        server, port = grpc_api.build_grpc_server(service, "127.0.0.1", 0)
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
                with monkeypatch.context() as patched:
                    patched.setattr(grpc_api, "_predict", predict)
                    calls = [call(b"", wait_for_ready=True) for _ in range(2)]
                    while len(waiting) < 2:
                        await asyncio.sleep(0.01)
                    with pytest.raises(grpc.aio.AioRpcError) as caught:
                        await call(b"")
                    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
                    opened.set()
                    await asyncio.gather(*calls, return_exceptions=True)
                assert waiting == [b"", b""], "bytes, not a decoded message"
                service.budget.most = 10
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await call(bytes(11))
                assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
                assert "needs" in caught.value.details()
                assert service.budget.held == 0
        finally:
            await server.stop(None)

    asyncio.run(check())


# --- names -------------------------------------------------------------------------------------


def test_folders_that_no_request_can_name_are_left_out_once(tmp_path):
    lines = []
    for name in (b"caf\xe9", b"a:b", "é b".encode()):
        folder = tmp_path / name.decode("utf-8", "surrogateescape") / "1"
        folder.mkdir(parents=True)
        (folder / "saved_model.pb").write_bytes(b"")
    repository = Repository(tmp_path, lines.append)

    async def check():
        for _ in range(3):
            await repository.refresh(settled=False)

    asyncio.run(check())
    refused = [line for line in lines if "left out" in line]
    assert [line.split(":")[0] for line in refused] == ["a", "caf�"]
    "".join(lines).encode()
    assert list(repository.list_states("é b")) == [1]
    assert not is_model_name("")


def test_an_error_is_text_whatever_it_quotes():
    error = ServingError("NOT_FOUND", "/caf\udce9: gone")
    assert str(error) == "/caf�: gone"
