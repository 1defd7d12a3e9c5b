"""`deepkoal serve` as a process: its page, its client, its end, and what fuzzers send it."""

import io
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import numpy as np
import pytest
import schemathesis
import tensorflow as tf
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from missing import skip_or_fail
from PIL import Image
from schemathesis.specs.openapi.checks import positive_data_acceptance
from serving_parts import (
    encode,
    export_tiny,
    get,
    make_photo,
    open_as_written,
    post,
    read_rows,
    row_request,
    running_server,
    save_pixel,
)
from skimage import data
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis import predict_pb2

from deepkoal.cli import main
from deepkoal.client import Client, transport, wire
from deepkoal.errors import DeepkoalError
from deepkoal.hints import Hint, Stroke
from deepkoal.image_io import read_image, write_image
from deepkoal.serving.errors import CODES, HTTP_STATUS, ServingError, code_of_http_status
from deepkoal.serving.tensors.messages import PredictResponse
from deepkoal.serving.tensors.signature import Signature, Slot
from deepkoal.serving.tensors.tensor_json import read_request
from deepkoal.serving.tensors.tensor_protos import read_tensor, write_tensor

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PAGE = Path(__file__).parent.parent / "docs" / "serve.md"
PREDICT = "/v1/models/koala-lite:predict"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A tiny network without its warm-up, which test_serving.py runs: each start runs it again."""
    folder = tmp_path_factory.mktemp("served")
    shutil.rmtree(export_tiny(folder / "koala-lite" / "1") / "assets.extra")
    return folder


@pytest.fixture(scope="module")
def server(models):
    with running_server(models) as running:
        yield running


@pytest.mark.parametrize(
    ("language", "program"),
    [("sh", ["sh", "-c"]), ("python", None), ("js", ["node", "-e"])],
)
def test_examples_of_the_page_run(server, tmp_path, monkeypatch, language, program):
    needed = {"sh": ("curl", "base64", "sed"), "js": ("node",)}.get(language, ())
    for name in needed:
        if shutil.which(name) is None:
            skip_or_fail(f"{name} is missing")
    (example,) = re.findall(
        rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    assert "http://127.0.0.1:8501" in example
    example = example.replace("http://127.0.0.1:8501", server.url)
    write_image(tmp_path / "old.jpg", np.dstack([data.chelsea()[::4, ::4, 1]] * 3))
    monkeypatch.chdir(tmp_path)
    if program is None:
        exec(compile(example, str(PAGE), "exec"), {})
    else:
        subprocess.run([*program, example], check=True, timeout=60)
    assert read_image("new.png").shape == read_image("old.jpg").shape


def test_client_over_both_ways(server):
    photo = make_photo()
    with Client(server.url) as rest, Client(f"grpc://{server.target}", version=1) as grpc:
        image = rest.colorize(photo)
        assert image == grpc.colorize(photo)
        assert Image.open(io.BytesIO(image)).size == (64, 64)
        for client in (rest, grpc):
            with pytest.raises(ServingError, match=r"^photo_bytes: .*: 5$") as caught:
                client.colorize(b"hello")
            assert caught.value.code == "INVALID_ARGUMENT"
    for address in (server.url, f"grpc://{server.target}"):
        with Client(address, model="other") as client, pytest.raises(ServingError) as caught:
            client.colorize(photo)
        assert caught.value.code == "NOT_FOUND"


NAMES = ("colorize_guided", "colorize_full", "variations")


class Echo(tf.Module):
    """Takes what a koala-lite takes, and returns it in the place of the photo."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="photo_bytes"),
            tf.TensorSpec([None, None, 2], tf.float32, name="hint_points"),
            tf.TensorSpec([None, None], tf.string, name="hint_colors"),
            tf.TensorSpec([None], tf.string, name="palette"),
            tf.TensorSpec([None], tf.float32, name="vibrance"),
        ]
    )
    def colorize_guided(self, photo_bytes, hint_points, hint_colors, palette, vibrance):
        points = tf.strings.reduce_join(tf.strings.as_string(hint_points, precision=1), axis=[2, 1])
        colors = tf.strings.reduce_join(hint_colors, axis=1)
        parts = [photo_bytes, points, colors, palette, tf.strings.as_string(vibrance, precision=2)]
        return {"image_bytes": tf.strings.join(parts, "|")}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="photo_bytes"),
            tf.TensorSpec([None, None, 2], tf.float32, name="hint_points"),
            tf.TensorSpec([None, None], tf.int32, name="hint_marks"),
            tf.TensorSpec([None, None], tf.string, name="hint_kinds"),
            tf.TensorSpec([None, None], tf.string, name="hint_colors"),
            tf.TensorSpec([None, None], tf.bool, name="hint_relative"),
            tf.TensorSpec([None], tf.string, name="palette"),
            tf.TensorSpec([None], tf.float32, name="vibrance"),
            tf.TensorSpec([None], tf.int32, name="detail"),
            tf.TensorSpec([None], tf.string, name="format"),
            tf.TensorSpec([None], tf.int32, name="quality"),
        ]
    )
    def colorize_full(
        self,
        photo_bytes,
        hint_points,
        hint_marks,
        hint_kinds,
        hint_colors,
        hint_relative,
        palette,
        vibrance,
        detail,
        format,
        quality,
    ):
        texts = [photo_bytes]
        hints = (hint_points, hint_marks, hint_kinds, hint_colors, hint_relative)
        for values in (*hints, palette, vibrance, detail, format, quality):
            if values.dtype != tf.string:
                short = {"precision": 1} if values.dtype.is_floating else {}
                values = tf.strings.as_string(values, **short)
            texts.append(tf.strings.reduce_join(values, axis=[*range(1, values.shape.rank)][::-1]))
        return {"image_bytes": tf.strings.join(texts, "|")}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="photo_bytes"),
            tf.TensorSpec([None], tf.int32, name="count"),
            tf.TensorSpec([None], tf.int32, name="seed"),
        ]
    )
    def variations(self, photo_bytes, count, seed):
        return {"image_bytes": tf.repeat(photo_bytes[:, None], tf.reduce_max(count + seed), axis=1)}


def test_guidance_is_sent_as_the_signatures_take_it(models, server):
    module = Echo()
    signatures = {name: getattr(module, name) for name in NAMES}
    tf.saved_model.save(module, str(models / "echo" / "1"), signatures)
    wait_until(lambda: get(f"{server.url}/v1/models/echo")[0] == 200)
    wait_until(lambda: "AVAILABLE" in get(f"{server.url}/v1/models/echo")[1])
    hints = [Hint(x=1, y=2.5, color="#c03020"), Hint(x=3, y=4, color="red")]
    for address in (server.url, f"grpc://{server.target}"):
        with Client(address, model="echo") as client:
            echoed = client.colorize(b"a", hints=hints, palette="sepia", vibrance=1.25)
            assert echoed == b"a|1.02.53.04.0|#c03020#ff0000|sepia|1.25"
            assert client.colorize(b"a", vibrance=2) == b"a|0.00.0|||2.00"
            assert client.variations(b"a", count=3, seed=1) == [b"a"] * 4
            all_kinds = [Hint(1, 1, (20.0, 30.0)), Stroke([(0, 0), (1, 0.5)], "red", relative=True)]
            echoed = client.colorize(b"a", hints=all_kinds, detail=64)
            marks = b"1.01.00.00.01.00.5|011|hintstroke|20.0,30.0#ff0000|falsetrue"
            assert echoed == b"a|" + marks + b"||0.0|64|png|95"
            echoed = client.colorize(b"a", format="jpeg", quality=80, vibrance=1)
            assert echoed == b"a|0.00.0|-1|||false||1.0|0|jpeg|80"
            with pytest.raises(ServingError, match=r"unknown (field `)?reference_bytes"):
                client.colorize(b"a", reference=b"b")
            with pytest.raises(DeepkoalError, match=r"expected hints as a list of deepkoal\.Hint"):
                client.colorize(b"a", hints=[{"x": 1, "y": 1, "color": "red"}])


def test_only_what_neighbors_cannot_change_is_batched():
    def batches(**shapes):
        slots = {name: Slot("t:0", np.dtype(object), shape) for name, shape in shapes.items()}
        return Signature("s", slots, {"y": slots.pop("y")}).is_batchable

    assert batches(x=(None,), y=(None,))
    assert batches(x=(None, None, 3), y=(None, None))
    assert not batches(x=(None,), y=(None, None))  # as many columns as the largest value says
    assert not batches(x=(None,), n=(), y=(None,))
    assert not batches(x=(None,), y=None)
    assert not batches(x=(1,), y=(None,))


def test_client_reports_that_nobody_is_there():
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        for address in (f"http://{place}", f"grpc://{place}"):
            with Client(address, attempts=2) as client, pytest.raises(DeepkoalError) as caught:
                client.colorize(b"")
            assert "is the server running?" in str(caught.value)
    for address in ("127.0.0.1:8501", "ftp://127.0.0.1", "http://"):
        with pytest.raises(DeepkoalError, match="expected an address"):
            Client(address)
    with pytest.raises(DeepkoalError, match="above 0"):
        Client("http://127.0.0.1:8501", timeout=0)


def test_client_imports_no_tensorflow():
    program = (
        "import sys; from deepkoal.client import Client; Client('grpc://127.0.0.1:1');"
        "print(sorted({'tensorflow', 'keras', 'fastapi', 'uvicorn'} & set(sys.modules)))"
    )
    root = PAGE.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"


def test_wire_agrees_with_the_stock_protos():
    strings = np.empty((1, 2), object)
    strings[:] = b"\xff\x00", b""
    inputs = {"photo": strings, "n": np.int32([3]), "x": np.float32([[0.5]]), "m": np.int64(-1)}
    stock = predict_pb2.PredictRequest.FromString(wire.write_request("m", 7, "s", inputs))
    spec = stock.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("m", 7, "s")
    assert set(stock.inputs) == set(inputs)
    for name, array in inputs.items():
        np.testing.assert_array_equal(tf.make_ndarray(stock.inputs[name]), array)
    response = PredictResponse()
    response.outputs["image_bytes"].CopyFrom(write_tensor(strings))
    stock = predict_pb2.PredictResponse.FromString(response.SerializeToString())
    np.testing.assert_array_equal(tf.make_ndarray(stock.outputs["image_bytes"]), strings)
    assert wire.read_strings(response.SerializeToString()) == {"image_bytes": [b"\xff\x00", b""]}


def test_retries_are_few_and_for_what_passes(monkeypatch):
    pauses = []
    monkeypatch.setattr(transport.time, "sleep", pauses.append)

    def failing(code, times):
        left = [times]

        def attempt(seconds):
            assert 0 < seconds <= 60
            left[0] -= 1
            if left[0] >= 0:
                raise ServingError(code, "no")
            return "done"

        return attempt

    assert transport.retry(failing("UNAVAILABLE", 3), 4, 60) == "done"
    assert len(pauses) == 3
    assert all(0.05 * 2**n <= pause <= 0.1 * 2**n for n, pause in enumerate(pauses))
    with pytest.raises(ServingError):
        transport.retry(failing("RESOURCE_EXHAUSTED", 9), 4, 60)
    assert len(pauses) == 6
    for code in ("INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "INTERNAL"):
        with pytest.raises(ServingError):
            transport.retry(failing(code, 1), 4, 60)
    with pytest.raises(ServingError):
        transport.retry(failing("UNAVAILABLE", 1), 4, 0.01)
    assert len(pauses) == 6, "there was no time for a pause"


def test_codes_are_those_of_grpc_and_tensorflow():
    assert [code.value[0] for code in grpc.StatusCode] == list(range(len(CODES)))
    assert [code.name for code in grpc.StatusCode] == list(CODES)
    assert CODES.index("RESOURCE_EXHAUSTED") == tf.errors.RESOURCE_EXHAUSTED
    for code in ("NOT_FOUND", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "INVALID_ARGUMENT", "INTERNAL"):
        assert code_of_http_status(HTTP_STATUS[code]) == code
    assert code_of_http_status(302) == "UNKNOWN"


def test_the_interface_is_as_its_schema_says(server):
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 13

    for operation in operations:

        @settings(max_examples=8, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy())
        def check(case):
            # What a string must hold to be a photo is beyond a schema.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        check()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["b64", "x", "photo_bytes"]) | st.text(max_size=3), inner)
    ),
    max_leaves=12,
)
SIGNATURE = Signature(
    "serving_default",
    {
        "photo_bytes": Slot("a:0", np.dtype(object), (None,)),
        "x": Slot("b:0", np.dtype(np.float32), None),
    },
    {},
)


@given(st.fixed_dictionaries({}, optional={"instances": JSON, "inputs": JSON}) | JSON)
def test_any_json_is_read_or_rejected(document):
    try:
        request = read_request(json.dumps(document).encode(), lambda name: SIGNATURE)
    except ServingError as error:
        code = error.code
    else:
        code = None
        assert request.inputs.keys() == SIGNATURE.inputs.keys()
    assert code in (None, "INVALID_ARGUMENT")


@given(
    st.binary(max_size=64)
    | st.builds(lambda *fields: make_proto(*fields), *[st.integers(-2, 30)] * 4)
)
def test_any_tensor_proto_is_read_or_rejected(content):
    try:
        array = read_tensor(TensorProto.FromString(content))
    except (ServingError, DecodeError):
        return
    assert array.nbytes <= 2**27


def make_proto(dtype, size, values, strings):
    proto = TensorProto(dtype=max(dtype, 0))
    proto.tensor_shape.dim.add(size=size)
    proto.float_val.extend([0.5] * max(values, 0))
    proto.string_val.extend([b"a"] * max(strings, 0))
    return proto.SerializeToString()


@pytest.fixture(scope="module")
def served(models):
    with open_as_written(models / "koala-lite" / "1") as served:
        yield served


SEEDS = [make_photo(), encode(data.chelsea()[::6, ::6], "PNG")]


@settings(max_examples=60)
@given(st.sampled_from([0, 1]), st.data())
def test_any_file_is_colored_or_rejected(served, seed, drawn):
    photo = bytearray(SEEDS[seed][: drawn.draw(st.integers(0, 4000))])
    for _ in range(drawn.draw(st.integers(0, 4))):
        if photo:
            photo[drawn.draw(st.integers(0, len(photo) - 1))] = drawn.draw(st.integers(0, 255))
    inputs = np.empty(1, object)
    inputs[0] = bytes(photo)
    signature = served.get_signature("")
    try:
        outputs = served.run(signature, {"photo_bytes": inputs}, ("image_bytes",), 60)
    except ServingError as error:
        code = error.code
    else:
        code = None
        Image.open(io.BytesIO(outputs["image_bytes"][0])).verify()
    assert code in (None, "INVALID_ARGUMENT")


PAUSE = 0.1
"""Seconds between a load's requests: without, all they do is keep the server from its work."""


class Load(threading.Thread):
    """Sends requests until told to stop, or until the server goes away."""

    def __init__(self, url):
        super().__init__()
        self.url = url
        self.statuses = []
        self.images = set()
        self.failures = []
        self.is_over = threading.Event()

    def run(self):
        request = row_request(make_photo())
        while not self.is_over.is_set():
            try:
                status, answer = post(self.url + PREDICT, request)
            except OSError as error:
                self.failures.append(error)
                return
            self.statuses.append(status)
            if status == 200:
                self.images.update(read_rows(answer))
            self.is_over.wait(PAUSE)


def start_load(url, count=3):
    loads = [Load(url) for _ in range(count)]
    for load in loads:
        load.start()
    wait_until(lambda: all(load.failures or len(load.statuses) >= 2 for load in loads))
    assert not any(load.failures for load in loads), loads[0].failures
    return loads


def stop_load(loads):
    for load in loads:
        load.is_over.set()
        load.join(60)


def wait_until(condition, seconds=240):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_killed_restarted_renewed_and_stopped_under_load(models, tmp_path):
    folder = shutil.copytree(models, tmp_path / "models")
    with running_server(folder) as first:
        loads = start_load(first.url)
        assert first.stop(signal.SIGKILL) == -signal.SIGKILL
        wait_until(lambda: all(load.failures for load in loads))
        stop_load(loads)
        ports = {
            "rest_port": int(first.url.rpartition(":")[2]),
            "port": int(first.target.rpartition(":")[2]),
        }
    with running_server(folder, **ports) as second:
        loads = start_load(second.url)
        before = set().union(*(load.images for load in loads))
        save_pixel(tmp_path / "2").rename(folder / "koala-lite" / "2")
        wait_until(lambda: set().union(*(load.images for load in loads)) > before)
        stop_load(loads)
        assert not any(load.failures for load in loads)
        assert {status for load in loads for status in load.statuses} == {200}
        assert "version 2" in second.log.read_text()
        wait_until(lambda: "END" in get(second.url + "/v1/models/koala-lite/versions/1")[1])

        loads = start_load(second.url)
        assert second.stop() == 0
        stop_load(loads)
        assert {200} <= {status for load in loads for status in load.statuses} <= {200, 503}
        said = second.log.read_text()
        assert "stopping" in said
        assert "Traceback" not in said


def test_a_taken_port_and_a_missing_folder_are_errors(server, models, tmp_path, capsys):
    port = server.url.rpartition(":")[2]
    rpc = server.target.rpartition(":")[2]
    assert main(["serve", str(models), "--rest-port", port, "--port", "0"]) == 1
    assert "choose another port with --rest-port" in capsys.readouterr().err
    assert main(["serve", str(models), "--rest-port", "0", "--port", rpc]) == 1
    assert "choose another port with --port" in capsys.readouterr().err
    assert main(["serve", str(tmp_path / "none"), "--rest-port", "0", "--port", "0"]) == 1
    assert "NAME/VERSION" in capsys.readouterr().err
