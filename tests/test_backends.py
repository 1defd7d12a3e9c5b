"""The same photos on Keras, LiteRT and ONNX Runtime: alike outputs, threads, every guidance."""

import hashlib
import json
import os
import pickle
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest
from jax_forks import Job
from threads import color_in_threads
from tiny_networks import tiny_koala, tiny_lite

from deepkoal.cli import main
from deepkoal.color import ab_bins
from deepkoal.errors import DeepkoalError, WeightsError
from deepkoal.evaluation import evaluate
from deepkoal.export import export_litert, export_onnx
from deepkoal.guidance import DecodingConfig, Kernel, list_palettes
from deepkoal.hints import Hint
from deepkoal.image_io import read_image, write_image
from deepkoal.inference.backends import Description, add_note
from deepkoal.inference.colorizer import Colorizer
from deepkoal.pretrained import networks, presets

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FILES = ("float32.tflite", "float16.tflite", "int8.tflite", "float32.onnx")
EXACT = ("float32.tflite", "float32.onnx")

# Colors a photo with every kind of guidance, then tells what was imported for it.
GUIDED = """
import json, sys
import numpy as np
from deepkoal import Colorizer, Hint, list_palettes, read_image
colorizer = Colorizer.from_file(sys.argv[1])
photo, other = read_image(sys.argv[2]), read_image(sys.argv[3])
hint = Hint(x=20, y=30, color="#c03020")
palette = list_palettes()[0]
results = [
    colorizer.colorize(photo, hints=[hint], vibrance=1.3),
    colorizer.colorize(photo, palette=palette),
    colorizer.colorize(photo, reference=other),
    *colorizer.variations(photo, 3),
    colorizer.uncertainty(photo),
]
np.savez(sys.argv[4], *results)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.fixture(scope="module")
def on_keras():
    network = tiny_lite()
    layer = network.get_layer("logits")
    layer.kernel.assign(layer.kernel * 8)  # random weights tell almost nothing
    prior = np.full(len(ab_bins()), 1 / len(ab_bins()), np.float32)
    decoding = DecodingConfig(temperature=0.4, kernel=Kernel(noise=0.05), prior=prior)
    return Colorizer(network, working_size=64, decoding=decoding)


@pytest.fixture(scope="module")
def folder(on_keras, photos, tmp_path_factory):
    """A folder with the network in every form."""
    folder = tmp_path_factory.mktemp("backends")
    for name in FILES:
        path = folder / name
        if path.suffix == ".onnx":
            assert export_onnx(on_keras, path) == path
        else:
            shown = photos.values() if path.stem == "int8" else ()
            assert export_litert(on_keras, path, precision=path.stem, photos=shown) == path
    return folder


def one_line(error):
    message = str(error.value)
    assert "\n" not in message
    return message


# --- alike -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_outputs_are_kerass_at_any_size(folder, on_keras, photos, name):
    colorizer = Colorizer.from_file(folder / name)
    assert (colorizer.backend.name, colorizer.working_size) == ("lite", 64)
    crops = (photos["coffee"], photos["rocket"][:, :90], photos["astronaut"][:40], photos["coffee"])
    for photo in crops:
        expected, found = on_keras.predict(photo).outputs, colorizer.predict(photo).outputs
        assert found.keys() == expected.keys()
        for output in expected:
            assert found[output].dtype == np.float32
            assert found[output].shape == expected[output].shape
        apart = np.abs(found["logits"] - expected["logits"])
        if name == "int8.tflite":
            assert apart.mean() < 0.1 * expected["logits"].std()
        else:
            assert apart.max() < (0.05 if name == "float16.tflite" else 1e-4)
        cosine = np.sum(found["features"] * expected["features"], axis=-1)
        known = np.linalg.norm(expected["features"], axis=-1) > 0.99
        assert np.mean(cosine[known]) > (0.95 if name.startswith("int8") else 0.9999)


@pytest.mark.parametrize("name", EXACT)
def test_a_batch_is_its_photos(folder, on_keras, photos, name):
    colorizer = Colorizer.from_file(folder / name)
    many = [photos["coffee"], photos["astronaut"], photos["chelsea"][:299], photos["astronaut"]]
    for rgb, photo in zip(colorizer.colorize_batch(many), many, strict=True):
        assert np.abs(rgb.astype(int) - on_keras.colorize(photo)).max() <= 1


@pytest.mark.parametrize("name", ["keras", *EXACT])
def test_threads_share_a_backend(folder, on_keras, name):
    backend = on_keras.backend if name == "keras" else Colorizer.from_file(folder / name).backend
    color_in_threads(backend)


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*JAX is multithreaded.*:RuntimeWarning")  # where it is loaded
@pytest.mark.parametrize("name", EXACT)
def test_backends_of_files_can_be_pickled_and_used_in_a_forked_process(
    folder, photos, tmp_path, name
):
    colorizer = Colorizer.from_file(folder / name)
    photo = photos["coffee"][::4, ::4]
    expected = colorizer.colorize(photo)
    again = pickle.loads(pickle.dumps(colorizer))
    np.testing.assert_array_equal(again.colorize(photo), expected)
    with colorizer.backend._lock:  # as another thread may hold it
        child = os.fork()
    if child == 0:
        try:
            np.save(tmp_path / "child.npy", colorizer.colorize(photo))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    np.testing.assert_array_equal(np.load(tmp_path / "child.npy"), expected)


ON_JAX = """
import sys
import keras
import numpy as np
from tiny_networks import tiny_lite
from threads import color_in_threads
from deepkoal import Colorizer
from deepkoal.inference.backends import KerasBackend
assert keras.backend.backend() == "jax"
lite = Colorizer.from_preset("koala-lite", backend="keras").with_detail(96)
np.save(sys.argv[2], lite.colorize(np.load(sys.argv[1])))
network = tiny_lite()
color_in_threads(KerasBackend(network), KerasBackend(network))
"""


def test_koala_lite_and_threads_on_jax(jax_forks, photos, tmp_path):
    # At one of its sizes: JAX compiles it for each, and means of sizes are NumPy's.
    photo, colored = photos["coffee"][:64, 200:264], tmp_path / "colored.npy"
    np.save(tmp_path / "photo.npy", photo)
    ((status, _, err),) = jax_forks.run(Job(ON_JAX, (tmp_path / "photo.npy", colored)))
    assert status == 0, err[-2000:]
    for kind, levels in (("keras", 1), ("litert", 3)):
        lite = Colorizer.from_preset("koala-lite", backend=kind).with_detail(96)
        expected = lite.colorize(photo)
        assert np.abs(np.load(colored).astype(int) - expected).max() <= levels


@pytest.mark.parametrize("name", EXACT)
def test_every_guidance_works_without_tensorflow_and_keras(
    folder, on_keras, photos, tmp_path, name
):
    photo, other = photos["coffee"][::4, ::4], photos["astronaut"][::4, ::4]
    paths = [tmp_path / "photo.png", tmp_path / "other.png"]
    for path, rgb in zip(paths, (photo, other), strict=True):
        write_image(path, rgb)
    argv = [sys.executable, "-c", GUIDED, folder / name, *paths, tmp_path / "results.npz"]
    ran = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=300)
    imported = json.loads(ran.stdout)
    assert "cv2" in imported
    assert not {"tensorflow", "keras", "jax", "torch", "scipy", "skimage"} & set(imported)
    with np.load(tmp_path / "results.npz") as results:
        found = list(results.values())
    expected = [
        on_keras.colorize(photo, hints=[Hint(x=20, y=30, color="#c03020")], vibrance=1.3),
        on_keras.colorize(photo, palette=list_palettes()[0]),
        on_keras.colorize(photo, reference=other),
        *on_keras.variations(photo, 3),
        on_keras.uncertainty(photo),
    ]
    for one, same in zip(found, expected, strict=True):
        assert np.abs(one.astype(float) - same).max() <= 2


# --- files -------------------------------------------------------------------------------------


def test_a_file_tells_how_it_is_read(folder):
    for name in EXACT:
        decoding = Colorizer.from_file(folder / name).decoding
        assert (decoding.temperature, decoding.kernel.noise) == (0.4, 0.05)
    with zipfile.ZipFile(folder / "float32.tflite") as archive:
        assert json.loads(archive.read("deepkoal.json"))["network"] == "lite"


def test_a_file_tells_other_programs_what_its_outputs_are(folder, on_keras):
    session = onnxruntime.InferenceSession(folder / "float32.onnx")
    about = json.loads(session.get_modelmeta().custom_metadata_map["deepkoal.json"])
    l_norm = np.random.default_rng(0).uniform(-1, 1, (2, 64, 96, 1)).astype(np.float32)
    logits, ab = session.run(["logits", "ab"], {"l_norm": l_norm})
    # As `interface` has it, by nothing but what the file says.
    bins, decoding = np.array(about["interface"]["bins"]), about["decoding"]
    scores = logits / decoding["temperature"]
    scores -= decoding["chroma_penalty"] * np.linalg.norm(bins, axis=-1) / 10
    mass = np.exp(scores - scores.max(axis=-1, keepdims=True))
    expected = decoding["gain"] * (mass / mass.sum(axis=-1, keepdims=True)) @ bins
    assert ab.shape == (2, 16, 24, 2)
    assert np.abs(expected).max() > 5
    np.testing.assert_allclose(ab, expected, atol=1e-2)
    with zipfile.ZipFile(folder / "int8.tflite") as archive:
        assert "ab" not in json.loads(archive.read("deepkoal.json"))["interface"]
    opened = Colorizer.from_file(folder / "float32.onnx").backend.outputs
    assert set(opened) == set(on_keras.backend.outputs), "it decodes by itself"


def test_the_pages_program_colors_without_deepkoal(on_keras, photos, tmp_path):
    page = Path(__file__).parent.parent / "docs" / "exports.md"
    (program,) = re.findall(r"^```py\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    photo, file = photos["coffee"], tmp_path / "koala-lite.tflite"
    # Pale, as photos are: it clips what sRGB cannot show, where deepkoal takes chroma back.
    decoding = replace(on_keras.decoding, gain=0.25)
    export_litert(Colorizer(on_keras.network, working_size=[64, 96], decoding=decoding), file)
    write_image(tmp_path / "old.png", photo)
    blocked = "import sys; sys.modules.update(dict.fromkeys(['deepkoal', 'keras', 'tensorflow']))\n"
    subprocess.run([sys.executable, "-c", blocked + program], cwd=tmp_path, check=True)
    found = read_image(tmp_path / "new.png").astype(int)
    expected = Colorizer.from_file(file).colorize(photo, cleanup=False)
    assert np.ptp(expected, axis=2).mean() > 3, "it is colored"
    assert np.abs(found - expected).mean() < 2


def test_a_file_of_one_size_is_for_other_programs(on_keras, tmp_path):
    path = export_onnx(on_keras, tmp_path / "fixed.onnx", size=(64, 96))
    session = onnxruntime.InferenceSession(path)
    assert session.get_inputs()[0].shape[1:] == [64, 96, 1]
    assert {output.name: output.shape[1:3] for output in session.get_outputs()}["ab"] == [16, 24]
    with pytest.raises(WeightsError, match="64×96 pixels only") as caught:
        Colorizer.from_file(path)
    one_line(caught)
    with pytest.raises(DeepkoalError, match="multiples of 32"):
        export_litert(on_keras, tmp_path / "fixed.tflite", size=(60, 96))


def test_a_reading_is_restored_from_its_configuration():
    decoding = DecodingConfig(gain=1.2, prior=np.array([0.25, 0.75], np.float32))
    config = json.loads(json.dumps(decoding.to_config()))
    restored = DecodingConfig.from_config(config)
    assert json.loads(json.dumps(restored.to_config())) == config
    assert (restored.gain, restored.kernel.noise) == (1.2, Kernel().noise)
    np.testing.assert_array_equal(restored.prior, decoding.prior)


def test_others_see_the_sizes_as_free(folder):
    (taken,) = onnxruntime.InferenceSession(folder / "float32.onnx").get_inputs()
    assert (taken.name, taken.shape) == ("l_norm", ["B", "H", "W", 1])


def test_integers_and_half_precision_make_files_smaller(tmp_path, folder):
    sizes = {name: (folder / name).stat().st_size for name in FILES}
    assert sizes["float16.tflite"] < sizes["float32.tflite"]
    assert sizes["int8.tflite"] < sizes["float32.tflite"]


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_a_damaged_file_is_named(folder, tmp_path, suffix):
    whole = (folder / f"float32{suffix}").read_bytes()
    broken = {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"not a network" * 99}
    for name, content in broken.items():
        path = tmp_path / f"{name}{suffix}"
        path.write_bytes(content)
        with pytest.raises(WeightsError) as error:
            Colorizer.from_file(path)
        assert one_line(error).startswith(f"{path} cannot be loaded by ")
    with pytest.raises(WeightsError, match=r"gone\.\w+: cannot be read \(No such file"):
        Colorizer.from_file(tmp_path / f"gone{suffix}")


def test_a_network_of_another_program_is_refused(folder, tmp_path):
    whole = (folder / "float32.tflite").read_bytes()
    (tmp_path / "bare.tflite").write_bytes(whole[: whole.rindex(b"PK\x03\x04")])
    with pytest.raises(WeightsError, match=r"bare\.tflite .* no description of deepkoal's"):
        Colorizer.from_file(tmp_path / "bare.tflite")
    note = Description("lite", 64, {"temprature": 1})
    (tmp_path / "odd.tflite").write_bytes(add_note(whole[: whole.rindex(b"PK\x03\x04")], note))
    with pytest.raises(WeightsError, match=r"odd\.tflite: its description is damaged .*temprature"):
        Colorizer.from_file(tmp_path / "odd.tflite")


def test_what_is_not_installed_is_named(folder, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name in EXACT:
        with pytest.raises(WeightsError, match=r"is not installed: pip install .* keras backend"):
            Colorizer.from_file(folder / name)


def test_there_is_no_keras_network_on_another_engine(folder):
    with pytest.raises(DeepkoalError, match="expected a Keras network, but this one runs on onnx"):
        Colorizer.from_file(folder / "float32.onnx").network  # noqa: B018


# --- exporting ---------------------------------------------------------------------------------


def test_a_network_of_mixed_precision_is_exported_in_float32(photos, tmp_path):
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        mixed = tiny_lite()
    finally:
        keras.config.set_dtype_policy("float32")
    assert mixed.get_layer("features_conv").compute_dtype == "bfloat16"
    path = export_onnx(Colorizer(mixed, working_size=64), tmp_path / "net.onnx")
    expected = Colorizer(tiny_lite(), working_size=64).predict(photos["coffee"]).outputs["logits"]
    found = Colorizer.from_file(path).predict(photos["coffee"]).outputs["logits"]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert mixed.get_layer("features_conv").compute_dtype == "bfloat16"


def test_exports_that_cannot_be_are_refused(on_keras, tmp_path, monkeypatch):
    with pytest.raises(DeepkoalError, match=r"net\.onnx: expected a name that ends in \.tflite"):
        export_litert(on_keras, tmp_path / "net.onnx")
    with pytest.raises(DeepkoalError, match="no precision 'int4'; there are: float32, float16"):
        export_litert(on_keras, tmp_path / "net.tflite", precision="int4")
    with pytest.raises(DeepkoalError, match="int8 needs photos"):
        export_litert(on_keras, tmp_path / "net.tflite", precision="int8")
    with pytest.raises(DeepkoalError, match=r"koala runs on Keras only: .*; export it as saved_mo"):
        export_onnx(Colorizer(tiny_koala()), tmp_path / "net.onnx")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(DeepkoalError, match="runs on jax; set KERAS_BACKEND=tensorflow"):
        export_onnx(on_keras, tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


# --- presets -----------------------------------------------------------------------------------


@pytest.fixture
def shelf(folder, tmp_path, monkeypatch):
    """A models folder with the preset `mine`, which ships a file for LiteRT and no weights."""
    monkeypatch.setenv("DEEPKOAL_MODELS", str(tmp_path / "models"))
    mine = tmp_path / "models" / "mine"
    mine.mkdir(parents=True)
    (mine / "weights.safetensors").write_bytes(b"")
    (mine / "network.tflite").write_bytes((folder / "float16.tflite").read_bytes())
    describe(mine, {"litert": hashlib.sha256((mine / "network.tflite").read_bytes()).hexdigest()})
    return mine


def describe(place, backends, network="lite"):
    config = {
        "summary": "a test",
        "network": network,
        "working_size": 72,
        "decoding": {"temperature": 0.5},
        "license": "MIT",
        "sha256": None,
        "backends": backends,
    }
    (place / "config.json").write_text(json.dumps(config))


def test_a_presets_file_is_read_as_the_preset_says(shelf, photos):
    assert networks.choose_backend("mine") == "litert"
    colorizer = Colorizer.from_preset("mine", backend="litert")
    assert colorizer.backend.kind == "litert"
    assert (colorizer.working_size, colorizer.decoding.temperature) == (72, 0.5)
    assert colorizer.colorize(photos["coffee"]).shape == photos["coffee"].shape


def test_a_changed_file_is_refused(shelf):
    with (shelf / "network.tflite").open("ab") as file:
        file.write(b"more")
    with pytest.raises(WeightsError, match=r"network\.tflite: expected sha256"):
        Colorizer.from_preset("mine", backend="litert")


def test_a_preset_without_a_file_runs_on_keras(shelf, monkeypatch):
    with pytest.raises(
        WeightsError, match=r"no file for onnx; make one \(deepkoal export mine\.on"
    ):
        Colorizer.from_preset("mine", backend="onnx")
    with pytest.raises(WeightsError, match="no backend 'cuda'; there are: keras, litert, onnx"):
        Colorizer.from_preset("mine", backend="cuda")
    describe(shelf, {}, network="koala")
    assert networks.choose_backend("mine") == "keras"
    with pytest.raises(WeightsError, match="mine runs on Keras only"):
        Colorizer.from_preset("mine", backend="litert")
    describe(shelf, {"litert": "0" * 64})
    monkeypatch.setattr(networks, "has_litert", lambda: False)
    assert networks.choose_backend("mine") == "keras"


def test_shipped_files_color_as_the_weights_beside_them(photos):
    photo = photos["coffee"][::2, ::2]
    for preset in presets.list_presets():
        expected = Colorizer.from_preset(preset.name).colorize(photo) if preset.backends else None
        for kind in preset.backends:
            rgb = Colorizer.from_preset(preset.name, backend=kind).colorize(photo)
            assert np.abs(rgb.astype(int) - expected).mean() < 0.5, f"{preset.name} on {kind}"


# --- the command -------------------------------------------------------------------------------


@pytest.fixture
def photo(photos, tmp_path):
    write_image(tmp_path / "old.png", photos["coffee"][::4, ::4])
    return tmp_path / "old.png"


def test_the_command_takes_the_presets_file_by_itself(shelf, photo, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(
        "deepkoal.cli.arguments.model_options.start_tensorflow", None
    )  # nobody may call it
    out = tmp_path / "new.png"
    assert main(["colorize", str(photo), "-o", str(out), "--preset", "mine"]) == 0
    assert capfd.readouterr() == (f"{out}\n", "")
    expected = Colorizer.from_preset("mine", backend="litert").colorize(read_image(photo))
    np.testing.assert_array_equal(read_image(out), expected)


def test_the_command_takes_exported_files(folder, photo, tmp_path, capsys):
    for name in FILES:
        out = tmp_path / f"{name}.png"
        model = str(folder / name)
        assert main(["colorize", str(photo), "-o", str(out), "--model", model]) == 0
        expected = Colorizer.from_file(model).colorize(read_image(photo))
        np.testing.assert_array_equal(read_image(out), expected)
    argv = ["colorize", str(photo), "-o", str(tmp_path / "no.png"), "--model", model]
    assert main([*argv, "--backend", "litert"]) == 2
    assert "float32.onnx runs on onnx, not litert" in capsys.readouterr().err
    assert main([*argv[:-1], "run.keras", "--backend", "onnx"]) == 2
    assert "runs on keras, not onnx; export it with --format onnx" in capsys.readouterr().err
    assert main([*argv, "--embedder", "efficientnet-lite0"]) == 2
    assert "--embedder goes with the keras backend" in capsys.readouterr().err


def test_an_exported_file_is_measured(folder, on_keras, photos, tmp_path):
    write_image(tmp_path / "a.png", photos["coffee"])
    cards = [
        evaluate(colorizer, tmp_path).to_json()["figures"]
        for colorizer in (on_keras, Colorizer.from_file(folder / "float32.tflite"))
    ]
    apart = cards[0]["fidelity"]["colored"]["psnr"] - cards[1]["fidelity"]["colored"]["psnr"]
    assert abs(apart) < 0.05
    assert [card["cost"]["backend"] for card in cards] == ["keras", "litert"]
    assert (cards[0]["cost"]["parameters"] > 0, cards[1]["cost"]["parameters"]) == (True, None)
