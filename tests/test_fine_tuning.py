"""Fine-tuning on a plain folder of photos: what is held back, kept, calibrated and refused."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_networks import tiny_koala, tiny_lite

from deepkoal.data import hold_back, load_manifest
from deepkoal.data.records import preparation
from deepkoal.errors import RecordsError, RunError, WeightsError
from deepkoal.evaluation import calibrate
from deepkoal.evaluation.metrics import colorfulness, psnr
from deepkoal.guidance import DecodingConfig
from deepkoal.image_io import write_image
from deepkoal.inference.colorizer import Colorizer
from deepkoal.pretrained.presets import load_preset
from deepkoal.pretrained.recipe import Recipe
from deepkoal.pretrained.run_dir import lock_run
from deepkoal.training import Gain, OwnPhotos, find_decoding, fine_tune, prepare_photos
from deepkoal.training.runs.fine_tuning import GAIN_FILE, calibrate_run

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RECIPE = Recipe(size=32, batch_size=4, epochs=2, steps_per_epoch=2, learning_rate=1e-2)
READING = DecodingConfig(temperature=0.5, gain=1.2, psnr_optimal_vibrance=0.6)


def write_tiles(photos, folder, count):
    """Write 48×48 parts of the photos, one after the other."""
    tiles = [
        np.ascontiguousarray(photo[top : top + 48, left : left + 48])
        for top in range(60, 260, 48)
        for left in range(60, 300, 48)
        for photo in photos.values()
    ]
    for index, tile in enumerate(tiles[:count]):
        write_image(folder / f"{index:02d}.png", tile)
    return folder


@pytest.fixture
def folder(photos, tmp_path):
    (tmp_path / "photos").mkdir()
    return write_tiles(photos, tmp_path / "photos", 16)


def one_line(error):
    message = str(error.value)
    assert "\n" not in message
    return message


# --- which photos are held back ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("photos", "held"), [(0, 0), (1, 0), (4, 0), (5, 1), (14, 1), (16, 2), (100, 10)]
)
def test_one_in_ten_is_held_back_but_of_a_handful_none(photos, held):
    names = [f"{number}.jpg" for number in range(photos)]
    training, held_back = hold_back(names)
    assert len(held_back) == held
    assert sorted(training + held_back) == sorted(names)
    assert hold_back(names[::-1]) == (training, held_back)


def test_a_folder_that_cannot_be_listed_is_not_held_back_and_its_size_tells_nothing(
    tmp_path, locked
):
    inner = locked(tmp_path / "inner")
    for number in range(preparation.FEWEST):
        write_image(tmp_path / f"{number}.png", np.full((8, 8, 3), 90, np.uint8))
    names = preparation.list_names(tmp_path)
    assert names[-1] == "inner/"
    assert [len(hold_back([*names, *(f"inner{n}/" for n in range(20))])[1])] == [1]
    assert not any(name.endswith("/") for name in hold_back(names)[1])
    planned = preparation.plan_records(tmp_path, names, size=8)
    for number in range(300):  # until the folder's own size has changed
        (inner / f"{number}.jpg").touch()
    assert preparation.plan_records(tmp_path, names, size=8) == planned


def test_photos_are_recorded_on_two_sides(folder, tmp_path):
    write_image(folder / "grey.png", np.full((48, 48, 3), 90, np.uint8))
    (folder / "broken.jpg").write_bytes(b"no photo")
    own = prepare_photos(folder, tmp_path / "run", size=36)
    assert own.training_count + own.held_back_count + own.grey + len(own.unreadable) == 18
    assert (own.grey, [photo.file for photo in own.unreadable]) == (1, ["broken.jpg"])
    assert load_manifest(own.records).count == own.training_count
    assert load_manifest(own.validation).count == own.held_back_count == 2
    assert prepare_photos(folder, tmp_path / "run", size=36) == own


def test_what_runs_wrote_among_the_photos_is_left_out(folder):
    run = folder / "runs" / "first"
    own = prepare_photos(folder, run, size=36)
    (run / "previews").mkdir()
    (run / "run.json").write_text("{}")
    shutil.copy(folder / "00.png", run / "previews" / "epoch-0001.png")
    assert prepare_photos(folder, run, size=36) == own


def test_photos_that_are_other_ones_by_now_are_refused(folder, tmp_path):
    prepare_photos(folder, tmp_path / "run", size=36)
    (folder / "00.png").unlink()
    with pytest.raises(RunError) as error:
        prepare_photos(folder, tmp_path / "run", size=36)
    assert one_line(error).startswith(f"{tmp_path / 'run'} was begun with other photos")
    assert "choose another folder for the run" in one_line(error)


def test_photos_that_teach_nothing_are_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(RecordsError, match=r"holds no photos: expected JPEG"):
        prepare_photos(tmp_path / "photos", tmp_path / "run", size=36)
    for name in "abcdefg":
        write_image(tmp_path / "photos" / f"{name}.png", np.full((48, 48, 3), 90, np.uint8))
    with pytest.raises(RecordsError) as error:
        prepare_photos(tmp_path / "photos", tmp_path / "run", size=36)
    assert "none of its 7 photos can be trained on (7 near grey, 0 unreadable)" in one_line(error)
    assert not (tmp_path / "run").exists()  # so that the same command may be tried again
    file = tmp_path / "photos" / "a.png"
    with pytest.raises(RecordsError, match="is a file: give the folder"):
        prepare_photos(file, tmp_path / "run", size=36)
    with pytest.raises(RunError, match="is the photos' own folder"):
        prepare_photos(tmp_path / "photos", tmp_path / "photos", size=36)


def list_all(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_nothing_is_written_into_a_run_that_is_refused(finished, folder, tmp_path):
    _, run, _ = finished
    run = shutil.copytree(run, tmp_path / "run")
    photos = finished[0]
    # One that was trained on records elsewhere, so that it holds none itself.
    apart = shutil.copytree(run, tmp_path / "apart")
    for records in ("records", "validation"):
        shutil.rmtree(apart / records)
    damaged = shutil.copytree(apart, tmp_path / "damaged")
    (damaged / "run.json").write_text("{")
    (folder / "00.png").unlink()
    other, half = RECIPE.replace(epochs=3), RECIPE.replace(precision="mixed_bfloat16")
    classes = RECIPE.replace(losses={"cross_entropy": 1})
    before = list_all(tmp_path)
    for network, given, place, recipe, told in (
        (tiny_lite(), photos, run, other, "with other recipe"),
        (tiny_lite(), photos, apart, other, "with other recipe"),
        (tiny_lite(), folder, run, RECIPE, "was begun with other photos"),
        (tiny_lite(), folder, apart, RECIPE, "with other records"),
        (tiny_lite(), folder, damaged, RECIPE, "cannot be used as a run's folder"),
        (tiny_lite(), folder, tmp_path / "new", half, "precision"),
        (tiny_koala(), folder, tmp_path / "new", classes, "predicts ab"),
    ):
        with pytest.raises(RunError, match=told):
            fine_tune(network, given, place, recipe=recipe)
        assert list_all(tmp_path) == before


def test_a_run_in_use_is_refused(folder, tmp_path):
    with lock_run(tmp_path / "run"), pytest.raises(RunError, match="is in use: another process"):
        fine_tune(tiny_lite(), folder, tmp_path / "run", recipe=RECIPE)
    assert not (tmp_path / "run").exists()


def test_photos_are_reported_and_the_folder_listed_once(folder, tmp_path, monkeypatch):
    listed, told = [], []
    list_photos = preparation.list_photos
    monkeypatch.setattr(
        preparation,
        "list_photos",
        lambda path, **wanted: listed.append(path) or list_photos(path, **wanted),
    )

    class StopError(Exception):
        pass

    def report(own):
        told.append(own)
        raise StopError

    with pytest.raises(StopError):
        fine_tune(tiny_lite(), folder, tmp_path / "run", recipe=RECIPE, report=report)
    assert listed == [folder]
    assert (told[0].training_count, told[0].held_back_count) == (14, 2)


# --- a run -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(photos, tmp_path_factory):
    """Photos, the run's folder and what `fine_tune` returned."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "photos").mkdir()
    write_tiles(photos, folder / "photos", 16)
    photos, run = folder / "photos", folder / "run"
    return photos, run, fine_tune(tiny_lite(), photos, run, recipe=RECIPE, decoding=READING)


def test_a_run_is_read_as_it_was_calibrated_with_its_own_prior(finished):
    _, run, colorizer = finished
    loaded = Colorizer.from_file(run)
    # In proportion to the crops, as those of the preset to its own.
    assert loaded.working_sizes == (32, 64)
    assert loaded.decoding.temperature == 0.5  # of the weights it began with
    assert loaded.decoding.gain == colorizer.decoding.gain != 1.2
    assert loaded.decoding.psnr_optimal_vibrance == colorizer.decoding.psnr_optimal_vibrance
    np.testing.assert_allclose(loaded.decoding.prior, np.load(run / "prior.npy"), rtol=1e-6)
    shipped = DecodingConfig.from_config(load_preset("koala-lite").decoding)
    assert np.abs(loaded.decoding.prior - shipped.prior).sum() > 0.1


def test_a_finished_run_goes_on_with_nothing_to_do(finished):
    photos, run, colorizer = finished
    before = (run / "log.csv").read_bytes()
    again = fine_tune(tiny_lite(3), photos, run, recipe=RECIPE, decoding=READING)
    assert (run / "log.csv").read_bytes() == before
    assert again.decoding.to_config() == colorizer.decoding.to_config()


def test_training_may_begin_with_a_run_and_its_reading(finished, tmp_path):
    _, run, colorizer = finished
    preset = load_preset("koala-lite")
    for start in (run, run / "best.keras"):
        found = find_decoding(start, preset)
        assert found.gain == colorizer.decoding.gain
    shipped = DecodingConfig.from_config(preset.decoding)
    (tmp_path / "alone.keras").touch()
    for start in ("koala-lite", None, tmp_path / "alone.keras"):
        assert find_decoding(start, preset).gain == shipped.gain
    with pytest.raises(WeightsError, match="gone: no such file, and no preset of that name"):
        find_decoding("gone", preset)


@pytest.mark.parametrize("content", ["", "[1]", '{"gain": 1, "color": 2}'])
def test_a_damaged_reading_is_named(finished, tmp_path, content):
    run = shutil.copytree(finished[1], tmp_path / "run")
    (run / "decoding.json").write_text(content)
    with pytest.raises(WeightsError, match=r"decoding\.json is damaged"):
        Colorizer.from_file(run)


def test_few_photos_are_all_trained_on_and_calibrated_on(photos, tmp_path):
    (tmp_path / "few").mkdir()
    write_tiles(photos, tmp_path / "few", 3)
    recipe = RECIPE.replace(epochs=1, steps_per_epoch=1)
    colorizer = fine_tune(tiny_lite(), tmp_path / "few", tmp_path / "run", recipe=recipe)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["validation"] is None
    shipped = DecodingConfig.from_config(load_preset("koala-lite").decoding)
    assert colorizer.decoding.temperature == shipped.temperature
    assert colorizer.decoding.gain != shipped.gain


def test_a_reading_is_calibrated_on_photos_held_back_and_some_beside_them(tmp_path, monkeypatch):
    own = OwnPhotos(tmp_path / "records", tmp_path / "validation", 30, 3, 0, ())
    sizes = {own.records: 30, own.validation: 3}

    def batches(records, *, batch_size, size):
        rgb = np.zeros((min(batch_size, sizes[records]), size, size, 3), np.uint8)
        return [{"rgb": tf.constant(rgb + (records == own.validation))}]

    def keep_photos(colorizer, photos, *, progress):
        chosen.append([int(photo.max()) for photo in photos])
        return colorizer.decoding

    chosen = []
    monkeypatch.setattr("deepkoal.training.runs.fine_tuning.evaluation_batches", batches)
    monkeypatch.setattr("deepkoal.training.runs.fine_tuning.calibrate", keep_photos)
    tiny_lite().save(tmp_path / "best.keras")
    calibrate_run(tmp_path, own, 8, READING)
    sizes[own.validation] = 99
    calibrate_run(tmp_path, own, 8, READING)
    assert chosen == [3 * [1] + 13 * [0], 64 * [1]]


# --- what was gained ---------------------------------------------------------------------------


def test_weights_are_kept_where_training_gains_nothing(folder, tmp_path):
    network, run = tiny_lite(), tmp_path / "run"
    first = [weight.numpy() for weight in network.weights]
    wild = RECIPE.replace(epochs=1, learning_rate=0.3)
    decoding = dataclasses.replace(READING, gain=200.0)  # as colorful as photos, within vibrance 5
    colorizer = fine_tune(network, folder, run, recipe=wild, decoding=decoding)
    gain = Gain.read(run)
    assert gain.before is not None
    assert gain.held_back == 2
    assert not gain.is_kept
    for weights in (network.weights, keras.saving.load_model(run / "best.keras").weights):
        for weight, value in zip(weights, first, strict=True):
            np.testing.assert_array_equal(weight, value)
    assert colorizer.decoding.gain == 200.0
    # Called again, with whatever weights, it is finished.
    assert fine_tune(tiny_lite(3), folder, run, recipe=wild).decoding.gain == 200.0
    assert Gain.read(run) == gain


def test_trained_weights_are_kept_where_they_are_better(finished):
    _, run, _ = finished
    gain = Gain.read(run)
    judged = [Gain(21.0, 21.5, 9), Gain(21.0, 21.0, 9), Gain(21.0, None, 9), Gain(None, None, 0)]
    assert [each.is_kept for each in judged] == [True, False, False, True]
    assert gain.held_back == 2
    trained = keras.saving.load_model(run / "best.keras").weights
    same = all(np.array_equal(*pair) for pair in zip(trained, tiny_lite().weights, strict=True))
    assert same != gain.is_kept


@pytest.mark.parametrize("content", ["", "[1]", '{"before": 1}'])
def test_a_damaged_gain_is_named(tmp_path, content):
    assert Gain.read(tmp_path) is None
    (tmp_path / GAIN_FILE).write_text(content)
    with pytest.raises(RunError, match=r"gain\.json is damaged"):
        Gain.read(tmp_path)


# --- calibration -------------------------------------------------------------------------------


def test_calibrated_photos_are_as_colorful_as_the_truth_and_nearest_where_told(photos):
    network = tiny_lite()
    truths = [photos[name][:128, :128] for name in ("astronaut", "chelsea", "coffee")]
    start = DecodingConfig(temperature=0.5)
    colorizer = Colorizer(network, working_size=64, decoding=start)
    decoding = calibrate(colorizer, truths)
    assert decoding.temperature == 0.5
    colorizer.decoding = decoding

    def measure(vibrance):
        colored = [colorizer.colorize(truth, vibrance=vibrance) for truth in truths]
        near = np.mean([psnr(*pair) for pair in zip(colored, truths, strict=True)])
        return np.mean([colorfulness(rgb) for rgb in colored]), near

    cf, _ = measure(1.0)
    assert cf == pytest.approx(np.mean([colorfulness(truth) for truth in truths]), abs=0.5)
    best = measure(decoding.psnr_optimal_vibrance)[1]
    for factor in (0.7, 1.4):
        assert best >= measure(min(max(factor * decoding.psnr_optimal_vibrance, 0.2), 5))[1] - 0.01
