"""What an export's signatures refuse, and what goes around them: records, protos, mounted files."""

import argparse
import base64
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml
from absl.testing import flagsaver
from google.protobuf import text_format
from PIL import Image
from serving_parts import export_tiny, open_as_written
from tensorflow.python.tools import saved_model_cli
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from deepkoal.cli.commands import export as verb
from deepkoal.export import WARM_UP_FILE, warm_up
from deepkoal.guidance import list_palettes
from deepkoal.serving.errors import ServingError

DOCS = Path(__file__).parent.parent / "docs"

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    return export_tiny(tmp_path_factory.mktemp("models") / "tiny" / "1")


@pytest.fixture(scope="module")
def served(export):
    with open_as_written(export) as served:
        yield served


@pytest.fixture(scope="module")
def photo_bytes(photos):
    file = io.BytesIO()
    Image.fromarray(photos["chelsea"][:90, :150]).save(file, "PNG")
    return file.getvalue()


def call(served, name, **inputs):
    """Call a signature with its example request, some of whose inputs are others."""
    inputs = {**warm_up.list_examples()[name], **inputs}
    slots = served.signatures[name].inputs
    arrays = {key: to_array(value, slots[key].dtype) for key, value in inputs.items()}
    return run(served, name, arrays)


def to_array(values, dtype):
    array = np.array(values, dtype)
    if dtype.kind == "O":
        flat = [value.encode() if isinstance(value, str) else value for value in array.ravel()]
        array = np.array([*flat, None], object)[:-1].reshape(array.shape)
    return array


def run(served, name, arrays):
    signature = served.get_signature(name)
    signature.check_inputs(arrays)
    return served.run(signature, arrays, signature.choose_outputs(()), 300)


# --- what is refused ---------------------------------------------------------------------------

ONE = [[[10, 10]]]
PIXELS = {"hint_relative": [[False] * 3]}


@pytest.mark.parametrize(
    ("name", "inputs", "message"),
    [
        (
            "colorize_guided",
            {"hint_points": [[[64, 3]]], "hint_colors": [["#c03020"]]},
            r"inside the photo, counted in pixels.*: \[64 3\], 64 48$",
        ),
        (
            "colorize_guided",
            {"hint_points": [[[np.nan, 3]]], "hint_colors": [["#c03020"]]},
            r"inside the photo.*: \[nan 3\]",
        ),
        (
            "colorize_guided",
            {"hint_points": ONE, "hint_colors": [["tomato"]]},
            r"expected colors as #rrggbb, .*: tomato$",
        ),
        (
            "colorize_guided",
            {"hint_points": ONE, "hint_colors": [[b"\xff\xfe" + 90 * b"x"]]},
            r"expected colors as #rrggbb, .*: \?\?x{38}$",
        ),
        (
            "colorize_guided",
            {"hint_points": ONE, "hint_colors": [["", ""]]},
            r"as many hint_points as hint_colors, got this many: 1, 2$",
        ),
        ("colorize_guided", {"palette": ["no such"]}, r"one of autochrome, .*: no such$"),
        ("colorize_guided", {"vibrance": [9.0]}, r"vibrance: expected 0.2 to 5 .*: 9$"),
        ("colorize_guided", {"vibrance": [np.nan]}, "vibrance: expected"),
        (
            "colorize_guided",
            {"vibrance": [1.0, 2.0]},
            r"entries for each of hint_points, .*, vibrance as photos, .*2, 1$",
        ),
        ("colorize_full", {"hint_marks": [[0, 1, 1, 2, 2, 1]]}, r"that do not fall, or -1.*2 1$"),
        ("colorize_full", {"hint_marks": [[0, 1, 1, 3, 3, 3]]}, r"numbers of hint_kinds .*3$"),
        ("colorize_full", {"hint_marks": [[0, 0, 1, 2, 2, 2]]}, r"1 for a hint, .*: 2 1 3$"),
        ("colorize_full", {"hint_marks": [[0, 1, 1, 2, 2, -1]]}, r"3 for a region, .*: 1 2 2$"),
        (
            "colorize_full",
            {"hint_marks": [[0]]},
            r"as many hint_points as hint_marks.*: 6, 1, 3, 3, 3$",
        ),
        ("colorize_full", {"hint_kinds": [["hint", "line", ""]]}, r"hint, stroke, region .*line"),
        ("colorize_full", {"hint_colors": [["#c03020", "200,1", "grey"]]}, r"grey, own .*: 200,1$"),
        ("colorize_full", {"hint_relative": [[True] * 3]}, r"relative ones in 0 to 1.*20 10"),
        (
            "colorize_full",
            {"hint_points": [[[64, 10], [5, 5], [9, 9], [0, 0], [0, 1], [1, 1]]]},
            r"inside the photo, counted in pixels.*: \[64 10\], 64 48$",
        ),
        # Neither the stroke nor the region touches the photo, though the boxes around them do.
        (
            "colorize_full",
            {"hint_points": [[[9, 9], [-30, 10], [10, -30], [0, 0], [9, 0], [9, 9]]], **PIXELS},
            r"inside the photo, counted in pixels.*: \[-30 10\]\[10 -30\], 64 48$",
        ),
        (
            "colorize_full",
            {"hint_points": [[[9, 9], [5, 5], [9, 9], [-30, 10], [10, -30], [-30, -30]]], **PIXELS},
            r"regions that hold a pixel of the photo, got these areas: 0$",
        ),
        (
            "colorize_full",
            {"hint_points": [[[9, 9], [5, 5], [9, 9], [1, 1], [5, 5], [9, 9]]], **PIXELS},
            r"regions that hold a pixel of the photo, got these areas: 0$",
        ),
        (
            "colorize_full",
            {"hint_points": np.zeros((1, 600, 2)), "hint_marks": np.zeros((1, 600))},
            r"at most 500 for all hints .* got this many: 600$",
        ),
        ("colorize_full", {"detail": [7]}, r"detail: expected 32 to 1024 .*: 7$"),
        ("colorize_full", {"format": ["webp"]}, r"format: expected png or jpeg.*: webp$"),
        ("colorize_full", {"quality": [101]}, r"quality: expected 1 to 100, got: 101$"),
        ("variations", {"count": [0]}, r"count: expected 1 to 16, got: 0$"),
        ("variations", {"count": [17]}, r"count: expected 1 to 16, got: 17$"),
        ("variations", {"seed": [-1]}, r"seed: expected numbers from 0 up, got: -1$"),
        ("variations", {"photo_bytes": [b"no photo"]}, "photo_bytes: expected a JPEG or PNG"),
        ("ab", {"l": np.zeros((1, 40, 64, 1))}, r"multiples of 32, got: 40 64$"),
    ],
)
def test_what_is_refused_is_named(served, name, inputs, message):
    with pytest.raises(ServingError, match=message) as caught:
        call(served, name, **inputs)
    assert caught.value.code == "INVALID_ARGUMENT"


def test_every_palette_is_known(served, photo_bytes):
    names = ["", *(palette.name for palette in list_palettes())]
    count = len(names)
    colored = call(
        served,
        "colorize_guided",
        photo_bytes=[photo_bytes] * count,
        hint_points=np.zeros((count, 0, 2)),
        hint_colors=np.zeros((count, 0), str),
        palette=names,
        vibrance=[1] * count,
    )["image_bytes"]
    assert len(set(colored)) == count
    plain = call(served, "serving_default", photo_bytes=[photo_bytes])["image_bytes"][0]
    levels = [np.asarray(Image.open(io.BytesIO(data)), int) for data in (colored[0], plain)]
    assert np.abs(levels[0] - levels[1]).max() <= 1  # hints' ways are taken, though there are none


def test_the_first_variation_is_the_automatic_one(served, photo_bytes):
    (looks,) = call(served, "variations", photo_bytes=[photo_bytes], count=[4])["image_bytes"]
    assert len(set(looks)) == 4
    (colored,) = call(served, "serving_default", photo_bytes=[photo_bytes])["image_bytes"]
    assert looks[0] == colored


# --- requests as TensorFlow Serving reads them -------------------------------------------------


def test_warm_up_records_call_every_signature(export, served):
    records = list(tf.data.TFRecordDataset(str(export / WARM_UP_FILE)).as_numpy_iterator())
    called = []
    for record in records:
        log = prediction_log_pb2.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        assert request.model_spec.name == "tiny-export"
        called.append(request.model_spec.signature_name)
        outputs = answer(served, request).outputs
        assert {name: tf.make_ndarray(proto).shape[0] for name, proto in outputs.items()} in (
            {"image_bytes": 1},
            {"ab": 1},
        )
    assert sorted(called) == sorted(served.signatures)
    assert sum(map(len, records)) < 100_000


def answer(served, request):
    """Answer a request as TensorFlow Serving does, from protos to protos."""
    name = request.model_spec.signature_name
    inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
    response = predict_pb2.PredictResponse(model_spec=request.model_spec)
    for key, value in run(served, name, inputs).items():
        response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
    return predict_pb2.PredictResponse.FromString(response.SerializeToString())


def test_without_the_protos_an_export_has_no_warm_up(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    assert not warm_up.write_warm_up(tmp_path, "tiny", ["ab"])
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("deepkoal.export.export_saved_model", lambda *_, **__: tmp_path)
    monkeypatch.setattr(verb, "load_colorizer", lambda _: None)
    monkeypatch.setattr(verb, "start_tensorflow", lambda: None)
    parser = argparse.ArgumentParser()
    verb.add_verbs(parser.add_subparsers())
    parsed = parser.parse_args(["export", str(tmp_path)])
    assert parsed.run(parsed) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path}\n"
    assert "pip install 'deepkoal[serve]'" in said.err.splitlines()[-1]


def test_saved_model_cli_shows_and_runs_it(
    export, served, photo_bytes, tmp_path, monkeypatch, capsys
):
    np.save(tmp_path / "photo.npy", np.array([photo_bytes]))
    run = ("--tag_set", "serve", "--signature_def", "serving_default", "--outdir", str(tmp_path))
    run += ("--inputs", f"photo_bytes={tmp_path / 'photo.npy'}")
    for action, options in (("show", ("--all",)), ("run", run)):
        # In this process, for another would import TensorFlow again.
        argv = ["saved_model_cli", action, "--dir", str(export), *options]
        monkeypatch.setattr(sys, "argv", argv)
        with flagsaver.flagsaver(), pytest.raises(SystemExit) as ended:
            saved_model_cli.main()
        assert not ended.value.code
    shown = capsys.readouterr().out
    tensors = re.findall(r"puts\['(\w+)'\] tensor_info:\s+dtype: (\w+)\s+shape: (.*)", shown)
    tensors = [found for found in tensors if found[1] != "DT_INVALID"]  # the initializer's
    assert sorted(set(tensors)) == [
        ("ab", "DT_FLOAT", "(-1, -1, -1, 2)"),
        ("count", "DT_INT32", "(-1)"),
        ("detail", "DT_INT32", "(-1)"),
        ("format", "DT_STRING", "(-1)"),
        ("hint_colors", "DT_STRING", "(-1, -1)"),
        ("hint_kinds", "DT_STRING", "(-1, -1)"),
        ("hint_marks", "DT_INT32", "(-1, -1)"),
        ("hint_points", "DT_FLOAT", "(-1, -1, 2)"),
        ("hint_relative", "DT_BOOL", "(-1, -1)"),
        ("image_bytes", "DT_STRING", "(-1)"),
        ("image_bytes", "DT_STRING", "(-1, -1)"),
        ("l", "DT_FLOAT", "(-1, -1, -1, 1)"),
        ("palette", "DT_STRING", "(-1)"),
        ("photo_bytes", "DT_STRING", "(-1)"),
        ("quality", "DT_INT32", "(-1)"),
        ("seed", "DT_INT32", "(-1)"),
        ("vibrance", "DT_FLOAT", "(-1)"),
    ]
    (colored,) = np.load(tmp_path / "image_bytes.npy", allow_pickle=True)
    (expected,) = call(served, "serving_default", photo_bytes=[photo_bytes])["image_bytes"]
    # Another session's threads may add up in another order.
    found, wanted = (np.asarray(Image.open(io.BytesIO(data)), int) for data in (colored, expected))
    assert np.abs(found - wanted).max() <= 1


# --- the page and the files that are mounted ---------------------------------------------------


def read_blocks(language):
    page = (DOCS / "serving.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def build_request(body, photo_bytes):
    """Turn the JSON of a row request into protos, as TensorFlow Serving does."""
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = body.get("signature_name", "serving_default")
    specs = warm_up.list_examples()[request.model_spec.signature_name]
    for name, example in specs.items():
        values = [instance.pop(name) for instance in body["instances"]]
        if name.endswith("_bytes"):
            assert all(value == {"b64": "…"} for value in values)
            values = [base64.b64decode(base64.b64encode(photo_bytes)) for _ in values]
        request.inputs[name].CopyFrom(tf.make_tensor_proto(np.array(values, example.dtype)))
    assert not any(body["instances"]), "an input that the signature does not have"
    return request


def test_requests_on_the_page_are_answered(served, photo_bytes):
    called = []
    for block in read_blocks("json"):
        body = json.loads(block)
        count = len(body["instances"])
        request = build_request(body, photo_bytes)
        called.append(request.model_spec.signature_name)
        files = tf.make_ndarray(answer(served, request).outputs["image_bytes"])
        assert len(files) == count
        for file in files.ravel():
            assert Image.open(io.BytesIO(file)).size == (150, 90)
    assert called == ["colorize_guided", "colorize_full", "variations"]


def test_the_server_is_told_what_the_page_says():
    text = (DOCS / "serving" / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.model_platform) == ("koala-lite", "tensorflow")

    compose = yaml.safe_load((DOCS / "serving" / "compose.yaml").read_text())
    service = compose["services"].pop("koala-lite")
    assert re.fullmatch(r"tensorflow/serving:\d+\.\d+\.\d+", service["image"])
    assert [port.split(":") for port in service["ports"]] == [
        ["127.0.0.1", "8500", "8500"],
        ["127.0.0.1", "8501", "8501"],
    ]
    mounts = dict(volume.split(":")[1::-1] for volume in service["volumes"])
    assert (DOCS / "serving" / mounts["/models"] / model.name / "config.json").is_file()
    assert model.base_path == f"/models/{model.name}"
    for option in service["command"]:
        name, _, value = option.partition("=")
        if value.startswith("/"):
            assert (DOCS / "serving" / mounts["/config"] / Path(value).name).is_file(), name


def test_containers_are_built_of_files_that_are_there():
    folder = DOCS / "serving"
    services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    recipe = (folder / "Dockerfile").read_text()
    stages = re.findall(r"^FROM \S+ AS (\S+)", recipe, re.MULTILINE)
    for name in ("serve", "studio"):
        service, build = services[name], services[name]["build"]
        assert service["read_only"], name
        assert service["tmpfs"] == ["/tmp"], name
        assert service["profiles"] == [name], "the page's command starts TensorFlow Serving alone"
        assert (folder / build["context"]).resolve() == DOCS.parent
        assert (DOCS.parent / build["dockerfile"]).is_file()
        assert build["target"] in stages
    for copied in re.findall(r"^COPY (?!--from)(.*) \S+$", recipe, re.MULTILINE):
        assert all((DOCS.parent / source).exists() for source in copied.split()), copied
    pins = {
        re.split("==", line)[0].lower().replace("_", "-")
        for line in (DOCS.parent / "constraints.txt").read_text().splitlines()
    }
    lines = (folder / "requirements-litert.txt").read_text().splitlines()
    needed = {line.replace("_", "-") for line in lines if not line.startswith("#")}
    assert needed <= pins
    assert "tensorflow" not in needed


def test_the_queue_merges_nothing():
    # BatchingParameters of TensorFlow Serving, whose proto its package of APIs leaves out
    text = re.sub("#.*", "", (DOCS / "serving" / "batching.config").read_text())
    settings = dict(re.findall(r"(\w+) \{ value: (\w+) \}", text))
    assert re.sub(r"\w+ \{ value: \w+ \}", "", text).strip() == ""
    assert settings.pop("enable_large_batch_splitting") == "true"
    numbers = {name: int(value) for name, value in settings.items()}
    assert numbers["max_execution_batch_size"] == 1
    assert numbers["max_batch_size"] <= numbers["max_enqueued_batches"]
    assert numbers.keys() == {
        "max_batch_size",
        "max_execution_batch_size",
        "batch_timeout_micros",
        "num_batch_threads",
        "max_enqueued_batches",
    }
