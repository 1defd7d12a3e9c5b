"""scripts/gpu_campaign: photos in parts, crops on the device, training by the clock."""

import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from quick_jax import VARIABLES
from tiny_networks import tiny_lite

from deepkoal.errors import RunError, WeightsError
from deepkoal.guidance import DecodingConfig
from deepkoal.models.weights import load_weights, save_weights
from deepkoal.pretrained.presets import load_preset, load_recipe
from deepkoal.training import ColorizationTask
from deepkoal.training.recipe_losses import build_losses
from scripts.average_weights import tame_statistics
from scripts.gpu_campaign.__main__ import main
from scripts.gpu_campaign.checkpoints import (
    check_file_size,
    drop_averaged,
    find_state,
    lengthen,
    shorten,
)
from scripts.gpu_campaign.pack import pack
from scripts.gpu_campaign.parts import Manifest, photo_chances, read_part
from scripts.gpu_campaign.photo_store import PhotoStore, decode
from scripts.gpu_campaign.settings import Settings, schedule
from scripts.gpu_campaign.views import cut_views, draw_views
from scripts.gpu_campaign.wheels import add_wheels

TESTS = Path(__file__).parent
PER_SOURCE = 125
OPTIONS = {"side": 96, "part_megabytes": 0.3}


@pytest.fixture(scope="module")
def folders(photos, tmp_path_factory):
    """500 crops of scikit-image's photos, a folder for each photo, and two files that are none."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name, photo in photos.items():
        (root / name).mkdir()
        for number in range(PER_SOURCE):
            height, width = rng.integers(48, 160, 2)
            top, left = (
                rng.integers(0, photo.shape[axis] - (height, width)[axis]) for axis in (0, 1)
            )
            crop = photo[top : top + height, left : left + width, ::-1]
            cv2.imwrite(str(root / name / f"{number}.jpg"), crop)
    (root / "chelsea" / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    cv2.imwrite(str(root / "chelsea" / "tiny.png"), np.zeros((8, 8, 3), "uint8"))
    return [(root / name, share) for name, share in zip(photos, (4.0, 2.0, 1.0, 0.0), strict=True)]


@pytest.fixture(scope="module")
def parts(folders, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    pack(folders, folder, **OPTIONS)
    return folder


@pytest.fixture(scope="module")
def batch(photos):
    return np.stack([cv2.resize(photo, (64, 64)) for photo in photos.values()])


def read_all(folder):
    manifest = Manifest.read(folder)
    read = [read_part(folder, part) for part in manifest.parts]
    return manifest, [photo for photos, _ in read for photo in photos], [s for _, s in read]


def test_parts_hold_every_photo_once(folders, parts):
    manifest, encoded, source = read_all(parts)
    assert len(manifest.parts) > 2
    assert all(part.bytes <= 300_000 for part in manifest.parts)
    assert manifest.left_out["unreadable"] == manifest.left_out["too small"] == 1
    assert len(encoded) + sum(manifest.left_out.values()) == 4 * PER_SOURCE + 2
    counts = np.bincount(np.concatenate(source))
    assert counts.tolist() == [entry.photos for entry in manifest.sources]
    # Each part is a mixture: none lacks a source.
    assert all(len(set(part)) == 4 for part in source[:-1])
    assert len({photo.tobytes() for photo in encoded}) == len(encoded)


def test_photos_come_back_as_they_were(folders, parts):
    _, encoded, source = read_all(parts)
    source = np.concatenate(source)
    read = [cv2.imdecode(photo, cv2.IMREAD_COLOR) for photo in encoded]
    assert all(min(photo.shape[:2]) <= 96 for photo in read)
    small = [photo for photo, of in zip(read, source, strict=True) if of == 2]
    tiny = np.stack([cv2.resize(photo, (16, 16), interpolation=cv2.INTER_AREA) for photo in small])
    for path in sorted(folders[2][0].glob("*.jpg"))[:20]:
        own = cv2.resize(cv2.imread(str(path)), (16, 16), interpolation=cv2.INTER_AREA)
        errors = np.abs(tiny.astype(float) - own).mean(axis=(1, 2, 3))
        assert errors.min() < 8


def test_packing_goes_on_where_it_stopped(folders, parts, tmp_path):
    pack(folders, tmp_path, **OPTIONS, most_parts=1)
    assert len(Manifest.read(tmp_path).parts) == 1
    pack(folders, tmp_path, **OPTIONS)
    assert Manifest.read(tmp_path) == Manifest.read(parts)
    pack(folders, tmp_path, **OPTIONS)
    assert Manifest.read(tmp_path) == Manifest.read(parts)
    with pytest.raises(RunError, match="other photos or settings"):
        pack(folders, tmp_path, side=64)


def test_bad_folders_are_told(folders, tmp_path, capsys):
    assert main(["pack", str(tmp_path / "parts"), str(tmp_path)]) == 1
    assert "no photos there" in capsys.readouterr().err
    assert main(["pack", str(tmp_path / "parts"), f"{folders[0][0]}=1", str(folders[1][0])]) == 1
    assert "give all one" in capsys.readouterr().err


def test_missing_and_damaged_parts_are_told(folders, tmp_path, capsys):
    pack(folders, tmp_path, **OPTIONS)
    assert main(["check", str(tmp_path)]) == 0
    first, second = (tmp_path / part.file for part in Manifest.read(tmp_path).parts[:2])
    content = bytearray(second.read_bytes())
    content[-7] ^= 1
    second.write_bytes(content)
    assert main(["check", str(tmp_path)]) == 1
    assert f"{second}: the part is damaged" in capsys.readouterr().err
    assert PhotoStore(tmp_path, 32, parts=1).count > 50
    first.unlink()
    with pytest.raises(RunError, match="is missing"):
        PhotoStore(tmp_path, 32)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(RunError, match="is damaged"):
        PhotoStore(tmp_path, 32)
    (tmp_path / "manifest.json").unlink()
    assert main(["check", str(tmp_path)]) == 1
    assert "manifest included" in capsys.readouterr().err


def test_photos_are_drawn_by_their_sources_shares(parts):
    manifest, encoded, source = read_all(parts)
    source = np.concatenate(source)
    chances = photo_chances(manifest.sources, source)
    shares = np.bincount(source, chances)
    np.testing.assert_allclose(shares, np.array([4, 2, 1, 0]) / 7)
    store = PhotoStore(parts, 32, shares={"astronaut": 0.0, "coffee": 0.0})
    chelsea = {decode(encoded[n], 32)[0].tobytes() for n in np.flatnonzero(source == 1)}
    drawn, sizes = store.draw(np.random.default_rng(0), 64)
    assert drawn.shape == (64, 32, 32, 3)
    assert sizes.shape == (64, 2)
    assert {np.asarray(photo).tobytes() for photo in drawn} <= chelsea
    with pytest.raises(RunError, match="no source 'cats'"):
        PhotoStore(parts, 32, shares={"cats": 1.0})


def test_views_lie_within_the_photo_and_keep_its_proportions():
    sizes = np.tile([[96.0, 144.0]], (2000, 1))
    views = draw_views(np.random.default_rng(0), sizes, 64)
    top, left, height, width, mirrored = views.T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 1 + 1e-6).all()
    assert (left + width <= 1 + 1e-6).all()
    ratio = width * 144 / (height * 96)
    assert 1 / 1.26 < ratio.min() < ratio.max() < 1.26
    assert 0.36 < height.min() / 0.9 < 0.45  # 0.55 · 64 / 96, less for the stretch
    assert 0.45 < mirrored.mean() < 0.55


def test_a_whole_view_is_the_photo_and_a_mirrored_one_its_mirror_image(batch):
    whole = np.tile(np.float32([0, 0, 1, 1, 0]), (len(batch), 1))
    np.testing.assert_allclose(cut_views(batch, whole, 64), batch, atol=1e-3)
    whole[:, 4] = 1
    np.testing.assert_allclose(cut_views(batch, whole, 64), batch[:, :, ::-1], atol=1e-3)


@pytest.mark.parametrize(("size", "method"), [(16, cv2.INTER_AREA), (96, cv2.INTER_LINEAR)])
def test_a_view_is_scaled_as_opencv_scales(batch, size, method):
    whole = np.tile(np.float32([0, 0, 1, 1, 0]), (len(batch), 1))
    scaled = [cv2.resize(photo, (size, size), interpolation=method) for photo in batch]
    np.testing.assert_allclose(cut_views(batch, whole, size), scaled, atol=1.1)


def test_a_view_is_cut_where_it_says(batch):
    quarter = np.tile(np.float32([0.25, 0.5, 0.5, 0.5, 0]), (len(batch), 1))
    np.testing.assert_allclose(cut_views(batch, quarter, 32), batch[:, 16:48, 32:], atol=1e-3)


def test_rate_warms_up_stays_and_falls():
    settings = Settings(minutes=9, sizes={96: 1.0}, rate=1.0, warmup=10, decay=0.25)
    assert schedule(settings, 0, 0.0) == pytest.approx(0.1)
    assert schedule(settings, 50, 0.5) == 1
    assert schedule(settings, 50, 0.875) == pytest.approx(0.5)
    assert schedule(settings, 50, 1.0) == 0


def test_optimizer_states_are_rounded_by_less_than_a_two_hundredth():
    values = np.random.default_rng(0).normal(size=1000).astype("float32") * 1e-6
    np.testing.assert_allclose(lengthen(shorten(values)), values, rtol=2**-8)
    assert lengthen(shorten(np.float32(0.1))) == np.float32(0.1)


@pytest.mark.parametrize(("keep", "left"), [(5, [1, 2, 3]), (2, [2, 3]), (0, [])])
def test_the_newest_averaged_weights_are_kept(tmp_path, keep, left):
    for number in (1, 2, 3):
        (tmp_path / f"averaged-{number:07d}.safetensors").touch()
    (tmp_path / "final.safetensors").touch()
    drop_averaged(tmp_path, keep)
    assert [int(file.stem[-7:]) for file in sorted(tmp_path.glob("averaged-*"))] == left
    assert (tmp_path / "final.safetensors").exists()


def test_statistics_too_large_for_half_precision_are_tamed(batch):
    network = tiny_lite()
    l_norm = batch[..., 1:2] / 127.5 - 1
    before = network(l_norm)["logits"]
    convolution, norm = (network.get_layer(f"decoder_8_{part}") for part in ("conv", "norm"))
    convolution.set_weights([weight * 300 for weight in convolution.get_weights()])
    gamma, beta, mean, variance = norm.get_weights()
    norm.set_weights([gamma, beta, mean * 300, variance * 300**2])
    assert variance.max() * 300**2 > 65504
    tame_statistics(network)
    assert norm.moving_variance.numpy().max() < 65504
    np.testing.assert_allclose(network(l_norm)["logits"], before, rtol=1e-3, atol=1e-2)


def test_a_network_too_large_for_a_file_is_refused():
    class Large:
        network = keras.Sequential([keras.Input((4000,)), keras.layers.Dense(2001)])

    with pytest.raises(WeightsError, match="more than the 16 MB"):
        check_file_size(Large())


def test_wheels_are_unpacked_where_a_package_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "wheels").mkdir()
    for name in ("keras", "koala_extra"):
        with zipfile.ZipFile(tmp_path / "wheels" / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/__init__.py", "answer = 42")
    assert add_wheels(tmp_path) == ["koala_extra"]  # Keras is installed
    import koala_extra

    assert koala_extra.answer == 42
    (tmp_path / "wheels" / "koala_torn-1.0-py3-none-any.whl").write_bytes(b"PK")
    with pytest.raises(RunError, match=r"koala_torn\S+ is damaged"):
        add_wheels(tmp_path)


def run_without_tensorflow(command, folder):
    blocked = folder / "blocked"
    blocked.mkdir()
    (blocked / "tensorflow.py").write_text("raise ImportError('no TensorFlow here')")
    environment = {
        **os.environ,
        **VARIABLES,
        "PYTHONPATH": f"{blocked}{os.pathsep}{TESTS.parent}",
    }
    return subprocess.run(
        [*map(str, command)],
        cwd=TESTS.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def campaign(parts, batch, tmp_path_factory):
    """Ten steps on JAX, without TensorFlow; then two more from where the decay began.

    Returns the run's folder, and what was written to stdout and stderr.
    """
    folder = tmp_path_factory.mktemp("campaign")
    np.save(folder / "photos.npy", batch)
    save_weights(tiny_lite(), folder / "start.safetensors")
    program = [sys.executable, TESTS / "gpu_campaign_steps.py", parts, folder / "out"]
    done = run_without_tensorflow(
        [*program, folder / "photos.npy", folder / "start.safetensors"], folder
    )
    assert done.returncode == 0, done.stderr
    return folder / "out", done.stdout, done.stderr


def test_no_accelerator_is_told(campaign):
    assert "gpu_campaign: JAX finds no accelerator" in campaign[2]


def test_compiled_loss_is_the_tasks(campaign, batch):
    network = tiny_lite()
    recipe = load_recipe("koala-lite").replace(losses={"cross_entropy": 1.0, "mse": 10.0})
    decoding = DecodingConfig.from_config(load_preset("koala-lite").decoding)
    losses = build_losses(recipe, network, lambda: decoding.prior)
    task = ColorizationTask(network, losses, decoding)
    inputs = {"rgb": batch}
    loss = task.compute_loss(inputs, None, task(inputs, training=True))
    found = json.loads(campaign[1].splitlines()[-1])["loss"]
    assert found == pytest.approx(float(loss), abs=1e-3)


def test_campaign_trains_and_its_weights_are_the_networks(campaign):
    out = campaign[0]
    with (out / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert int(rows[-1]["steps"]) == 10
    assert int(rows[-1]["photos"]) == 80
    assert all(0 < float(row["loss"]) < 20 for row in rows)
    network, begun = tiny_lite(), tiny_lite()
    load_weights(network, out / "final.safetensors")
    pairs = list(zip(network.weights, begun.weights, strict=True))
    changed = [not np.allclose(new, old, rtol=1e-2, atol=1e-4) for new, old in pairs]
    assert sum(changed) > len(changed) / 4
    assert all(file.stat().st_size < 16e6 for file in out.rglob("*") if file.is_file())


def test_campaign_goes_on_from_its_state(campaign):
    out, printed, _ = campaign
    state = find_state(out)
    progress = json.loads((state / "progress.json").read_text())
    assert progress["steps"] == 7  # where the last three tenths, the decay, began
    assert f"going on from {state}: 7 steps" in printed
    with (out.with_name("out-2") / "log.csv").open() as file:
        assert list(csv.DictReader(file))[-1]["steps"] == "9"
    (state / "progress.json").unlink()
    assert find_state(out) is None
