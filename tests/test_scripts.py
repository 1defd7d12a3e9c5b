"""The scripts of a release, run on tiny weights."""

import json
import runpy
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from tiny_networks import tiny_encoder, tiny_lite

from deepkoal import models
from deepkoal.pretrained.networks import load_trained

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


@pytest.fixture
def run_script(monkeypatch):
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
