"""Many devices: those of one host and those of two, which do what one device does alone."""

import argparse
import csv
import json
import os
import re
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest
from jax_forks import Job
from PIL import Image
from quick_jax import QUICK

from deepkoal.cli import main
from deepkoal.cli.arguments.devices import choose_backend
from deepkoal.data import prepare
from deepkoal.errors import RunError
from deepkoal.pretrained.networks import load_trained
from deepkoal.training.devices import check_batch
from deepkoal.training.runs.checkpoints import find_checkpoint

RECIPE = """
size = 32
batch_size = 4
epochs = 2
steps_per_epoch = 2
losses = { mae = 1.0 }
learning_rate = 1e-2
degradation = 0.5
"""
EPOCHS, STEPS = 2, 2
TWO_DEVICES = f"{QUICK} --xla_force_host_platform_device_count=2"


@pytest.fixture(scope="module")
def records(photos, tmp_path_factory):
    """12 photos to train on, 10 to validate with, the last batch being 2, and a recipe."""
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
    (folder / "recipe.toml").write_text(RECIPE)
    return folder / "train-records", folder / "val-records", folder / "recipe.toml"


def finish(process, seconds=600):
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.fixture(scope="module")
def twins(records, jax_forks, tmp_path_factory):
    """Folders of the same run on one device and on two of one host."""
    folder = tmp_path_factory.mktemp("twins")
    code = "import sys, tiny_training; tiny_training.train_twins(*sys.argv[1:])"
    job = Job(code, (*records, folder), {"XLA_FLAGS": TWO_DEVICES})
    ((code, _, err),) = jax_forks.run(job)
    assert code == 0, err
    return folder / "1", folder / "2"


def read_losses(run_dir):
    with (run_dir / "log.csv").open(newline="") as log:
        return [[float(row["loss"]), float(row["val_loss"])] for row in csv.DictReader(log)]


def assert_same_networks(run_dir, expected):
    """After as many steps, by the last checkpoint."""
    assert find_checkpoint(run_dir)[1] == find_checkpoint(expected)[1] == EPOCHS
    for found, wanted in zip(
        *(load_trained(folder)[0].weights for folder in (run_dir, expected)),
        strict=True,
    ):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5, err_msg=wanted.path)


def test_two_devices_do_what_one_does(twins):
    one, two = twins
    np.testing.assert_allclose(read_losses(two), read_losses(one), rtol=1e-5)
    assert_same_networks(two, one)


def test_a_batch_that_devices_cannot_share_is_refused(monkeypatch):
    devices = keras.distribution.DeviceMesh((3,), ["batch"], ["cpu:0"] * 3)
    spread = keras.distribution.DataParallel(device_mesh=devices)
    monkeypatch.setattr(keras.distribution, "distribution", lambda: spread)
    check_batch(6)
    with pytest.raises(RunError, match="a multiple of the number of devices, 3, not 4"):
        check_batch(4)


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--devices", "2"], 1, "need Keras on JAX, not on tensorflow: set KERAS_BACKEND=jax"),
        (["--hosts", "2"], 2, "--coordinator, --hosts and --host go together"),
        (["--host", "0"], 2, "--coordinator, --hosts and --host go together"),
    ],
)
def test_devices_that_cannot_be_had_are_told(tmp_path, capsys, arguments, status, told):
    assert main(["train", str(tmp_path), "--run", "run", *arguments]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_devices_run_on_jax_where_no_backend_is_chosen(monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    choose_backend(argparse.Namespace(devices=2, coordinator=None, hosts=None, host=None))
    assert os.environ == {"KERAS_BACKEND": "jax", "JAX_ENABLE_PREEMPTION_SERVICE": "false"}


def test_missing_jax_is_told(capsys, monkeypatch):
    monkeypatch.setattr("deepkoal.cli.arguments.devices.find_spec", lambda name: None)
    assert main(["train", "records", "--run", "run", "--devices", "2"]) == 1
    assert "JAX, which is missing: pip install 'deepkoal[jax]'" in capsys.readouterr().err


# --- a process that is watched -----------------------------------------------------------------


def supervise(work, log):
    """Watch `work`, source text of a function's body, in a process of its own."""
    program = f"""
import os, signal, sys, time
from pathlib import Path
from deepkoal.cli.multi_host import supervise
from deepkoal.cli.arguments.devices import explain_signal
def work():
    {work}
sys.exit(supervise(work, Path({str(log)!r}), explain_signal))
"""
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("status", [0, 1, 130])
def test_what_watched_work_says_is_said_and_returned(tmp_path, status):
    work = f"print('out'); print('err', file=sys.stderr); return {status}"
    assert finish(supervise(work, tmp_path / "log")) == (status, "out\n", "err\n")


def test_the_sudden_end_of_work_is_told_in_a_line(tmp_path):
    log = tmp_path / "run" / "host-1.log"
    code, out, err = finish(supervise("os.write(1, b'pa'); os.write(2, b'ges'); os.abort()", log))
    (line,) = err.splitlines()
    assert (code, out) == (1, "")
    assert line.startswith("deepkoal: JAX ended training, because another host is gone, silent")
    assert line.endswith(f"(more in {log})")
    assert log.read_bytes() == b"pages"


def test_work_ends_with_the_process_that_watches_it(tmp_path):
    process = supervise("print('here', flush=True); time.sleep(60)", tmp_path / "log")
    assert process.stdout.readline()
    process.kill()
    process.communicate(timeout=30)  # which waits until the worker, too, has closed stdout


# --- two hosts ---------------------------------------------------------------------------------


HOST = "import sys, tiny_command; sys.exit(tiny_command.run(*sys.argv[1:]))"


def run_hosts(jax_forks, records, run_dir, *kill_at):
    """Run two hosts, which are killed at the given steps, or never where that is `none`."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    arguments = (
        *("train", records[0], "--validation", records[1], "--run", run_dir),
        *("--recipe", records[2], "--coordinator", f"127.0.0.1:{port}", "--hosts", 2, "--host"),
    )
    return jax_forks.run(*(Job(HOST, (kill_at[host], *arguments, host)) for host in (0, 1)))


def told_losses(out):
    return [json.loads(line) for line in out.splitlines() if line.startswith("[")]


def test_a_lost_host_ends_the_run_which_goes_on(twins, records, jax_forks, tmp_path):
    """The first host, which the other waits for, is killed in the second epoch."""
    run_dir = tmp_path / "run"
    results = run_hosts(jax_forks, records, run_dir, STEPS + 1, "none")
    for host, (code, _, err) in enumerate(results):
        assert code == 1, err
        (line,) = re.findall("deepkoal: (?!epoch ).*", err)
        assert ("another host" if host else "SIGKILL") in line
        assert "same command on every host goes on from the last checkpoint" in line
    assert find_checkpoint(run_dir)[1] == 1
    results = run_hosts(jax_forks, records, run_dir, "none", "none")
    for code, out, err in results:
        assert code == 0, err
        assert out.splitlines()[-1] == str(run_dir)
    told = [told_losses(out) for _, out, _ in results]
    assert told[0] == told[1]
    expected = read_losses(twins[0])
    np.testing.assert_allclose(told[0], expected[1:], rtol=1e-5)
    np.testing.assert_allclose(read_losses(run_dir), expected, rtol=1e-5)
    assert_same_networks(run_dir, twins[0])
