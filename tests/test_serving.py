"""The server's parts in this process: protocol, limits, neighbors, new versions."""

import asyncio
import base64
import contextlib
import json
import shutil
import threading
from types import SimpleNamespace

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from serving_parts import encode, export_tiny, make_photo, read_rows, row_request, save_pixel
from starlette.requests import Request
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from deepkoal.errors import DeepkoalError
from deepkoal.export.warm_up import write_warm_up
from deepkoal.image_io import decode_photo
from deepkoal.serving import server as server_module
from deepkoal.serving.errors import ServingError
from deepkoal.serving.grpc_api import HEALTH_SERVICE, build_grpc_server
from deepkoal.serving.http.request_body import run_while_connected
from deepkoal.serving.http.rest_api import METRICS_PATH, build_app
from deepkoal.serving.limits import Limits
from deepkoal.serving.service import Service
from deepkoal.serving.versions import repository as repository_module
from deepkoal.serving.versions.opening import open_version
from deepkoal.serving.versions.saved_model import WARMUP_FILE, SavedModelVersion

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PREDICT = "/v1/models/tiny:predict"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A models folder: a tiny koala-lite, and a function of several tensors and types."""
    models = tmp_path_factory.mktemp("models")
    folder = export_tiny(models / "tiny" / "1")
    # All records are run in test_signatures.py; with all optimized, a load takes twice as long.
    shutil.rmtree(folder / "assets.extra")
    write_warm_up(folder, "tiny", ["serving_default", "colorize_full"])
    tf.saved_model.save(Arithmetic(), str(models / "arithmetic" / "3"))
    return models


@pytest.fixture(scope="module", autouse=True)
def loaded(exported):
    """Load each of these models once: planning its signatures, by its warm-up, takes seconds."""
    kept = {}

    def open_once(name, version, folder, backend):
        if not folder.is_relative_to(exported):
            return open_version(name, version, folder, backend)
        if folder not in kept:
            kept[folder] = open_version(name, version, folder, backend)
            kept[folder].close = lambda: None
        return kept[folder]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repository_module, "open_version", open_once)
        yield kept
    for served in kept.values():
        type(served).close(served)


@pytest.fixture
def models(tmp_path):
    """A folder to be changed, of a model that loads at once."""
    save_pixel(tmp_path / "models" / "tiny" / "1", level=0)
    return tmp_path / "models"


class Arithmetic(tf.Module):
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 2], tf.float32, name="x"),
            tf.TensorSpec([], tf.int32, name="n"),
            tf.TensorSpec([None], tf.string, name="word"),
        ]
    )
    def __call__(self, x, n, word):
        return {
            "sum": tf.reduce_sum(x, axis=1) + tf.cast(n, tf.float32),
            "word": tf.strings.join([word, "!"]),
            "word_bytes": word,
        }


class Client:
    """Sends requests to a service without a socket."""

    def __init__(self, service):
        self.service = service
        transport = httpx.ASGITransport(build_app(service), raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://test")

    async def post(self, path, body):
        content = body if isinstance(body, bytes) or hasattr(body, "aiter") else json.dumps(body)
        response = await self._http.post(path, content=content)
        return response.status_code, response.json()

    async def stream(self, path, chunks):
        response = await self._http.post(path, content=chunks)
        return response.status_code, response.json()

    async def get(self, path):
        response = await self._http.get(path)
        return response.status_code, response.text


@contextlib.asynccontextmanager
async def serving(models, log=None, **limits):
    # The first photo may take long where much else runs.
    limits = {"seconds": 300, **limits}
    service = Service(models, Limits(**limits), [].append if log is None else log.append)
    try:
        await service.start()
        yield Client(service)
    finally:
        await service.close()


@contextlib.contextmanager
def gate(client, name):
    """Let requests of a model wait until the event that is yielded is set."""
    opened = threading.Event()
    with client.service.repository.use(name) as served:
        run = served.run

    def run_later(*arguments):
        assert opened.wait(300)
        return run(*arguments)

    served.run = run_later
    try:
        yield opened
    finally:
        opened.set()
        served.run = run


async def until(condition):
    while not condition():
        await asyncio.sleep(0.01)


def test_rows_and_columns_give_photos_of_their_own_sizes(exported):
    small, wide = make_photo(48), encode(np.full((40, 90, 3), 127, np.uint8), "PNG")

    async def check():
        async with serving(exported) as client:
            status, answer = await client.post(PREDICT, row_request(small, wide))
            assert status == 200
            first, second = (decode_photo(image).rgb for image in read_rows(answer))
            assert (first.shape, second.shape) == ((48, 48, 3), (40, 90, 3))
            rows = row_request(small, wide)["instances"]
            forms = (
                {"inputs": {"photo_bytes": rows}},
                {"inputs": rows, "signature_name": "serving_default"},
            )
            for form in forms:
                again = await client.post("/v1/models/tiny/versions/1:predict", form)
                assert again == (200, {"outputs": answer["predictions"]})
            named = {"instances": [{"photo_bytes": row} for row in rows]}
            assert await client.post(PREDICT, named) == (200, answer)

    asyncio.run(check())


def test_several_tensors_of_any_type(exported):
    columns = {"x": [[1, 2.5], [0.1, 0]], "n": 3, "word": ["é", {"b64": "/w=="}]}
    path = "/v1/models/arithmetic:predict"

    async def check():
        async with serving(exported) as client:
            status, answer = await client.post(path, {"inputs": columns})
            assert status == 200
            assert answer["outputs"]["sum"] == [6.5, 3.1]  # not 3.0999999046325684
            assert answer["outputs"]["word"] == ["é!", "�!"]
            words = [base64.b64decode(word["b64"]) for word in answer["outputs"]["word_bytes"]]
            assert words == ["é".encode(), b"\xff"]
            empty = {"x": np.zeros((0, 2)).tolist(), "n": 3, "word": []}
            status, answer = await client.post(path, {"inputs": empty})
            assert status == 400, "an empty list has lost its second dimension"
            assert "[?,2]" in answer["error"]

    asyncio.run(check())


BAD_BODIES = {
    "nothing": (b"", "JSON Parse error"),
    "no JSON": (b"{", "JSON Parse error"),
    "no text": (b"\xff", "JSON Parse error"),
    "nested": (b'{"x":' + b"[" * 100_000, "JSON Parse error"),
    "a list": (b"[]", "Expected `object`, got `array`"),
    "no key": (b"{}", "Missing 'inputs' or 'instances' key"),
    "both keys": ({"inputs": [], "instances": []}, "only one of"),
    "no rows": ({"instances": []}, "at least one"),
    "no list": ({"instances": "a"}, "Expected `array`, got `str`"),
    "ragged": ({"instances": ["a", ["b"]]}, "got `array` - at `$[1]`"),
    "mixed": ({"instances": [{"photo_bytes": "a"}, "b"]}, "Expected `object`, got `str`"),
    "other name": ({"instances": [{"photo": "a"}]}, "unknown field `photo`"),
    "number": ({"instances": [1]}, "(photo_bytes: string [?]): Expected"),
    "surrogate": (b'{"instances": ["\\ud800"]}', "JSON Parse error"),
    "no base64": ({"instances": [{"b64": "!"}]}, "base64"),
    "base64 of a number": ({"instances": [{"b64": 1}]}, "at `$[0].b64`"),
    "no batch": ({"inputs": "a"}, "(photo_bytes: string [?]): Expected `array`"),
    "too deep": ({"inputs": [["a"]]}, "got `array` - at `$[0]`"),
    "signature": (
        {"inputs": [], "signature_name": "other"},
        "ab, colorize_full, colorize_guided, serving_default",
    ),
    "signature's type": (
        {"inputs": [], "signature_name": 1},
        "Expected `str`, got `int` - at `$.signature_name`",
    ),
    "no photo": ({"instances": ["hello"]}, "expected a JPEG or PNG file"),
    "large photo": (row_request(encode(np.zeros((600, 600), np.uint8), "PNG")), "300000 pixels"),
    "half a photo": (row_request(make_photo()[:700]), "JPEG"),
}
BAD_NUMBERS = {
    "true": ({"x": [[1, 2]], "n": True, "word": [""]}, "int32"),
    "fraction": ({"x": [[1, 2]], "n": 1.5, "word": [""]}, "int32"),
    "too large": ({"x": [[1, 2]], "n": 2**40, "word": [""]}, "does not fit"),
    "huge": ({"x": [[10**400, 2]], "n": 1, "word": [""]}, "float32"),
    "text": ({"x": [["1", "2"]], "n": 1, "word": [""]}, "float32"),
    "null": ({"x": [[None, 2]], "n": 1, "word": [""]}, "float32"),
    "ragged": ({"x": [[1, 2], [1]], "n": 1, "word": [""]}, "like lengths"),
    "missing": ({"x": [[1, 2]], "n": 1}, "missing required field `word`"),
    "shape": ({"x": [[1, 2, 3]], "n": 1, "word": [""]}, "expected shape [?,2], got [1,3]"),
}


def test_what_cannot_be_read_is_refused_in_words(exported):
    async def check():
        async with serving(exported) as client:
            for case, (body, words) in BAD_BODIES.items():
                status, answer = await client.post(PREDICT, body)
                assert (status, answer.keys()) == (400, {"error"}), case
                assert words in answer["error"], case
                assert "\n" not in answer["error"], case
            for case, (columns, words) in BAD_NUMBERS.items():
                path = "/v1/models/arithmetic:predict"
                status, answer = await client.post(path, {"inputs": columns})
                assert status == 400, case
                assert words in answer["error"], case
            plain = {"instances": [[1, 2]]}
            assert (await client.post("/v1/models/arithmetic:predict", plain))[0] == 400

    asyncio.run(check())


BAD_PATHS = {
    "/v1/models/other": 404,
    "/v1/models/tiny/versions/2": 404,
    "/v1/models/tiny/versions/2/metadata": 404,
    "/v1/models/tiny/labels/stable": 400,
    "/v1/models/tiny/versions/99999999999999999999": 400,
    "/v1/models/tiny/versions/one": 400,
    "/v1/models": 400,
    PREDICT: 400,  # to be posted
    "/elsewhere": 404,
}


def test_paths_that_lead_nowhere(exported):
    async def check():
        async with serving(exported) as client:
            for path, status in BAD_PATHS.items():
                found, answer = await client.get(path)
                assert (found, json.loads(answer).keys()) == (status, {"error"}), path

    asyncio.run(check())


def test_status_metadata_health_and_metrics(exported):
    async def check():
        async with serving(exported) as client:
            for path in ("/v1/models/tiny", "/v1/models/tiny/versions/1"):
                state = {"error_code": "OK", "error_message": ""}
                version = {"version": "1", "state": "AVAILABLE", "status": state}
                found = json.loads((await client.get(path))[1])
                assert found == {"model_version_status": [version]}
            found = json.loads((await client.get("/v1/models/tiny/metadata"))[1])
            assert found["model_spec"]["version"] == "1"
            signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
            assert signature["inputs"]["photo_bytes"]["dtype"] == "DT_STRING"
            assert (await client.get("/healthz"))[0] == 200
            await client.post(PREDICT, row_request(make_photo()))
            await client.post("/v1/models/other:predict", b"{}")
            page = (await client.get(METRICS_PATH))[1]
            labels = 'entrypoint="REST",model="tiny",signature="serving_default"'
            assert f'deepkoal_requests_total{{{labels},status="OK"}} 1.0' in page
            assert f"deepkoal_request_seconds_count{{{labels}}} 1.0" in page
            assert 'model="",signature="",status="NOT_FOUND"} 1.0' in page
            assert 'deepkoal_model_version{model="arithmetic"} 3.0' in page
            await client.service.drain()
            assert (await client.get("/healthz"))[0] == 503
            assert (await client.get("/readyz"))[0] == 503
            assert (await client.get("/livez"))[0] == 200
            status, answer = await client.post(PREDICT, row_request(make_photo()))
            assert status == 503
            assert "stopping" in answer["error"]

    asyncio.run(check())


def test_grpc_by_the_stock_stubs(exported):
    photo = make_photo()

    async def check():
        async with serving(exported) as client:
            server, port = build_grpc_server(client.service, "127.0.0.1", 0)
            await server.start()
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await check_rpc(client, channel)
            await server.stop(None)

    async def check_rpc(client, channel):
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "tiny"
        request.inputs["photo_bytes"].CopyFrom(tf.make_tensor_proto([photo]))
        response = await stub.Predict(request)
        _, rest = await client.post(PREDICT, row_request(photo))
        assert list(response.outputs["image_bytes"].string_val) == read_rows(rest)
        assert response.model_spec.version.value == 1

        request = predict_pb2.PredictRequest(output_filter=["sum"])
        request.model_spec.name = "arithmetic"
        columns = {"x": np.float32([[1, 2]]), "n": np.int32(3), "word": [b"a"]}
        for name, value in columns.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        response = await stub.Predict(request)
        assert list(response.outputs) == ["sum"]
        assert list(response.outputs["sum"].float_val) == [6]

        metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        metadata.model_spec.name = "tiny"
        found = get_model_metadata_pb2.SignatureDefMap()
        (await stub.GetModelMetadata(metadata)).metadata["signature_def"].Unpack(found)
        assert "serving_default" in found.signature_def
        status = get_model_status_pb2.GetModelStatusRequest()
        status.model_spec.name = "tiny"
        models_stub = model_service_pb2_grpc.ModelServiceStub(channel)
        (version,) = (await models_stub.GetModelStatus(status)).model_version_status
        assert (version.version, version.State.Name(version.state)) == (1, "AVAILABLE")
        assert await channel.unary_unary(f"/{HEALTH_SERVICE}/Check")(b"") == b"\x08\x01"

        async def fail(call):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            return caught.value.code()

        codes = grpc.StatusCode
        assert await fail(stub.Predict(predict_pb2.PredictRequest())) == codes.NOT_FOUND
        request.inputs["x"].tensor_shape.dim[0].size = 2**40
        assert await fail(stub.Predict(request)) == codes.INVALID_ARGUMENT
        request.inputs["x"].CopyFrom(tf.make_tensor_proto([[1, 2]]))
        assert await fail(stub.Predict(request)) == codes.INVALID_ARGUMENT  # int32
        request.inputs["x"].dtype = 99
        assert await fail(stub.Predict(request)) == codes.INVALID_ARGUMENT
        no_field = get_model_metadata_pb2.GetModelMetadataRequest()
        assert await fail(stub.GetModelMetadata(no_field)) == codes.INVALID_ARGUMENT
        classify = classification_pb2.ClassificationRequest()
        assert await fail(stub.Classify(classify)) == codes.UNIMPLEMENTED
        with gate(client, "tiny"):
            request = predict_pb2.PredictRequest()
            request.model_spec.name = "tiny"
            request.inputs["photo_bytes"].CopyFrom(tf.make_tensor_proto([photo]))
            assert await fail(stub.Predict(request, timeout=0.2)) == codes.DEADLINE_EXCEEDED

    asyncio.run(check())


def test_a_broken_photo_harms_no_neighbor(exported):
    good, broken = make_photo(), make_photo()[:700]

    async def check():
        async with serving(exported, workers=1, batch_rows=4) as client:
            alone = await client.post(PREDICT, row_request(good))
            with gate(client, "tiny") as opened:
                photos = [good, good, broken, good, broken, good, good, good]
                asked = [client.post(PREDICT, row_request(photo)) for photo in photos]
                tasks = [asyncio.create_task(one) for one in asked]
                await until(lambda: client.service.batcher.waiting >= 4)
                opened.set()
                answers = await asyncio.gather(*tasks)
            for photo, answer in zip(photos, answers, strict=True):
                if photo is good:
                    assert answer == alone
                else:
                    assert answer[0] == 400
                    assert answer[1]["error"].startswith("the JPEG file is cut short or damaged;")
            page = (await client.get(METRICS_PATH))[1]
            assert 'deepkoal_batch_rows_bucket{le="4.0"}' in page
            assert "deepkoal_queue_requests 0.0" in page

    asyncio.run(check())


def test_requests_of_a_batch_get_their_own_rows(exported):
    photos = [make_photo(side) for side in (40, 48, 56, 64, 72)]

    async def check():
        async with serving(exported, workers=1, batch_rows=4) as client:
            with gate(client, "tiny") as opened:
                asked = [client.post(PREDICT, row_request(photo)) for photo in photos]
                tasks = [asyncio.create_task(one) for one in asked]
                await until(lambda: client.service.batcher.running > 0)
                opened.set()
                answers = await asyncio.gather(*tasks)
            for photo, (status, answer) in zip(photos, answers, strict=True):
                (image,) = read_rows(answer)
                assert status == 200
                assert decode_photo(image).rgb.shape == decode_photo(photo).rgb.shape

    asyncio.run(check())


def test_too_large_too_many_too_slow(exported):
    request = row_request(make_photo())

    async def check():
        large = b" " * (2 * 2**20)
        async with serving(exported, request_megabytes=1) as client:
            status, answer = await client.post(PREDICT, large)
            assert (status, "1 MiB" in answer["error"]) == (413, True)

            async def unannounced():
                for _ in range(4):
                    yield large[: 2**19]

            assert (await client.stream(PREDICT, unannounced()))[0] == 413
            assert client.service.budget.held == 0
        async with serving(exported, workers=1, requests=2, batch_rows=1) as client:
            with gate(client, "tiny") as opened:
                tasks = [asyncio.create_task(client.post(PREDICT, request)) for _ in range(6)]
                await until(lambda: sum(task.done() for task in tasks) == 4)
                opened.set()
                statuses = [status for status, _ in await asyncio.gather(*tasks)]
            assert sorted(statuses) == [200, 200, 429, 429, 429, 429]
        async with serving(exported, held_megabytes=1, request_megabytes=1) as client:
            with gate(client, "tiny") as opened:
                large = row_request(make_photo() + bytes(150_000))  # what follows a JPEG is skipped
                body = json.dumps(large).encode()
                first = asyncio.create_task(client.post(PREDICT, body))
                await until(lambda: client.service.batcher.running > 0)
                assert (await client.post(PREDICT, body))[0] == 429
                opened.set()
                assert (await first)[0] == 200
            assert client.service.budget.held == 0
        async with serving(exported, seconds=0.3) as client:
            with gate(client, "tiny"):
                assert (await client.post(PREDICT, request))[0] == 504

            async def slow():
                yield b"{"
                await asyncio.sleep(60)

            assert (await client.stream(PREDICT, slow()))[0] == 408

    asyncio.run(check())


def test_a_client_that_leaves_is_not_worked_for():
    async def leave():
        return {"type": "http.disconnect"}

    async def check():
        request = Request({"type": "http"}, leave)
        cancelled = asyncio.Event()

        async def work():
            try:
                await asyncio.sleep(60)
            finally:
                cancelled.set()

        with pytest.raises(ServingError) as caught:
            await run_while_connected(request, work())
        assert caught.value.code == "CANCELLED"
        await cancelled.wait()

    asyncio.run(check())


def test_a_new_version_takes_over_and_the_old_one_is_unloaded(models, tmp_path):
    request = row_request(make_photo())

    async def check():
        async with serving(models, workers=2) as client:
            repository = client.service.repository
            _, old = await client.post(PREDICT, request)
            with gate(client, "tiny") as opened:
                late = asyncio.create_task(client.post(PREDICT, request))
                await until(lambda: client.service.batcher.running > 0)
                save_pixel(tmp_path / "2").rename(models / "tiny" / "2")
                await repository.refresh()  # seen
                assert repository.versions["tiny"] == 1
                await repository.refresh()  # unchanged since, so loaded
                assert repository.versions["tiny"] == 2
                status, new = await client.post(PREDICT, request)
                assert status == 200
                assert new != old
                assert repository.list_states("tiny")[1].state == "UNLOADING"
                opened.set()
                assert await late == (200, old), "begun before, ended by the old version"
            await until(lambda: repository.list_states("tiny")[1].state == "END")
            assert (await client.post("/v1/models/tiny/versions/1:predict", request))[0] == 404
            shutil.rmtree(models / "tiny" / "2")
            await repository.refresh()
            await repository.refresh()
            assert await client.post(PREDICT, request) == (200, old), "back to the one before"
            shutil.rmtree(models / "tiny")
            await repository.refresh()
            assert (await client.post(PREDICT, request))[0] == 404

    asyncio.run(check())


def test_half_a_version_changes_nothing(models):
    request, lines = row_request(make_photo()), []

    async def check():
        async with serving(models, lines) as client:
            repository = client.service.repository
            second = models / "tiny" / "2"
            second.mkdir()
            variables = second / "variables"
            whole = models / "tiny" / "1"
            for step in ("empty", "pb", "cut"):
                if step == "pb":
                    shutil.copy(whole / "saved_model.pb", second)
                if step == "cut":
                    shutil.copytree(whole / "variables", variables)
                    (data,) = variables.glob("*.data*")
                    data.write_bytes(data.read_bytes()[:-100])
                for _ in range(3):
                    await repository.refresh()
                assert repository.versions["tiny"] == 1, step
                assert (await client.post(PREDICT, request))[0] == 200, step
            assert len([line for line in lines if "cannot be loaded" in line]) == 2, "once a change"
            state = json.loads((await client.get("/v1/models/tiny/versions/2"))[1])
            (state,) = state["model_version_status"]
            assert (state["state"], state["status"]["error_code"]) == ("END", "FAILED_PRECONDITION")
            shutil.rmtree(variables)
            shutil.copytree(whole / "variables", variables)
            for _ in range(2):
                await repository.refresh()
            assert repository.versions["tiny"] == 2

    asyncio.run(check())


class Picky(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="photo_bytes")])
    def __call__(self, photo_bytes):
        length = tf.strings.length(photo_bytes)
        check = tf.debugging.Assert(tf.reduce_all(length > 100), ["expected a photo, got", length])
        with tf.control_dependencies([check]):
            return {"image_bytes": tf.identity(photo_bytes)}


def test_warm_up_records_are_run(tmp_path):
    folder = tmp_path / "1"
    tf.saved_model.save(Picky(), str(folder))
    path = folder / WARMUP_FILE

    def write(photo):
        request = predict_pb2.PredictRequest()
        request.inputs["photo_bytes"].CopyFrom(tf.make_tensor_proto([photo]))
        log = prediction_log_pb2.PredictionLog(predict_log={"request": request})
        path.parent.mkdir(exist_ok=True)
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(log.SerializeToString())

    write(make_photo())
    SavedModelVersion("tiny", 1, folder).close()
    write(b"no photo")
    with pytest.raises(ServingError, match="expected a photo, got: 8"):
        SavedModelVersion("tiny", 1, folder)
    path.write_bytes(b"no records" * 10)
    with pytest.raises(ServingError, match="cannot be loaded"):
        SavedModelVersion("tiny", 1, folder)


def test_no_model_is_an_error(tmp_path):
    async def check(folder):
        with pytest.raises(DeepkoalError, match="NAME/VERSION"):
            async with serving(folder):
                pass

    (tmp_path / "models" / "no" / "1").mkdir(parents=True)
    asyncio.run(check(tmp_path / "models"))
    asyncio.run(check(tmp_path / "missing"))


def test_limits_are_checked():
    with pytest.raises(DeepkoalError, match="seconds must be above 0"):
        Limits(seconds=0)
    assert Limits().workers >= 1


def test_memory_is_given_back_after_runs_only(monkeypatch):
    asked = []
    monkeypatch.setattr(server_module, "MEMORY_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(server_module, "return_freed_memory", lambda: asked.append(batcher.runs))
    batcher = SimpleNamespace(runs=0)

    async def check():
        task = asyncio.create_task(server_module.return_memory(batcher))
        for runs in (2, 3):
            await asyncio.sleep(0.05)
            batcher.runs = runs
            await until(lambda runs=runs: runs in asked)
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(check())
    assert asked == [2, 3]
