import argparse
import importlib.util
import io
import json
import shutil
import struct
import subprocess
import sys
import sysconfig
import zlib
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from serving_parts import MAX_PIXELS, export_tiny, tiny_colorizer
from tiny_networks import randomize, tiny_embedder, tiny_koala

from deepkoal import models
from deepkoal.cli.commands import export as verb
from deepkoal.cli.console import UsageError
from deepkoal.errors import DeepkoalError
from deepkoal.export import export_saved_model
from deepkoal.export.graph import full_size
from deepkoal.export.graph.file_decoding import decode_photo
from deepkoal.export.graph.header import read_header, read_orientation
from deepkoal.guidance import Palette
from deepkoal.hints import Hint, Region, Stroke
from deepkoal.hints.rows import write_rows
from deepkoal.image_io import decode_photo as read_photo_bytes
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction import Prediction
from deepkoal.inference.prediction.working_size import fit_working_size
from deepkoal.rendering import composition
from deepkoal.rendering.resampling import resize
from deepkoal.serving.versions.repository import find_versions

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAN = float("nan")
GREY_LEVELS = 1
REQUESTS = {  # for the first three files of `files`, of 301×411, 427×640 and 300×451 pixels
    "colorize_guided": {
        "hint_points": [
            [[20.5, 30.0], [410.9, 300.9], [200.0, 7.0]],
            [[NAN, NAN], [639.0, 0.0], [NAN, NAN]],
            [[NAN, NAN], [9999.0, 9999.0], [0.0, 0.0]],
        ],
        "hint_colors": [
            ["#c03020", "#3050A0", "#20c030"],
            ["", "#ffd700", "#123456"],
            ["", "", ""],
        ],
        "palette": ["", "autochrome", "sepia"],
        "vibrance": [1.0, 1.7, 0.5],
    },
    "colorize_full": {
        "palette": ["", "autochrome", ""],
        "vibrance": [1.0, 0.0, 0.5],
        "detail": [0, 128, 0],
        "format": ["png", "png", "jpeg"],
        "quality": [90, 90, 60],
    },
    "variations": {"count": [3, 1, 4], "seed": [5, 0, 2**31 - 1]},
    "ab": {"l": np.random.default_rng(5).uniform(0, 100, (2, 64, 96, 1)).tolist()},
}
RING = np.zeros((301, 411), bool)
RING[40:120, 200:320], RING[60:100, 230:290] = True, False
HINTS = [
    [
        Stroke([(0.1, 0.2), (0.3, 0.4), (0.2, 0.5)], "#c03020", relative=True),
        Region([(150, 180), (300, 190), (420, 320)], "own"),
        Hint(20.5, 30, (20.0, -30.5)),
        Region(RING, "#2040c0"),
        Hint(1, 1, "own", relative=True),
    ],
    [Region([(0.1, 0.1), (0.5, 0.1), (0.4, 0.9)], "grey", relative=True), Stroke([(7, 9)], "red")],
    [],
]


def write_hints():
    """Return the inputs of `colorize_full` that say these hints, filled up to equal counts."""
    rows = [write_rows(hints) for hints in HINTS]
    most, most_points = len(HINTS[0]), len(rows[0].points)
    fill = lambda values, count, value: [*values, *[value] * (count - len(values))]  # noqa: E731
    return {
        "hint_points": [fill(row.points.tolist(), most_points, [NAN, NAN]) for row in rows],
        "hint_marks": [fill(row.marks, most_points, -1) for row in rows],
        "hint_kinds": [fill(row.kinds, most, "") for row in rows],
        "hint_colors": [fill(row.colors, most, "") for row in rows],
        "hint_relative": [fill(row.relative, most, False) for row in rows],
    }


VIBRANCE = {"lite": 1.0, "koala": 1.5}

# Without the site module no .pth file is read, so packages installed in editable mode are gone,
# and None among the modules makes an import fail even if deepkoal is there.
BARE_PROCESS = """
import json, pathlib, sys
sys.modules["deepkoal"] = sys.modules["keras"] = None
sys.path.append(sys.argv[1])
try:
    import deepkoal
except ModuleNotFoundError:
    import tensorflow as tf
else:
    raise SystemExit("deepkoal is at hand")
folder = pathlib.Path(sys.argv[2])
broken = [path.read_bytes() for path in sorted((folder / "broken").iterdir())]
photos = [path.read_bytes() for path in sorted((folder / "photos").iterdir())]
for export in sorted((folder / "models").glob("*/1")):
    loaded = tf.saved_model.load(export)
    colorize = loaded.signatures["serving_default"]
    colored = colorize(photo_bytes=tf.constant(photos))["image_bytes"]
    # One graph is optimized as servers do it, which takes far longer than all that is colored.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    empty = colorize(photo_bytes=tf.constant([], tf.string))["image_bytes"]
    errors = []
    for data in broken:
        try:
            colorize(photo_bytes=tf.constant([photos[0], data]))
        except tf.errors.InvalidArgumentError as error:
            errors.append(str(error))
        else:
            errors.append("none")
    results = folder / "results" / export.parent.name
    results.mkdir(parents=True)
    requests = json.loads((folder / "requests.json").read_text())
    for name in sorted(requests.keys() & loaded.signatures):
        inputs = {key: tf.constant(value) for key, value in requests[name].items()}
        if "palette" in inputs and "variations" not in loaded.signatures:
            inputs["palette"] = tf.constant(["", "", ""])
        if name != "ab":
            inputs["photo_bytes"] = tf.constant(photos[:3])
        (output,) = loaded.signatures[name](**inputs).values()
        values = tf.reshape(output, [-1]).numpy()
        if name == "ab":
            (results / "ab.json").write_text(json.dumps([values.tolist(), output.shape.as_list()]))
            continue
        for number, image in enumerate(values):
            (results / f"{name}-{number}.png").write_bytes(image)
    for number, image in enumerate(colored.numpy()):
        (results / f"{number:02}.png").write_bytes(image)
    facts = {
        "signatures": sorted(loaded.signatures),
        "inputs": repr(colorize.structured_input_signature[1]),
        "outputs": repr(colorize.structured_outputs),
        "empty": repr(empty),
        "errors": errors,
    }
    (results / "facts.json").write_text(json.dumps(facts))
"""


def encode(image, kind, **options):
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def encode_rotated(rgb, orientation, endian="<", **options):
    exif = Image.Exif()
    exif.endian = endian
    exif[271] = "a camera maker"
    exif[274] = orientation
    return encode(rgb, "JPEG", exif=exif, **options)


def huge_png():
    """A PNG that announces 30,000 × 20,000 pixels and holds none."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 20_000, 8, 2, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + checksum


@pytest.fixture(scope="module")
def files(photos):
    """Photo files of mixed kinds and sizes, by name."""
    astronaut, coffee, rocket = (photos[name] for name in ("astronaut", "coffee", "rocket"))
    grey = Image.fromarray(photos["chelsea"]).convert("L")
    deep = np.random.default_rng(0).integers(0, 65536, (60, 90), dtype=np.uint16)
    alpha = np.dstack([coffee[:90, :201], coffee[:90, :201, 0]])
    return {
        "jpeg": encode(astronaut[:301, :411], "JPEG", quality=85),
        "coarse jpeg": encode(rocket, "JPEG", quality=40),
        "grey jpeg": encode(grey, "JPEG", quality=90),
        "turned jpeg": encode_rotated(rocket[:150, :251], 6),
        "png": encode(coffee, "PNG"),
        "long png": encode(astronaut[100:133].repeat(2, axis=1)[:, :517], "PNG"),
        "tall png": encode(coffee[:, 200:207], "PNG"),
        "grey png": encode(grey, "PNG"),
        "alpha png": encode(alpha, "PNG"),
        "palette png": encode(Image.fromarray(rocket[:99, :99]).convert("P"), "PNG"),
        "16-bit png": encode(deep, "PNG"),
        "noise png": encode(
            np.random.default_rng(1).integers(0, 256, (67, 203, 3), "uint8"), "PNG"
        ),
        "one pixel": encode(astronaut[:1, :1], "PNG"),
    }


@pytest.fixture(scope="module")
def broken(files):
    """Bytes that no photo comes of, by what the message must say."""
    return {
        "expected a JPEG or PNG file": b"",
        "this many bytes": b"\xff\xfe\x80 no photo",
        "Invalid JPEG data": files["jpeg"][:2000],
        "Invalid PNG": files["png"][:2000],
        "at most 300000 pixels, got this height and width] [20000 30000]": huge_png(),
        r"at most 300000 pixels, got this height and width] [500 601]": encode(
            np.zeros((500, 601, 3), np.uint8), "JPEG"
        ),
    }


@pytest.fixture(scope="module")
def colorizers():
    koala = Colorizer(randomize(models.koala(tiny_embedder()), 2), working_size=64)
    return {"lite": tiny_colorizer(), "koala": koala}


@pytest.fixture(scope="module")
def served(colorizers, files, broken, tmp_path_factory):
    """What a process without deepkoal makes of the files: folder of results by network."""
    folder = tmp_path_factory.mktemp("served")
    for part, contents in (("photos", files), ("broken", broken)):
        (folder / part).mkdir()
        for number, data in enumerate(contents.values()):
            (folder / part / f"{number:02}").write_bytes(data)
    requests = {**REQUESTS, "colorize_full": write_hints() | REQUESTS["colorize_full"]}
    (folder / "requests.json").write_text(json.dumps(requests))
    export_tiny(folder / "models" / "lite" / "1")
    settings = {"vibrance": VIBRANCE["koala"], "max_pixels": MAX_PIXELS}
    export_saved_model(colorizers["koala"], folder / "models" / "koala" / "1", **settings)
    packages = sysconfig.get_path("purelib")
    command = [sys.executable, "-I", "-S", "-c", BARE_PROCESS, packages, str(folder)]
    subprocess.run(command, check=True, cwd=folder, timeout=300)
    return folder / "results"


def read_facts(served, name):
    return json.loads((served / name / "facts.json").read_text())


@pytest.mark.parametrize("name", ["lite", "koala"])
def test_an_export_colors_as_the_colorizer_does(colorizers, files, served, name):
    farthest, chroma = {}, []
    for number, (kind, data) in enumerate(files.items()):
        colored = np.asarray(Image.open(served / name / f"{number:02}.png")).astype(int)
        photo = read_photo_bytes(data).rgb
        expected = colorizers[name].colorize(photo, vibrance=VIBRANCE[name])
        assert colored.shape == expected.shape
        farthest[kind] = int(np.abs(colored - expected).max())
        chroma.append(np.ptp(colored, axis=-1).mean())
    assert max(farthest.values()) <= GREY_LEVELS, farthest
    assert np.mean(chroma) > 15, "a network that leaves photos grey would show nothing"


def measure_farthest(result, expected):
    assert result.shape == expected.shape
    return np.abs(result - expected).max()


@pytest.mark.parametrize("name", ["lite", "koala"])
def test_hints_palettes_and_vibrance_are_the_colorizers(colorizers, files, served, name):
    colorizer = colorizers[name]
    request = REQUESTS["colorize_guided"]
    for number, data in enumerate(list(files.values())[:3]):
        points, colors, palette, vibrance = (values[number] for values in request.values())
        hints = [
            Hint(*point, color)
            for point, color in zip(points, colors, strict=True)
            if color and point[0] == point[0]
        ]
        assert len(hints) == [3, 1, 0][number]
        palette = Palette.named(palette) if palette and name == "lite" else None
        photo = read_photo_bytes(data).rgb
        expected = colorizer.colorize(photo, hints=hints, palette=palette, vibrance=vibrance)
        colored = np.asarray(Image.open(served / name / f"colorize_guided-{number}.png"))
        assert measure_farthest(colored.astype(int), expected) <= GREY_LEVELS
        plain = colorizer.colorize(photo, vibrance=vibrance)
        assert np.abs(expected.astype(int) - plain).max() > 5 or not (hints or palette)


@pytest.mark.parametrize("name", ["lite", "koala"])
def test_strokes_regions_detail_and_jpeg_are_the_colorizers(colorizers, files, served, name):
    asked = REQUESTS["colorize_full"].values()
    for number, data in enumerate(list(files.values())[:3]):
        palette, vibrance, detail, kind, quality = (values[number] for values in asked)
        photo = read_photo_bytes(data).rgb
        colorizer = colorizers[name].with_detail(detail or "auto")
        expected = colorizer.colorize(
            photo,
            hints=HINTS[number],
            palette=palette if palette and name == "lite" else None,
            vibrance=vibrance or VIBRANCE[name],
        )
        colored = Image.open(served / name / f"colorize_full-{number}.png")
        assert colored.format == kind.upper()
        if kind == "png":
            assert measure_farthest(np.asarray(colored).astype(int), expected) <= GREY_LEVELS
            continue
        again = Image.open(io.BytesIO(encode(expected, "JPEG", quality=quality)))
        assert colored.quantization == again.quantization
        assert measure_farthest(np.asarray(colored).astype(int), np.asarray(again)) < 40


def test_variations_are_the_colorizers(colorizers, files, served):
    request, results = REQUESTS["variations"], []
    for number, data in enumerate(list(files.values())[:3]):
        count, seed = (request[name][number] for name in ("count", "seed"))
        photo = read_photo_bytes(data).rgb
        expected = colorizers["lite"].variations(photo, count, seed=seed, vibrance=VIBRANCE["lite"])
        for column, options in enumerate(expected):
            path = served / "lite" / f"variations-{4 * number + column}.png"
            results.append((np.asarray(Image.open(path)).astype(int), options))
        for column in range(count, 4):
            assert (served / "lite" / f"variations-{4 * number + column}.png").read_bytes() == b""
    assert max(measure_farthest(*result) for result in results) <= GREY_LEVELS
    assert np.abs(results[0][0] - results[1][0]).mean() > 1, "variations that do not vary"


@pytest.mark.parametrize("name", ["lite", "koala"])
def test_ab_is_what_a_photo_of_that_size_is_colored_with(colorizers, served, name):
    values, shape = json.loads((served / name / "ab.json").read_text())
    ab = np.reshape(values, shape)
    colorizer = colorizers[name]
    for l, own in zip(np.float32(REQUESTS["ab"]["l"]), ab, strict=True):
        outputs = colorizer.network.predict_on_batch(l[None] / 50 - 1)
        outputs = {key: np.asarray(output[0]) for key, output in outputs.items()}
        expected = Prediction(l[..., 0], outputs, colorizer.decoding).decode_ab()
        np.testing.assert_allclose(own, expected, atol=0.02)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lite", ["ab", "colorize_full", "colorize_guided", "serving_default", "variations"]),
        ("koala", ["ab", "colorize_full", "colorize_guided", "serving_default"]),
    ],
)
def test_signatures_are_named_as_promised(served, name, expected):
    facts = read_facts(served, name)
    assert facts["signatures"] == expected
    tensor = "TensorSpec(shape=(None,), dtype=tf.string, name={0!r})"
    assert facts["inputs"] == f"{{'photo_bytes': {tensor.format('photo_bytes')}}}"
    assert facts["outputs"] == f"{{'image_bytes': {tensor.format('image_bytes')}}}"


def test_an_empty_batch_is_answered_with_none(served):
    assert "shape=(0,), dtype=string" in read_facts(served, "lite")["empty"]


def test_what_is_no_photo_is_refused_in_words(served, broken):
    errors = read_facts(served, "lite")["errors"]
    assert len(errors) == len(broken)
    for expected, error in zip(broken, errors, strict=True):
        assert expected in error


def encode_cv2(values):
    return cv2.imencode(".png", values)[1].tobytes()


def list_kinds(photo):
    image = Image.fromarray(photo)
    deep = np.random.default_rng(0).integers(0, 65536, (33, 57, 4), dtype=np.uint16)
    palette = image.convert("P")
    return {
        "4:4:4": encode(image, "JPEG", subsampling=0),
        "4:2:2": encode(image, "JPEG", subsampling=1),
        "4:2:0 progressive": encode(image, "JPEG", subsampling=2, progressive=True),
        "CMYK": encode(image.convert("CMYK"), "JPEG"),
        "grey jpeg": encode(image.convert("L"), "JPEG"),
        "1": encode(image.convert("1"), "PNG"),
        "L": encode(image.convert("L"), "PNG"),
        "LA": encode(image.convert("LA"), "PNG"),
        "P": encode(palette, "PNG"),
        "P with a clear color": encode(palette, "PNG", transparency=3),
        "16-bit grey": encode_cv2(deep[..., 0]),
        "16-bit RGB": encode_cv2(deep[..., :3]),
        "16-bit RGBA": encode_cv2(deep),
    }


def test_every_kind_is_decoded_to_the_very_pixels(photos):
    for kind, data in list_kinds(photos["astronaut"][:171, :219]).items():
        decoded = decode_photo(tf.constant(data), 10**9).numpy()
        np.testing.assert_array_equal(decoded, read_photo_bytes(data).rgb, kind)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("endian", ["<", ">"])
def test_a_jpeg_is_set_upright(photos, orientation, endian):
    data = encode_rotated(
        photos["rocket"][:40, :71], orientation, endian, comment=b"before", dpi=(72, 72)
    )
    decoded = decode_photo(tf.constant(data), 10**9).numpy()
    np.testing.assert_array_equal(decoded, read_photo_bytes(data).rgb)


def test_a_damaged_exif_block_costs_no_photo(photos):
    rgb = photos["rocket"][:16, :24]
    intact = encode_rotated(rgb, 3)
    start = intact.index(b"Exif\0\0") + 6
    end = start - 8 + int.from_bytes(intact[start - 8 : start - 6])
    for place in range(start, end - 3, 3):
        data = intact[:place] + b"\xff" * 4 + intact[place + 4 :]
        decoded = decode_photo(tf.constant(data), 10**9).numpy()
        assert decoded.shape in (rgb.shape, (24, 16, 3))


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.sampled_from([96, 128, 224, 256]))
def test_a_graphs_working_size_is_the_colorizers(height, width, working_size):
    size = fit_working_size(tf.constant([height, width]), working_size).numpy()
    np.testing.assert_array_equal(size, fit_working_size(np.array([height, width]), working_size))


@tf.function(
    input_signature=[tf.TensorSpec([None, None], tf.float32), *[tf.TensorSpec([], tf.int32)] * 2],
    autograph=False,
)
def resize_in_a_graph(l, height, width):
    return resize(l, height, width)


@pytest.mark.parametrize("shape", [(3001, 40), (40, 3001), (517, 33), (20, 20), (64, 96), (1, 1)])
def test_a_graphs_resizing_is_the_colorizers_and_tensorflows(shape):
    l = np.random.default_rng(0).uniform(0, 100, shape).astype("float32")
    resized = resize_in_a_graph(l, 64, 96).numpy()
    np.testing.assert_allclose(resized, resize(l, 64, 96), atol=1e-3)
    shrunk = tf.image.resize(l[None, ..., None], np.minimum(shape, (64, 96)), "area")
    expected = tf.image.resize(shrunk, (64, 96), "bilinear")[0, ..., 0]
    np.testing.assert_allclose(resized, expected, atol=1e-2)


@pytest.mark.parametrize("size", [(1, 1), (3, 70_000), (70_001, 1), (513, 777), (7, 13)])
def test_a_graphs_full_size_parts_are_the_colorizers(size):
    generator = np.random.default_rng(0)
    rgb = generator.integers(0, 256, (*size, 3), np.uint8)
    l = composition.lightness(rgb)
    np.testing.assert_allclose(full_size.lightness(tf.constant(rgb)), l, atol=0.02)
    field = generator.normal(0, [0.3, 0.3, 20, 20], (26, 40, 4)).astype("float32")
    apart = np.abs(full_size.render(l, field).numpy().astype(int) - composition.render(l, field))
    assert apart.max() <= GREY_LEVELS


def test_an_exif_block_behind_thousands_of_comments_is_not_looked_for(photos):
    data = encode_rotated(photos["rocket"][:16, :24], 6)
    for comments, orientation in ((10, 6), (70, 1), (32_000, 1)):
        padded = data[:2] + b"\xff\xfe\x00\x02" * comments + data[2:]
        found = read_orientation(read_header(tf.constant(padded)))
        assert found.numpy() == orientation


def test_a_network_is_the_same_after_its_export(served, colorizers, tmp_path, photos):
    exported, own = colorizers["koala"], randomize(models.koala(tiny_embedder()), 2)
    for weight, expected in zip(exported.network.weights, own.weights, strict=True):
        np.testing.assert_array_equal(weight, expected)
    photo = photos["chelsea"][:64, :64]
    before = Colorizer(own, working_size=64).colorize(photo).astype(int)
    exported.network.save(tmp_path / "net.keras")
    restored = keras.saving.load_model(tmp_path / "net.keras", compile=False)
    for colorizer in (exported, Colorizer(restored, working_size=64)):
        # Another plan may round otherwise.
        np.testing.assert_allclose(colorizer.colorize(photo), before, atol=1)


def stub_save(module, folder, signatures):
    """Stands in for the slow part, where only the place of an export matters."""
    assert "serving_default" in signatures
    Path(folder, "saved_model.pb").write_bytes(b"a graph")


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(tf.saved_model, "save", stub_save)


def test_versions_count_on_and_are_never_replaced(quick, colorizers, tmp_path):
    model = tmp_path / "net"
    assert export_saved_model(colorizers["lite"], model) == model / "1"
    model = tmp_path / "models" / "koala-lite"
    for number in ("1", "2"):
        assert export_saved_model(colorizers["lite"], model) == model / number
    assert export_saved_model(colorizers["lite"], str(model / "10")) == model / "10"
    (model / "README.md").write_text("a preset's own file")
    assert export_saved_model(colorizers["lite"], model) == model / "11"
    with pytest.raises(DeepkoalError, match=r"10: this version exists; .* next free"):
        export_saved_model(colorizers["lite"], model / "10")
    assert sorted(path.name for path in model.iterdir()) == ["1", "10", "11", "2", "README.md"]


@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()])
def test_a_failed_export_leaves_nothing(monkeypatch, colorizers, tmp_path, error):
    def fail(module, folder, signatures):
        stub_save(module, folder, signatures)
        raise error

    monkeypatch.setattr(tf.saved_model, "save", fail)
    expected = DeepkoalError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as raised:
        export_saved_model(colorizers["lite"], tmp_path / "net" / "1")
    if expected is DeepkoalError:
        assert "cannot be written (No space left)" in str(raised.value)
    assert list((tmp_path / "net").iterdir()) == []


def test_an_export_killed_midway_is_taken_up_by_nobody(monkeypatch, colorizers, tmp_path):
    class KilledError(BaseException):
        pass

    def save_and_die(module, folder, signatures):
        stub_save(module, folder, signatures)
        raise KilledError  # after which nothing of the process runs

    monkeypatch.setattr(tf.saved_model, "save", save_and_die)
    with monkeypatch.context() as dead:
        dead.setattr(shutil, "rmtree", lambda *_, **__: None)
        for place in ("net", "net/1"):
            with pytest.raises(KilledError):
                export_saved_model(colorizers["lite"], tmp_path / place)
    assert list(tmp_path.rglob("saved_model.pb"))
    assert find_versions(tmp_path) == {}
    monkeypatch.setattr(tf.saved_model, "save", stub_save)
    written = export_saved_model(colorizers["lite"], tmp_path / "net")
    assert find_versions(tmp_path) == {"net": {1: written}}
    assert list((tmp_path / "net").iterdir()) == [written]  # what the dead left is gone


def test_a_place_that_cannot_be_written_is_named(quick, colorizers, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DeepkoalError, match=r"file/1: cannot be written"):
        export_saved_model(colorizers["lite"], tmp_path / "file" / "1")


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"vibrance": 9.0}, "vibrance must lie"), ({"max_pixels": 0}, "max_pixels must be at least")],
)
def test_settings_out_of_range_are_refused(colorizers, tmp_path, settings, message):
    with pytest.raises(DeepkoalError, match=message):
        export_saved_model(colorizers["lite"], tmp_path / "net", **settings)
    assert not (tmp_path / "net").exists()


def test_another_backend_is_refused(monkeypatch, colorizers, tmp_path):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(DeepkoalError, match="runs on jax; set KERAS_BACKEND=tensorflow"):
        export_saved_model(colorizers["lite"], tmp_path / "net")


def run_verb(*arguments):
    parser = argparse.ArgumentParser()
    verb.add_verbs(parser.add_subparsers())
    parsed = parser.parse_args(["export", *map(str, arguments)])
    return parsed.run(parsed)


def test_the_command_exports_a_model_of_ones_own(monkeypatch, photos, tmp_path, capsys):
    saved = {}

    def keep(module, folder, signatures):
        stub_save(module, folder, signatures)
        saved.update(signatures, module=module)  # whose functions hold it weakly

    monkeypatch.setattr(tf.saved_model, "save", keep)
    tiny_koala().save(tmp_path / "best.keras")  # whose graph is the smaller one
    model = tmp_path / "models" / "mine"
    assert run_verb(model, "--model", tmp_path, "--vibrance", 2, "--max-pixels", 10_000) == 0
    stdout, stderr = capsys.readouterr()
    assert stdout == f"{model / '1'}\n"
    assert stderr.splitlines() == [
        "deepkoal: loading the network",
        f"deepkoal: writing {model / '1'} (half a minute or more)",
    ]
    photo = np.full((100, 101, 3), 90, np.uint8)
    colorize = saved["serving_default"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 10000 pixels"):
        colorize(photo_bytes=tf.constant([encode(photo, "PNG")]))
    small = photos["coffee"][:90, :101]
    (colored,) = colorize(photo_bytes=tf.constant([encode(small, "PNG")]))["image_bytes"].numpy()
    expected = Colorizer.from_file(tmp_path).colorize(small, vibrance=2.0).astype(int)
    assert np.abs(np.asarray(Image.open(io.BytesIO(colored))) - expected).max() <= 2


def test_the_command_exports_the_bare_network(colorizers, photos, tmp_path, capfd):
    colorizers["lite"].network.save(tmp_path / "best.keras")
    photo, path = photos["coffee"][::4, ::4], tmp_path / "int8.tflite"
    expected = Colorizer.from_file(tmp_path / "best.keras").colorize(photo).astype(int)
    Image.fromarray(photos["chelsea"]).save(tmp_path / "chelsea.png")
    options = ("--format", "litert", "--precision", "int8", "--photos", tmp_path)
    assert run_verb(path, *options, "--model", tmp_path / "best.keras") == 0
    stdout, stderr = capfd.readouterr()
    assert stdout == f"{path}\n"
    assert stderr.splitlines()[1:] == [f"deepkoal: writing {path} (half a minute or more)"]
    rgb = Colorizer.from_file(path).colorize(photo)
    assert np.abs(rgb - expected).mean() < 3
    capfd.readouterr()  # LiteRT's note on XNNPACK, which only the command drops


@pytest.mark.parametrize(
    ("name", "options", "asked"),
    [
        ("net.onnx", (), {"size": None}),
        ("net.onnx", ("--format", "onnx", "--size", "64x96"), {"size": (64, 96)}),
        (
            "net.tflite",
            ("--format", "litert", "--precision", "float16"),
            {"precision": "float16", "size": None},
        ),
    ],
)
def test_the_command_asks_for_what_it_is_told(
    monkeypatch, colorizers, tmp_path, name, options, asked
):
    # What the exporters themselves write is tested in test_backends.
    calls = []

    def export(colorizer, path, photos=(), **settings):
        calls.append((path, list(photos), settings))

    monkeypatch.setattr("deepkoal.export.export_onnx", export)
    monkeypatch.setattr("deepkoal.export.export_litert", export)
    monkeypatch.setattr(verb, "load_colorizer", lambda arguments: colorizers["lite"])
    assert run_verb(tmp_path / name, *options) == 0
    assert calls == [(tmp_path / name, [], asked)]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mine/1", (), "this version exists"),
        ("there.onnx", ("--format", "onnx"), "there.onnx exists; .*--overwrite"),
        ("net.onnx", ("--format", "litert"), "ends in .tflite"),
        ("no/net.onnx", ("--format", "onnx"), "there is no folder"),
        ("there.onnx", (), "there.onnx exists"),
        ("net.tflite", ("--size", "100"), "multiples of 32 pixels, got 100×100"),
        ("mine", ("--format", "web"), "mine exists; give another name"),
        ("page", ("--format", "web", "--runtime", "none"), "none has none: npm install"),
    ],
)
def test_a_wrong_place_is_told_before_the_network_is_loaded(tmp_path, name, options, message):
    (tmp_path / "mine" / "1").mkdir(parents=True)
    (tmp_path / "there.onnx").write_bytes(b"")
    with pytest.raises(DeepkoalError, match=message):
        run_verb(tmp_path / name, *options, "--model", tmp_path / "none.keras")


def test_a_file_is_replaced_only_when_told(tmp_path):
    place, options = tmp_path / "there.onnx", ("--format", "onnx", "--overwrite")
    place.write_bytes(b"")
    with pytest.raises(DeepkoalError, match=r"none\.keras: no such file"):  # so the place is fine
        run_verb(place, *options, "--model", tmp_path / "none.keras")


def test_representative_photos_are_samples_or_spread_over_a_folder(photos, tmp_path, monkeypatch):
    assert len({photo.shape for photo in verb.read_photos(None)}) > 3
    for number in range(5):
        pixels = np.full((8, 8, 3), number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    monkeypatch.setattr(verb, "MOST_PHOTOS", 2)
    assert [photo[0, 0, 0] for photo in verb.read_photos(tmp_path)] == [0, 2]


@pytest.mark.parametrize(
    "options",
    [
        ("--precision", "int8"),
        ("--format", "litert", "--photos", "photos"),
        ("--format", "onnx", "--vibrance", "2"),
        ("--format", "litert", "--max-pixels", "9"),
        ("--overwrite",),
        ("--size", "192x256"),
        ("--format", "web", "--overwrite"),
        ("--runtime", "node_modules"),
    ],
)
def test_options_of_another_format_are_refused(options):
    with pytest.raises(UsageError, match=r" go(es)? with --"):
        run_verb("out", *options)


def test_a_package_that_is_missing_is_told_before_anything_is_loaded(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else find(name)
    )
    monkeypatch.setattr(verb, "start_tensorflow", lambda: pytest.fail("it was loaded"))
    with pytest.raises(DeepkoalError, match=r"needs tf2onnx.*pip install 'deepkoal\[onnx\]'"):
        run_verb(tmp_path / "net.onnx")


@pytest.mark.parametrize(
    "option", [("--format", "coreml"), ("--max-pixels", "0"), ("--size", "3x4x5")]
)
def test_the_command_refuses_what_it_does_not_know(option, capsys):
    with pytest.raises(SystemExit, match="2"):
        run_verb("out", *option)
    assert option[0] in capsys.readouterr().err
