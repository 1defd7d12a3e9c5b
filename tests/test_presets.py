"""Presets as shipped, and what is said where a description, a recipe or weights are wrong."""

import argparse
import json

import keras
import numpy as np
import pytest
import safetensors.numpy
from tiny_networks import tiny_embedder, tiny_encoder, tiny_koala, tiny_lite

from deepkoal import models
from deepkoal.cli.training_run import _build_network
from deepkoal.errors import RunError, WeightsError
from deepkoal.guidance import DecodingConfig
from deepkoal.models.weights import WEIGHTS_FILE, find_shipped, save_weights
from deepkoal.pretrained import presets
from deepkoal.pretrained.beginnings import begin_with, find_start_things
from deepkoal.pretrained.networks import build_untrained, load_network
from deepkoal.pretrained.presets import Preset, list_presets, load_preset, load_recipe
from deepkoal.pretrained.recipe import Recipe

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CONFIG = {
    "summary": "a test",
    "network": "lite",
    "working_size": 64,
    "decoding": {"temperature": 0.5},
    "license": "MIT",
    "sha256": None,
}


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A models folder of one's own with the preset `mine`, whose encoder is tiny."""
    monkeypatch.setenv("DEEPKOAL_MODELS", str(tmp_path))
    monkeypatch.setattr(models, "efficientnet_lite0", tiny_encoder)
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / WEIGHTS_FILE).write_bytes(b"")
    return folder


def one_line(error):
    message = str(error.value)
    assert "\n" not in message
    return message


# --- as shipped --------------------------------------------------------------------------------


def test_the_shipped_presets():
    found = {preset.name: preset for preset in list_presets()}
    assert list(found) == ["koala", "koala-lite", "pix2pix"]
    assert {name: preset.network for name, preset in found.items()} == {
        "koala": "koala",
        "koala-lite": "lite",
        "pix2pix": "pix2pix",
    }
    assert presets.DEFAULT_PRESET in found
    for preset in found.values():
        assert np.all(np.array(preset.working_size) % 8 == 0)
        assert DecodingConfig.from_config(preset.decoding).temperature > 0
        assert preset.summary
        assert preset.license


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("koala", "recipe"),
        ("koala-lite", "recipe"),
        ("koala-lite", "adversarial"),
        ("pix2pix", "recipe"),
    ],
)
def test_each_shipped_preset_has_its_recipes(name, kind):
    recipe = load_recipe(name, kind)
    assert recipe.epochs * recipe.steps_per_epoch > 100


def test_the_default_untrained_network_knows_imagenet():
    network = build_untrained("koala-lite")
    assert network.name == "lite"
    assert network.count_params() == 5_861_291
    shipped = safetensors.numpy.load_file(find_shipped("efficientnet-lite0"))
    for variable in network.get_layer("encoder").weights:
        np.testing.assert_array_equal(np.array(variable), shipped[variable.path])


def test_the_untrained_pix2pix_is_its_papers():
    network = build_untrained("pix2pix")
    assert network.name == "pix2pix"
    assert network.count_params() == 54_410_434


# --- building ----------------------------------------------------------------------------------


def kernel(network, layer):
    return np.array(network.get_layer(layer).kernel)


def test_the_seed_decides_the_initial_weights():
    one, same, other = (
        build_untrained("koala", embedder=tiny_embedder(), seed=seed) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(kernel(one, "fusion"), kernel(same, "fusion"))
    assert np.abs(kernel(one, "fusion") - kernel(other, "fusion")).max() > 0.01


def test_precision_is_the_networks_and_not_the_process_s():
    network = build_untrained("koala", embedder=tiny_embedder(), precision="mixed_bfloat16")
    assert network.get_layer("fusion").dtype_policy.name == "mixed_bfloat16"
    assert network.output["ab_norm"].dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_precision_is_restored_after_a_failure(shelf):
    with pytest.raises(WeightsError, match="no efficientnet-lite0"):
        build_untrained("mine", precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"


# --- loading -----------------------------------------------------------------------------------


def test_a_preset_is_its_description(shelf):
    assert load_preset("mine") == Preset(name="mine", **CONFIG)
    assert list_presets() == [load_preset("mine")]


def test_an_unknown_preset_is_told_the_known_ones():
    for load in (load_preset, load_recipe, load_network, build_untrained):
        with pytest.raises(WeightsError) as error:
            load("koala-light")
        assert one_line(error) == ("no preset 'koala-light'; there are: koala, koala-lite, pix2pix")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[1]",
        json.dumps({**CONFIG, "color": 1}).encode(),
        json.dumps({"network": "lite"}).encode(),
    ],
)
def test_a_damaged_description_is_named(shelf, content):
    (shelf / "config.json").write_bytes(content)
    for load in (lambda: load_preset("mine"), list_presets):
        with pytest.raises(WeightsError) as error:
            load()
        assert one_line(error).startswith(f"{shelf / 'config.json'} is damaged")
        assert "install deepkoal again" in one_line(error)


def test_a_preset_without_weights_says_how_to_get_them(shelf):
    with pytest.raises(WeightsError) as error:
        load_network("mine")
    assert one_line(error).startswith("no weights are shipped for mine: train it")
    assert "deepkoal train RECORDS --preset mine" in one_line(error)


@pytest.mark.parametrize("things", [(), (8, 4)])
def test_shipped_weights_are_the_networks(shelf, things):
    source = models.lite(tiny_encoder(), things=things)
    digest = save_weights(source, shelf / WEIGHTS_FILE)
    (shelf / "config.json").write_text(json.dumps({**CONFIG, "sha256": digest}))
    network = load_network("mine")
    assert network.output.keys() == source.output.keys()
    for expected, variable in zip(source.weights, network.weights, strict=True):
        half = np.array(expected).astype("float16")
        np.testing.assert_array_equal(np.array(variable), half)


@pytest.fixture
def koala_shelf(shelf, monkeypatch):
    """The preset `mine` as a koala whose embeddings are of length 5, and its network."""
    network = models.koala(tiny_embedder())
    digest = save_weights(network, shelf / WEIGHTS_FILE, skip=["embedding"])
    config = {**CONFIG, "network": "koala", "sha256": digest}
    (shelf / "config.json").write_text(json.dumps(config))
    stand_in = staticmethod(lambda: tiny_embedder(seed=8))
    monkeypatch.setattr(models.SemanticEmbedder, "efficientnet_lite0", stand_in)
    return network


def assert_same_but_for_the_embedder(found, expected):
    for layer in expected.layers:
        if layer.name != "embedding":
            for own, given in zip(layer.weights, found.get_layer(layer.name).weights, strict=True):
                half = np.array(own).astype("float16")
                np.testing.assert_array_equal(np.array(given).astype("float16"), half, own.path)


def test_koalas_weights_take_any_embedder_of_their_length(koala_shelf):
    network = load_network("mine", embedder=tiny_embedder(seed=9))
    assert_same_but_for_the_embedder(network, koala_shelf)
    assert network.get_layer("embedding").identity == "tiny:9"
    assert load_network("mine").get_layer("embedding").identity == "tiny:8"
    with pytest.raises(WeightsError, match="expected fusion/kernel of shape"):
        load_network("mine", embedder=tiny_embedder(dim=6))


def test_weights_of_another_digest_are_refused(shelf):
    save_weights(models.lite(tiny_encoder()), shelf / WEIGHTS_FILE)
    (shelf / "config.json").write_text(json.dumps({**CONFIG, "sha256": "0" * 64}))
    with pytest.raises(WeightsError, match=r"expected sha256 0{64}, found") as error:
        load_network("mine")
    assert str(shelf / WEIGHTS_FILE) in one_line(error)


def test_weights_that_are_not_there_are_named(shelf):
    other = shelf.parent / "other"
    other.mkdir()
    (shelf / WEIGHTS_FILE).replace(other / WEIGHTS_FILE)
    (shelf / "config.json").write_text(json.dumps({**CONFIG, "sha256": "0" * 64}))
    with pytest.raises(WeightsError, match=r"no mine/weights\.safetensors in"):
        load_network("mine")


def test_a_recipe_is_read_or_missed(shelf):
    with pytest.raises(WeightsError, match="mine has no recipe 'recipe'; it has: none; choose"):
        load_recipe("mine")
    path = shelf / "recipe.toml"
    path.write_text("size = 96\n")
    assert load_recipe("mine").size == 96
    path.write_text("size = 97\n")
    with pytest.raises(RunError, match=r"recipe\.toml: size must be a multiple of 32"):
        load_recipe("mine")


# --- beginning with weights --------------------------------------------------------------------


def test_training_begins_with_a_presets_weights_and_its_own_embedder(koala_shelf):
    network = models.koala(tiny_embedder(seed=3))
    embedder = [np.array(weight) for weight in network.get_layer("embedding").weights]
    begin_with(network, "mine")
    assert_same_but_for_the_embedder(network, koala_shelf)
    for before, after in zip(embedder, network.get_layer("embedding").weights, strict=True):
        np.testing.assert_array_equal(before, np.array(after))


@pytest.mark.parametrize("place", ["run", "run/best.keras"])
def test_training_begins_with_a_runs_network(tmp_path, place):
    (tmp_path / "run").mkdir()
    source, network = tiny_lite(seed=1), tiny_lite(seed=2)
    source.save(tmp_path / "run" / "best.keras")
    begin_with(network, tmp_path / place)
    for expected, found in zip(source.weights, network.weights, strict=True):
        np.testing.assert_array_equal(np.array(expected), np.array(found))


def test_the_command_begins_with_a_network_that_has_things(tmp_path):
    begin = argparse.Namespace(start="koala-lite")
    network = _build_network(begin, load_preset("koala-lite"), Recipe(), None)
    source = load_network("koala-lite")
    for expected, found in zip(source.weights, network.weights, strict=True):
        np.testing.assert_array_equal(np.array(expected), np.array(found))
    tiny_lite(things=(8, 4)).save(tmp_path / "best.keras")
    assert find_start_things(tmp_path) == [8, 4]


def test_a_beginning_that_does_not_fit_is_named(tmp_path, shelf):
    path = tmp_path / "small.keras"
    tiny_lite().save(path)
    for other in (tiny_koala(), models.lite(tiny_encoder(), widths=(8, 8, 16), fusion=8)):
        with pytest.raises(WeightsError) as error:
            begin_with(other, path)
        assert one_line(error).startswith(f"{path} holds weights of lite, which do not fit")
    for start, expected in (("mine", "no weights are shipped for mine"), ("gone", "no such file")):
        with pytest.raises(WeightsError, match=expected):
            begin_with(tiny_lite(), start)
