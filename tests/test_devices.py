"""Many devices: those of one host and those of two, which do what one device does alone."""

import csv
import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from tiny_training import RECIPE

from deepkoal.dataset import prepare
from deepkoal.training.checkpoints import find_checkpoint

TESTS = Path(__file__).parent
# Compiling takes JAX longer than training does.
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
TWO_DEVICES = f"{QUICK} --xla_force_host_platform_device_count=2"


@pytest.fixture(scope="module")
def records(photos, tmp_path_factory):
    """12 photos to train on and 10 to validate with: a last batch of 2."""
    folder = tmp_path_factory.mktemp("records")
    corners = {"train": [(0, 60), (90, 150), (180, 30)], "val": [(40, 200), (200, 250), (0, 0)]}
    crops = {
        part: [photo[y : y + 96, x : x + 96] for photo in photos.values() for y, x in corners[part]]
        for part in corners
    }
    for part, count in (("train", 12), ("val", 10)):
        (folder / part).mkdir()
        for number, crop in enumerate(crops[part][:count]):
            file = folder / part / f"{number}.jpg"
            Image.fromarray(crop).resize((48, 48)).save(file, quality=95)
        prepare(folder / part, folder / f"{part}-records", size=40, photos_per_shard=5)
    return folder / "train-records", folder / "val-records"


def start(program, *arguments, **variables):
    environment = {**os.environ, "XLA_FLAGS": QUICK, **variables}
    return subprocess.Popen(
        [sys.executable, TESTS / program, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, seconds=300):
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.fixture(scope="module")
def twins(records, tmp_path_factory):
    """Folders of the same run on one device and on two of one host."""
    folder = tmp_path_factory.mktemp("twins")
    variables = {"KERAS_BACKEND": "jax", "XLA_FLAGS": TWO_DEVICES}
    code, _, err = finish(start("tiny_training.py", "twins", *records, folder, **variables))
    assert code == 0, err
    return folder / "1", folder / "2"


def read_losses(run_dir):
    with (run_dir / "log.csv").open(newline="") as log:
        return [[float(row["loss"]), float(row["val_loss"])] for row in csv.DictReader(log)]


def assert_same_networks(run_dir, expected):
    """After as many steps, by the last checkpoint."""
    assert find_checkpoint(run_dir)[1] == find_checkpoint(expected)[1] == RECIPE.epochs
    for found, wanted in zip(
        *(keras.saving.load_model(folder / "best.keras").weights for folder in (run_dir, expected)),
        strict=True,
    ):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5, err_msg=wanted.path)


def test_two_devices_do_what_one_does(twins):
    one, two = twins
    np.testing.assert_allclose(read_losses(two), read_losses(one), rtol=1e-5)
    assert_same_networks(two, one)


# --- two hosts ---------------------------------------------------------------------------------


def start_hosts(records, run_dir, *kill_at):
    """Start two hosts, which are killed at the given steps, or never where that is `none`."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    lines = [f"{k} = {v!r}" for k, v in dataclasses.asdict(RECIPE).items() if v != {}]
    recipe = run_dir.with_name("recipe.toml")
    recipe.write_text("\n".join(lines))
    return [
        start(
            "tiny_command.py",
            kill_at[host],
            *("train", records[0], "--validation", records[1], "--run", run_dir),
            *("--recipe", recipe),
            *("--coordinator", f"127.0.0.1:{port}", "--hosts", 2, "--host", host),
        )
        for host in (0, 1)
    ]


def told_losses(out):
    return [json.loads(line) for line in out.splitlines() if line.startswith("[")]


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_host_ends_the_run_which_goes_on(twins, records, tmp_path, lost):
    run_dir = tmp_path / "run"
    steps = RECIPE.steps_per_epoch
    kill_at = ["none", "none"]
    kill_at[lost] = 2 * steps + 1
    hosts = start_hosts(records, run_dir, *kill_at)
    results = [finish(host) for host in hosts]
    for host, (code, _, err) in enumerate(results):
        print(host, code, err)
    assert find_checkpoint(run_dir)[1] == 2
    code, _, err = results[1 - lost]
    assert code == 1, err
    results = [finish(host) for host in start_hosts(records, run_dir, "none", "none")]
    for host, (code, out, err) in enumerate(results):
        print(host, code, out, err)
        assert code == 0
    told = [told_losses(out) for _, out, _ in results]
    assert told[0] == told[1]
    expected = read_losses(twins[0])
    np.testing.assert_allclose(told[0], expected[2:], rtol=1e-5)
    np.testing.assert_allclose(read_losses(run_dir), expected, rtol=1e-5)
    assert_same_networks(run_dir, twins[0])
