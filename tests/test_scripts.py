"""The scripts of a release, run on tiny weights."""

import json
import runpy
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from tiny_networks import randomize, tiny_encoder, tiny_lite

from deepkoal import models
from deepkoal.data import prepare
from deepkoal.guidance import Kernel
from deepkoal.image_io import write_image
from deepkoal.inference.colorizer import Colorizer
from deepkoal.models.weights import WEIGHTS_FILE, save_weights
from deepkoal.pretrained.networks import load_trained
from deepkoal.restoration import network as restoration_network

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


@pytest.fixture
def run_script(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)  # as Python does for a program

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(SCRIPTS / name), run_name="__main__")

    return run


def save_run(folder, network):
    folder.mkdir()
    network.save(folder / "best.keras")
    (folder / "run.json").write_text(json.dumps({"recipe": {"size": 32}}))
    (folder / ".lock").touch()
    (folder / "records.old").mkdir()
    return network


def test_weights_are_averaged_by_their_shares(run_script, tmp_path):
    first, second = save_run(tmp_path / "1", tiny_lite(1)), save_run(tmp_path / "2", tiny_lite(2))
    run_script("average_weights.py", tmp_path / "out", f"{tmp_path}/1=3", f"{tmp_path}/2=1")
    averaged, _ = load_trained(tmp_path / "out")
    for mean, a, b in zip(averaged.weights, first.weights, second.weights, strict=True):
        expected = 0.75 * np.asarray(a) + 0.25 * np.asarray(b)
        np.testing.assert_allclose(np.asarray(mean), expected, atol=1e-6, err_msg=mean.path)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["best.keras", "run.json"]


def test_statistics_too_large_for_half_precision_are_scaled_away(run_script, tmp_path):
    network = tiny_lite(1)
    gamma, beta, mean, variance = network.get_layer("features_norm").get_weights()
    network.get_layer("features_norm").set_weights([gamma, beta, mean + 9, variance * 2.0**20])
    save_run(tmp_path / "1", network)
    run_script("average_weights.py", tmp_path / "out", f"{tmp_path}/1=1")
    averaged, _ = load_trained(tmp_path / "out")
    assert averaged.get_layer("features_norm").moving_variance.numpy().max() <= 2.0**14
    l_norm = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 1)).astype("float32")
    for name, expected in network(l_norm).items():
        np.testing.assert_allclose(averaged(l_norm)[name], expected, atol=1e-3, err_msg=name)


def test_what_cannot_be_averaged_is_named(run_script, tmp_path, capsys):
    keras.utils.set_random_seed(0)
    save_run(tmp_path / "1", tiny_lite(1))
    save_run(tmp_path / "2", models.lite(tiny_encoder(), widths=(8, 8, 8), fusion=16))
    runs = [f"{tmp_path}/1=1", f"{tmp_path}/2=1"]
    for given, told in (
        (runs, "fusion/kernel is not of one shape"),
        ([f"{tmp_path}/1"], "expected RUN=SHARE"),
        ([f"{tmp_path}/absent=1"], "no such file"),
    ):
        with pytest.raises(SystemExit):
            run_script("average_weights.py", tmp_path / "out", *given)
        assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A models folder of one's own with the preset `mine`, whose weights are to come."""
    monkeypatch.setenv("DEEPKOAL_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(models, "efficientnet_lite0", tiny_encoder)
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    config = {"summary": "a test", "network": "lite", "working_size": 64, "license": "MIT"}
    config |= {"decoding": {"temperature": 0.5}, "sha256": None}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / WEIGHTS_FILE).touch()  # by which the folder is known
    return folder


@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")
def test_a_run_is_shipped_with_the_reach_that_its_hints_learned(
    run_script, shelf, photos, tmp_path
):
    run = tmp_path / "run"
    trained = save_run(run, randomize(models.lite(tiny_encoder()), 1))
    begun = np.array(trained.get_layer("affinity").projection)
    (run / "log.csv").write_text("epoch,loss,val_loss\n0,3.0,2.5\n1,2.0,2.25\n")
    (tmp_path / "photos").mkdir()
    for name, photo in photos.items():
        Image.fromarray(photo[100:148, 200:248]).save(tmp_path / "photos" / f"{name}.png")
    prepare(tmp_path / "photos", tmp_path / "records", size=40)
    sizes = ("--photos", 4, "--size", 32, "--steps", 3)
    run_script("learn_affinity.py", run, tmp_path / "records", *sizes)
    network, _ = load_trained(run)
    assert np.any(np.asarray(network.get_layer("affinity").projection) != begun)

    run_script("ship_weights.py", run, "mine")
    assert sorted(path.name for path in shelf.iterdir()) == [
        *("config.json", "log.csv", "loss.png", "network.tflite", "weights.safetensors")
    ]
    photo = photos["coffee"][::4, ::4]
    expected = Colorizer(network, working_size=64).predict(photo).outputs
    kernel = Kernel(**json.loads((run / "kernel.json").read_text()))
    for backend in ("keras", "litert"):
        shipped = Colorizer.from_preset("mine", backend=backend)
        assert shipped.decoding.kernel == kernel
        for name, found in shipped.predict(photo).outputs.items():
            np.testing.assert_allclose(found, expected[name], atol=0.02, err_msg=name)


def test_a_restorer_is_shipped(run_script, shelf, monkeypatch, tmp_path):
    network, run = randomize(models.restorer(widths=(4, 6)), 0), tmp_path / "run"
    run.mkdir()
    save_weights(network, run / WEIGHTS_FILE)
    (run / "run.json").write_text(json.dumps({"widths": [4, 6]}))
    (run / "log.csv").write_text("epoch,loss\n0,1.0\n")
    run_script("ship_restorer.py", run)
    monkeypatch.setattr(restoration_network, "_load", restoration_network._load.__wrapped__)
    l_norm = np.random.default_rng(0).uniform(-1, 1, (1, 32, 64, 1)).astype("float32")
    for backend in ("keras", "litert"):
        found = restoration_network.load_restorer(backend).predict(l_norm)
        for name, expected in network(l_norm).items():
            np.testing.assert_allclose(found[name], expected, atol=0.02, err_msg=name)


@pytest.mark.parametrize("things", [(), (8, 4)])
def test_things_are_learned_of_photos_with_masks(run_script, tmp_path, capsys, monkeypatch, things):
    before = save_run(tmp_path / "run", tiny_lite(1, things=things))
    build = "deepkoal.pretrained.networks.build_untrained"
    monkeypatch.setattr(build, lambda _, things: tiny_lite(2, things=things))
    for kind in ("clothes", "people"):
        for number in range(3):
            photo = np.random.default_rng(number).integers(0, 90, (96, 64, 3), np.uint8)
            masks = np.zeros((96, 64), np.uint8)
            masks[24:72, 16:48] = 1
            photo[masks > 0] += 120
            for name, pixels in (("photos", photo), ("masks", masks)):
                folder = tmp_path / kind / name
                folder.mkdir(parents=True, exist_ok=True)
                write_image(folder / f"{number}.png", pixels)
    arguments = (tmp_path / "clothes", "--whole", tmp_path / "people")
    run_script("learn_things.py", tmp_path / "run", *arguments, "--laid", 6, "--steps", 4)
    assert "of a thing is found" in capsys.readouterr().out
    after, _ = load_trained(tmp_path / "run")
    assert "things" in after.output
    learned = {variable.path: np.asarray(variable) for variable in after.weights}
    for variable in before.weights:
        if "things" not in variable.path:
            np.testing.assert_array_equal(learned[variable.path], variable, err_msg=variable.path)
