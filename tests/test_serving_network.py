"""A bare network that is served: no TensorFlow, and the pixels of the command."""

import asyncio
import base64
import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from missing import skip_or_fail
from PIL import Image, ImageCms
from skimage import data

from deepkoal.cli import main
from deepkoal.hints import Hint, Region, Stroke
from deepkoal.hints.files import describe_hint
from deepkoal.hints.rows import write_rows
from deepkoal.inference.backends import has_litert
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.provenance import read_provenance
from deepkoal.models.weights import find_shipped
from deepkoal.serving.errors import ServingError
from deepkoal.serving.http.rest_api import build_app
from deepkoal.serving.limits import Limits
from deepkoal.serving.service import Service
from deepkoal.serving.tensors.tensor_json import read_request
from deepkoal.serving.versions.network import NetworkVersion
from deepkoal.serving.versions.opening import choose_file, open_version

PREDICT = "/v1/models/koala-lite:predict"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder of models with the network that came with koala-lite."""
    if not has_litert():
        skip_or_fail("ai-edge-litert is missing")
    models = tmp_path_factory.mktemp("models")
    folder = models / "koala-lite" / "1"
    folder.mkdir(parents=True)
    shipped = find_shipped("koala-lite", "network.tflite")
    (folder / "network.tflite").symlink_to(shipped.resolve())
    return models


@pytest.fixture(scope="module")
def version(models):
    return open_version("koala-lite", 1, models / "koala-lite" / "1")


def save(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def pack(*strings):
    array = np.empty(len(strings), object)
    array[:] = strings
    return array


def ask(version, name="", **inputs):
    signature = version.get_signature(name)
    signature.check_inputs(inputs)
    (output,) = version.run(signature, inputs, signature.choose_outputs(()), 60).values()
    return output


SMALL = Image.fromarray(data.chelsea()[:64, :96])


def _list_files():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    alpha = SMALL.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(SMALL.size))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a cat"
    deep = Image.fromarray(np.asarray(SMALL.convert("L")).astype(np.uint16) * 257)
    return {
        "profile.png": save(SMALL, icc_profile=profile),
        "alpha.png": save(alpha),
        "turned.jpg": save(SMALL, "JPEG", exif=exif),
        "deep.png": save(deep),
        "photo.webp": save(SMALL, "WEBP", lossless=True),
    }


FILES = _list_files()


@pytest.mark.parametrize("name", FILES)
def test_pixels_and_what_a_file_carries_are_the_commands(version, tmp_path, name):
    photo, result = tmp_path / name, tmp_path / "result.png"
    photo.write_bytes(FILES[name])
    words = ["colorize", str(photo), "-o", str(result), "--backend", "litert", "--format", "png"]
    assert main(words) == 0
    (served,) = ask(version, photo_bytes=pack(FILES[name]))
    ours, theirs = Image.open(io.BytesIO(served)), Image.open(result)
    assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))
    assert served[24] == (16 if name == "deep.png" else 8), "bits a sample, in the PNG's header"
    assert ours.info.get("icc_profile") == theirs.info.get("icc_profile")
    assert dict(ours.getexif()) == dict(theirs.getexif())
    made, expected = (read_provenance(image.info["xmp"]) for image in (ours, theirs))
    assert made.pop("network")["sha256"] == expected.pop("network")["sha256"]
    assert made == expected
    if name == "turned.jpg":
        assert ours.size == SMALL.size[::-1]


def test_formats_and_quality_may_be_asked_for(version):
    photo = FILES["alpha.png"]
    kinds = [b"jpeg", b"jpeg", b"webp", b"png"]
    quality = np.int32([90, 20, 80, 95])
    found = ask(version, photo_bytes=pack(*[photo] * 4), format=pack(*kinds), quality=quality)
    images = [Image.open(io.BytesIO(data)) for data in found]
    assert [image.format for image in images] == ["JPEG", "JPEG", "WEBP", "PNG"]
    assert [image.mode for image in images] == ["RGB", "RGB", "RGBA", "RGBA"]
    fine, coarse = (sum(image.quantization[0]) for image in images[:2])
    assert coarse > 5 * fine
    for wrong, message in (
        ({"format": pack(b"bmp")}, "expected png, jpeg or webp, got 'bmp'"),
        ({"format": pack(b"\xff")}, "text in UTF-8"),
        ({"format": pack(b"jpeg"), "quality": np.int32([0])}, "quality"),
        ({"format": pack(b"png", b"png")}, "as many entries as photos, 1, got 2"),
    ):
        with pytest.raises(ServingError, match=message) as caught:
            ask(version, photo_bytes=pack(photo), **wrong)
        assert caught.value.code == "INVALID_ARGUMENT"


def test_guidance_and_variations_are_the_colorizers(version):
    photo = FILES["photo.webp"]
    colorizer, rgb = Colorizer.from_preset("koala-lite", backend="litert"), np.asarray(SMALL)

    def guide(**changed):
        inputs = {
            "hint_points": np.float32([[[20, 10], [np.nan, np.nan], [5, 5]]]),
            "hint_colors": pack(b"#c03020", b"", b"")[None],
            "palette": pack(b"autochrome"),
            "vibrance": np.float32([1.5]),
        }
        return ask(version, "colorize_guided", photo_bytes=pack(photo), **(inputs | changed))

    expected = colorizer.colorize(
        rgb, hints=[Hint(20, 10, "#c03020")], palette="autochrome", vibrance=1.5
    )
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(guide()[0]))), expected)
    for changed, message in (
        ({"vibrance": np.float32([9])}, "vibrance"),
        ({"palette": pack(b"none")}, "palette"),
        ({"hint_points": np.float32([[[200, 10]] * 3])}, "outside|inside|lies"),
        ({"hint_colors": pack(b"#c03020")[None]}, "as many hint_points as hint_colors"),
    ):
        with pytest.raises(ServingError, match=message):
            guide(**changed)
    counts = {"count": np.int32([2, 3]), "seed": np.int32([7, 7])}
    found = ask(version, "variations", photo_bytes=pack(photo, photo), **counts)
    assert found.shape == (2, 3)
    assert found[0, 2] == b""
    varied = colorizer.variations(rgb, 3, seed=7)
    for data_, expected in zip(found[1], varied, strict=True):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data_))), expected)
    with pytest.raises(ServingError, match="expected 1 to 16"):
        ask(
            version, "variations", photo_bytes=pack(photo), count=np.int32([17]), seed=np.int32([0])
        )


def test_any_hint_a_reference_and_the_detail_are_the_colorizers(version):
    photo, shown = FILES["photo.webp"], save(SMALL.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    colorizer, rgb = Colorizer.from_preset("koala-lite", backend="litert"), np.asarray(SMALL)
    hints = [
        Stroke([(0.1, 0.2), (0.3, 0.4)], "#c03020", relative=True),
        Region([(50, 10), (90, 10), (90, 60)], "grey"),
        Hint(5, 50, "own"),
    ]
    text = json.dumps([describe_hint(hint) for hint in hints]).encode()
    inputs = {"hints": pack(text), "reference_bytes": pack(shown), "detail": np.int32([128])}
    (found,) = ask(version, "colorize_guided", photo_bytes=pack(photo), **inputs)
    reference = np.asarray(SMALL)[:, ::-1].copy()
    expected = colorizer.with_detail(128).colorize(rgb, hints=hints, reference=reference)
    image = Image.open(io.BytesIO(found))
    assert np.array_equal(np.asarray(image), expected)
    made = read_provenance(image.info["xmp"])
    assert made["options"]["detail"] == 128
    assert [set(hint) - {"color", "relative"} for hint in made["hints"]] == [
        {"stroke"},
        {"region"},
        {"x", "y"},
    ]
    del inputs["hints"]
    rows = write_rows(hints, (64, 96))
    marks = {
        "hint_points": rows.points[None],
        "hint_marks": np.int32([rows.marks]),
        "hint_kinds": pack(*(kind.encode() for kind in rows.kinds))[None],
        "hint_colors": pack(*(color.encode() for color in rows.colors))[None],
        "hint_relative": np.array([rows.relative]),
        "vibrance": np.float32([0]),
    }
    (again,) = ask(version, "colorize_full", photo_bytes=pack(photo), **inputs, **marks)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(again))), expected)
    falling = {**marks, "hint_marks": np.int32([rows.marks])[:, ::-1]}
    with pytest.raises(ServingError, match=r"that do not fall, or -1, got 1 after 2"):
        ask(version, "colorize_full", photo_bytes=pack(photo), **falling)
    for wrong, message in (
        ({"hints": pack(b"[")}, "hints: cannot be read as JSON"),
        ({"hints": pack(b'[{"x": 1}]')}, "hints, hint 1: expected x, y and color"),
        ({"hints": pack(b'[{"x": 999, "y": 1, "color": "red"}]')}, "outside|inside|lies"),
        ({"reference_bytes": pack(b"none")}, "reference_bytes"),
        ({"detail": np.int32([7])}, "detail"),
    ):
        with pytest.raises(ServingError, match=message) as caught:
            ask(version, "colorize_guided", photo_bytes=pack(photo), **wrong)
        assert caught.value.code == "INVALID_ARGUMENT"


def test_lightness_gives_chroma(version):
    l = np.full((2, 64, 96, 1), 50, np.float32)
    assert ask(version, "ab", l=l).shape == (2, 16, 24, 2)
    with pytest.raises(ServingError, match="multiples of 32"):
        ask(version, "ab", l=l[:, :63])


def test_inputs_with_a_default_may_be_left_out_of_some_rows(version):
    photo = base64.b64encode(b"photo").decode()
    read = lambda body: read_request(json.dumps(body).encode(), version.get_signature).inputs  # noqa: E731
    plain = read({"instances": [{"b64": photo}]})
    assert plain.keys() == {"photo_bytes"}
    rows = [{"photo_bytes": {"b64": photo}}, {"photo_bytes": {"b64": photo}, "format": "jpeg"}]
    mixed = read({"instances": rows})
    assert mixed["format"].tolist() == [b"png", b"jpeg"]
    assert "quality" not in mixed
    columns = read({"inputs": {"photo_bytes": [{"b64": photo}], "quality": [50]}})
    assert columns["quality"].tolist() == [50]
    with pytest.raises(ServingError, match="photo_bytes"):
        read({"instances": [{"format": "jpeg"}]})


def test_it_is_served_over_rest_as_an_export_is(models):
    @contextlib.asynccontextmanager
    async def serving():
        service = Service(models, Limits(seconds=300), [].append)
        transport = httpx.ASGITransport(build_app(service), raise_app_exceptions=False)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                yield service, client
        finally:
            await service.close()

    async def check():
        async with serving() as (service, client):
            body = {"instances": [{"b64": base64.b64encode(FILES["alpha.png"]).decode()}]}
            early = await client.post(PREDICT, json=body)
            assert early.status_code == 503, "the server is starting"
            assert early.headers["retry-after"] == "1"
            assert (await client.get("/livez")).status_code == 200
            assert (await client.get("/readyz")).status_code == 503
            await service.start()
            assert (await client.get("/readyz")).status_code == 200
            for path in ("/healthz", "/v1/models/koala-lite", "/v1/models/koala-lite/metadata"):
                assert (await client.get(path)).status_code == 200
                head = await client.head(path)
                assert (head.status_code, head.content) == (200, b"")
            answer = (await client.post(PREDICT, json=body)).json()
            assert Image.open(io.BytesIO(base64.b64decode(answer["predictions"][0]["b64"])))
            body["instances"][0]["b64"] = base64.b64encode(b"no photo").decode()
            refused = await client.post(PREDICT, json=body)
            assert refused.status_code == 400
            assert "not a picture" in refused.json()["error"]

    asyncio.run(check())


def test_files_are_chosen_by_backend(models, tmp_path):
    both = ["a.tflite", "assets/b.onnx", "saved_model.pb", "c.onnx"]
    assert choose_file(both) == "saved_model.pb"
    assert choose_file(both, "litert") == "a.tflite"
    assert choose_file(both, "onnx") == "c.onnx"
    assert choose_file(both[:2], "tensorflow") is None
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "broken.tflite").write_bytes(b"no network")
    with pytest.raises(ServingError, match=r"broken\.tflite"):
        open_version("x", 1, tmp_path / "1")


def test_neither_tensorflow_nor_keras_is_loaded(models):
    code = (
        "import sys; from pathlib import Path\n"
        "import deepkoal.serving.server\n"
        "from deepkoal.serving.versions.opening import open_version\n"
        f"open_version('koala-lite', 1, Path({str(models)!r}, 'koala-lite', '1'))\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))\n"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_networks_without_a_distribution_have_no_variations():
    class Backend:
        kind, name, outputs = "other", "lite", ("ab_norm", "features")

    assert "variations" not in NetworkVersion("x", 1, Colorizer(Backend())).signatures
