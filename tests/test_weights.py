"""Half-precision weights: round trips, refusals, and where shipped files are found."""

import functools
import hashlib
import importlib.resources
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import safetensors.numpy
from quick_jax import VARIABLES
from skimage.metrics import peak_signal_noise_ratio

from deepkoal.errors import WeightsError
from deepkoal.inference.colorizer import Colorizer
from deepkoal.models.weights import find_shipped, load_weights, save_weights, shipped_models_dir

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def small_network(name="small", *, width=4, prefix=""):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(width, 3, use_bias=False, name=f"{prefix}stem")(inputs)
    x = keras.layers.BatchNormalization(name=f"{prefix}norm")(x)
    x = keras.layers.Dropout(0.5, name=f"{prefix}drop")(x)
    x = keras.layers.GlobalAveragePooling2D(name=f"{prefix}pool")(x)
    return keras.Model(inputs, keras.layers.Dense(2, name=f"{prefix}head")(x), name=name)


def randomize(model, seed):
    generator = np.random.default_rng(seed)
    for variable in model.weights:
        variable.assign(generator.uniform(0.1, 2, variable.shape))
    return model


def values(model):
    return {v.path: np.asarray(v).astype(np.float32) for v in model.weights}


def one_line(error):
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(randomize(small_network(), seed=1), path)
    return path


def test_round_trip_rounds_to_half_precision_and_no_further(saved):
    source, target = randomize(small_network(), seed=1), randomize(small_network(), seed=2)
    load_weights(target, saved)
    for path, expected in values(source).items():
        np.testing.assert_array_equal(values(target)[path], expected.astype(np.float16), path)


def test_file_holds_statistics_by_path_and_no_random_state(saved):
    arrays = safetensors.numpy.load_file(saved)
    norm = {f"norm/{part}" for part in ("gamma", "beta", "moving_mean", "moving_variance")}
    assert arrays.keys() == norm | {"stem/kernel", "head/kernel", "head/bias"}
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float16)}


def test_digest_is_returned_and_checked(tmp_path, saved):
    model = randomize(small_network(), seed=1)
    digest = save_weights(model, tmp_path / "again.safetensors")
    assert digest == hashlib.sha256(saved.read_bytes()).hexdigest()
    load_weights(model, saved, digest.upper())
    with pytest.raises(WeightsError) as error:
        load_weights(model, saved, "0" * 64)
    assert digest in one_line(error)
    assert str(saved) in one_line(error)


def test_submodel_of_another_network_loads_the_same_file(saved):
    inputs = keras.Input((8, 8, 3))
    inner = small_network("inner")
    outer = keras.Model(inputs, keras.layers.Dense(1, name="last")(inner(inputs)), name="outer")
    load_weights(outer.get_layer("inner"), saved)
    np.testing.assert_array_equal(
        values(inner)["stem/kernel"], safetensors.numpy.load_file(saved)["stem/kernel"]
    )


def test_network_reloaded_from_a_keras_file_keeps_its_keys(tmp_path, saved):
    small_network().save(tmp_path / "small.keras")
    reloaded = keras.models.load_model(tmp_path / "small.keras")
    load_weights(reloaded, saved)
    assert values(reloaded)["head/bias"].max() > 0


def test_a_subclassed_models_name_is_no_part_of_its_keys(tmp_path):
    class Subclassed(keras.Model):
        def __init__(self, name):
            super().__init__(name=name)
            self.head = keras.layers.Dense(2, name="head")

        def call(self, inputs):
            return self.head(inputs)

    first, second = Subclassed("first"), Subclassed("second")
    photo = np.ones((1, 3), np.float32)
    first(photo), second(photo)
    save_weights(first, tmp_path / "weights.safetensors")
    assert set(safetensors.numpy.load_file(tmp_path / "weights.safetensors")) == {
        "head/kernel",
        "head/bias",
    }
    load_weights(second, tmp_path / "weights.safetensors")
    np.testing.assert_allclose(first(photo), second(photo), rtol=2e-3)


@pytest.mark.parametrize("policy", ["bfloat16", "float16", "float64"])
def test_any_float_dtype_takes_part(tmp_path, policy):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2, dtype=policy, name="head")(inputs))
    model.get_layer("head").kernel.assign(np.full((3, 2), 1.5))
    path = tmp_path / "weights.safetensors"
    save_weights(model, path)
    assert safetensors.numpy.load_file(path)["head/kernel"].dtype == np.float16
    model.get_layer("head").kernel.assign(np.zeros((3, 2)))
    load_weights(model, path)
    assert values(model)["head/kernel"].min() == 1.5
    assert model.get_layer("head").kernel.dtype == policy


def test_whole_numbers_keep_their_dtype(tmp_path):
    class Counter(keras.layers.Layer):
        def build(self, shape):
            self.count = self.add_weight(name="count", dtype="int32", trainable=False)

        def call(self, inputs):
            return inputs

    inputs = keras.Input((3,))
    model = keras.Model(inputs, (counter := Counter())(inputs))
    counter.count.assign(70_000)
    path = tmp_path / "weights.safetensors"
    save_weights(model, path)
    counter.count.assign(0)
    load_weights(model, path)
    assert int(counter.count.value) == 70_000


def test_skipped_layers_are_neither_written_nor_asked_for(tmp_path):
    inputs = keras.Input((8, 8, 3))
    inner = small_network("inner")
    outer = keras.Model(inputs, keras.layers.Dense(1, name="last")(inner(inputs)), name="outer")
    path = tmp_path / "weights.safetensors"
    save_weights(outer, path, skip=["inner"])
    assert set(safetensors.numpy.load_file(path)) == {"last/kernel", "last/bias"}
    before = values(inner)
    load_weights(randomize(outer, seed=3), path, skip=["inner"])
    assert not np.array_equal(values(inner)["head/kernel"], before["head/kernel"])
    with pytest.raises(WeightsError, match="lacks head/bias"):
        load_weights(outer, path)


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        (lambda: small_network(width=5), r"expected (\w+/\w+) of shape \(.*5.*\), found \(.*4.*\)"),
        (lambda: small_network(prefix="other_"), r"lacks other_head/bias \(and 6 more\) of small"),
        (
            lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="head")]),
            r"holds norm/beta \(and 4 more\), unknown to sequential",
        ),
    ],
)
def test_weights_of_another_network_are_refused_whole(saved, other, complaint):
    model = other()
    before = values(model)
    with pytest.raises(WeightsError, match=complaint) as error:
        load_weights(model, saved)
    assert one_line(error).startswith(str(saved))
    assert "build the network that this file was saved from" in one_line(error)
    for path, value in values(model).items():
        np.testing.assert_array_equal(value, before[path])


@pytest.mark.parametrize("damage", ["cut", "empty", "not safetensors"])
def test_damaged_file_is_refused(saved, damage):
    data = saved.read_bytes()
    saved.write_bytes({"cut": data[:-7], "empty": b"", "not safetensors": b"\x89PNG" * 99}[damage])
    with pytest.raises(WeightsError, match="expected a safetensors file") as error:
        load_weights(small_network(), saved)
    assert str(saved) in one_line(error)


def test_absent_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.safetensors: cannot read weights"):
        load_weights(small_network(), tmp_path / "none.safetensors")


@pytest.mark.parametrize("value", [np.nan, np.inf, 65_520.0, -1e6])
def test_weights_beyond_half_precision_are_not_saved(saved, value):
    before = saved.read_bytes()
    model = small_network()
    model.get_layer("head").bias.assign([0.0, value])
    with pytest.raises(WeightsError, match=r"head/bias: expected finite values"):
        save_weights(model, saved)
    assert saved.read_bytes() == before


def test_failed_write_keeps_the_old_file_and_leaves_no_part(saved, monkeypatch):
    before = saved.read_bytes()

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(WeightsError, match="cannot write weights"):
        save_weights(small_network(), saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_missing_folder_is_told(tmp_path):
    with pytest.raises(WeightsError, match="choose a writable place"):
        save_weights(small_network(), tmp_path / "none" / "weights.safetensors")


def test_layers_of_one_name_are_refused(tmp_path):
    inputs = keras.Input((8, 8, 3))
    twins = [small_network("left")(inputs), small_network("right")(inputs)]
    model = keras.Model(inputs, keras.layers.Add()(twins), name="twins")
    with pytest.raises(WeightsError, match="two weights share the path stem/kernel"):
        save_weights(model, tmp_path / "weights.safetensors")


def test_a_file_written_on_tensorflow_loads_on_jax(saved):
    code = """
import sys, keras, numpy as np
from deepkoal.models.weights import load_weights, save_weights
inputs = keras.Input((4,))
model = keras.Model(inputs, keras.layers.Dense(2, name="head")(inputs))
load_weights(model, sys.argv[1])
assert keras.backend.backend() == "jax"
assert "tensorflow" not in sys.modules
save_weights(model, sys.argv[1])
"""
    arrays = safetensors.numpy.load_file(saved)
    head = {key: arrays[key] for key in ("head/bias", "head/kernel")}
    safetensors.numpy.save_file(head, saved)
    written = saved.read_bytes()
    subprocess.run(
        [sys.executable, "-c", code, str(saved)],
        env={**os.environ, **VARIABLES, "KERAS_BACKEND": "jax"},
        cwd=Path(__file__).parents[1],
        check=True,
    )
    again = safetensors.numpy.load_file(saved)
    assert again.keys() == head.keys()
    assert all(np.array_equal(again[key], head[key]) for key in head)
    assert len(saved.read_bytes()) == len(written)


def test_the_checkouts_weights_are_found():
    assert find_shipped("efficientnet-lite0").parent == shipped_models_dir() / "efficientnet-lite0"
    assert find_shipped("efficientnet-lite0", "LICENSE").read_text().lstrip().startswith("Apache")


def test_the_environment_variable_decides(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPKOAL_MODELS", str(tmp_path))
    with pytest.raises(WeightsError, match="no model weights in") as error:
        shipped_models_dir()
    assert str(tmp_path) in one_line(error)
    assert "DEEPKOAL_MODELS" in one_line(error)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "weights.safetensors").touch()
    assert find_shipped("mine") == tmp_path / "mine" / "weights.safetensors"
    with pytest.raises(WeightsError, match=r"no other/weights.safetensors in .+ weights of mine"):
        find_shipped("other")


def test_an_installed_package_finds_its_own_folder_first(tmp_path, monkeypatch):
    monkeypatch.delenv("DEEPKOAL_MODELS", raising=False)
    package, beside = tmp_path / "deepkoal", tmp_path / "models"
    monkeypatch.setattr(importlib.resources, "files", lambda name: tmp_path / name)
    with pytest.raises(WeightsError, match="reinstall deepkoal"):
        shipped_models_dir()
    for place in (beside, package / "shipped_models"):
        (place / "koala").mkdir(parents=True)
        (place / "koala" / "weights.safetensors").touch()
        assert shipped_models_dir() == place


@pytest.mark.parametrize(
    ("preset", "backend", "photo", "floor"),
    [
        # Grey photos have 17.80, 14.12 and 19.40 dB. Measured behind each line, at vibrance 1 and
        # with the decoding of config.json: whoever changes that on purpose measures anew.
        ("koala-lite", "keras", "astronaut", 21.6),  # 21.80
        ("koala-lite", "keras", "coffee", 18.85),  # 18.99
        ("koala-lite", "keras", "chelsea", 23.4),  # 23.56
        ("koala-lite", "litert", "astronaut", 21.6),  # 21.80
        ("koala-lite", "litert", "coffee", 18.85),  # 18.99
        ("koala-lite", "litert", "chelsea", 23.4),  # 23.57
        ("koala", "keras", "astronaut", 19.7),  # 19.93
        ("koala", "keras", "coffee", 16.3),  # 16.49
        ("koala", "keras", "chelsea", 26.9),  # 27.10
    ],
)
def test_shipped_weights_come_as_near_to_true_colors_as_ever(
    photos, colorizers, preset, backend, photo, floor
):
    truth = photos[photo]
    colored = colorizers(preset, backend).colorize(truth)
    assert peak_signal_noise_ratio(truth, colored) >= floor


@pytest.fixture(scope="module")
def colorizers():
    return functools.cache(lambda preset, backend: Colorizer.from_preset(preset, backend=backend))
