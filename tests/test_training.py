"""Runs: that they learn, go on where they were killed, and say why they cannot start."""

import csv
import json
import math
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from jax_forks import Job
from killing import finish, kill_within
from PIL import Image
from tiny_networks import randomize, tiny_embedder, tiny_encoder, tiny_koala, tiny_lite
from tiny_training import RECIPE, take_first_step, train_tiny

from deepkoal import losses as losses_module
from deepkoal import models
from deepkoal.color import ab_bins, denormalize_l, encode_ab, normalize_ab
from deepkoal.data import evaluation_batches, prepare
from deepkoal.errors import RecordsError, RunError
from deepkoal.evaluation.metrics import colorfulness
from deepkoal.guidance import DecodingConfig
from deepkoal.losses import (
    AbMeanSquaredError,
    LossDomain,
    RebalancedCrossEntropy,
    rebalancing_weights,
)
from deepkoal.pretrained.presets import load_preset
from deepkoal.pretrained.recipe import Recipe
from deepkoal.training import ColorizationTask, network_from_embedding, train
from deepkoal.training.compilation import measure_prior
from deepkoal.training.optimizer import RatedAdamW, averaged_weights, build_schedule
from deepkoal.training.runs.checkpoints import Checkpoints, find_checkpoint, trim_log
from deepkoal.training.runs.previews import draw_grid
from deepkoal.training.runs.validation_metrics import EarlyStopping, ValidationMetrics
from deepkoal.training.task import LossInputs, rgb_to_l_ab

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHORT = RECIPE.replace(epochs=1, steps_per_epoch=2)


def prepare_crops(photos, folder, corners, **settings):
    """Records of 48×48 crops of every photo, 5 to a shard."""
    (folder / "photos").mkdir(parents=True)
    for name, photo in photos.items():
        for top, left in corners:
            crop = Image.fromarray(photo[top : top + 96, left : left + 96])
            crop.resize((48, 48)).save(folder / "photos" / f"{name}-{top}.jpg", quality=95)
    prepare(folder / "photos", folder / "records", size=40, photos_per_shard=5, **settings)
    return folder / "records"


@pytest.fixture(scope="module")
def records(photos, tmp_path_factory):
    """12 photos with the embeddings of `tiny_embedder()`."""
    corners = [(0, 60), (90, 150), (180, 30)]
    folder = tmp_path_factory.mktemp("training")
    return prepare_crops(photos, folder, corners, embedder=tiny_embedder())


@pytest.fixture(scope="module")
def validation(photos, tmp_path_factory):
    """8 other photos, without embeddings."""
    return prepare_crops(photos, tmp_path_factory.mktemp("validation"), [(40, 200), (200, 250)])


@pytest.fixture(scope="module")
def finished(records, validation, tmp_path_factory):
    """The folder of a run that nothing disturbed, and its network."""
    run_dir = tmp_path_factory.mktemp("runs") / "finished"
    return run_dir, train_tiny(records, validation, run_dir)


def weights_of(network):
    return {variable.path: np.array(variable) for variable in network.weights}


def assert_same_weights(network, expected, tolerance):
    found = weights_of(network)
    for path, weights in weights_of(expected).items():
        np.testing.assert_allclose(found[path], weights, rtol=0, atol=tolerance, err_msg=path)


def read_log(run_dir):
    with (run_dir / "log.csv").open(newline="") as log:
        return list(csv.DictReader(log))


def losses(run_dir):
    return [(float(row["loss"]), float(row["val_loss"])) for row in read_log(run_dir)]


def list_checkpoints(run_dir):
    return sorted((run_dir / "checkpoints").iterdir())


def one_line(error):
    message = str(error.value)
    assert "\n" not in message
    return message


# --- a run -------------------------------------------------------------------------------------


def test_the_loss_goes_down(finished):
    training, judged = np.array(losses(finished[0])).T
    assert training[-1] < 0.95 * training[0]
    assert judged[-1] < judged[0]


def test_a_run_leaves_what_it_promises(finished):
    run_dir, _ = finished
    assert [row["epoch"] for row in read_log(run_dir)] == ["0", "1", "2", "3"]
    assert sorted(path.name for path in run_dir.iterdir()) == [
        "best.keras",
        "checkpoints",
        "decoding.json",
        "log.csv",
        "previews",
        "prior.npy",
        "run.json",
        "tensorboard",
    ]
    assert [path.name[:10] for path in list_checkpoints(run_dir)] == ["epoch-0003", "epoch-0004"]
    previews = sorted((run_dir / "previews").iterdir())
    assert [path.name for path in previews] == [f"epoch-000{n}.jpg" for n in (1, 2, 3, 4)]
    with Image.open(previews[0]) as preview:
        assert preview.size == (3 * 32, 4 * 32)
    for part in ("train", "validation", "previews"):
        assert list((run_dir / "tensorboard" / part).glob("events.*"))
    assert json.loads((run_dir / "run.json").read_text())["recipe"]["seed"] == RECIPE.seed


def test_the_best_network_is_that_of_the_lowest_validation_loss(finished, validation):
    run_dir, network = finished
    best = keras.saving.load_model(run_dir / "best.keras")
    last_is_best = np.argmin([judged for _, judged in losses(run_dir)]) == 3
    same = all(np.array_equal(a, b) for a, b in zip(best.weights, network.weights, strict=True))
    assert same == last_is_best


def test_a_finished_run_is_left_as_it_is(finished, records, validation):
    run_dir, network = finished
    before = (run_dir / "log.csv").read_bytes(), (run_dir / "best.keras").stat().st_mtime_ns
    again = train_tiny(records, validation, run_dir, seed=9)
    assert_same_weights(again, network, 0)
    after = (run_dir / "log.csv").read_bytes(), (run_dir / "best.keras").stat().st_mtime_ns
    assert after == before


# --- going on ----------------------------------------------------------------------------------


def test_a_run_killed_at_any_moment_ends_with_the_same_bits(validation, tmp_path):
    # benchmarks/resume.py kills more often.
    finish(validation, tmp_path / "through", 3)
    for number, delay in enumerate(np.random.default_rng(0).uniform(0, 0.5, 5)):
        run_dir = tmp_path / f"killed-{number}"
        if kill_within(delay, validation, run_dir, 3) < 3:  # else nobody was there to kill in time
            break
    else:
        pytest.fail("every run had ended when it was killed")
    finish(validation, run_dir, 3)
    through, killed = map(list_checkpoints, (tmp_path / "through", run_dir))
    assert [path.name for path in killed] == [path.name for path in through]  # hashes, too
    assert read_log(run_dir) == read_log(tmp_path / "through")


def test_a_torn_checkpoint_is_left_out(finished, records, validation, tmp_path):
    run_dir = Path(shutil.copytree(finished[0], tmp_path / "damaged"))
    before, newest = list_checkpoints(run_dir)
    whole = newest.read_bytes()
    newest.write_bytes(whole[:1000])
    told = f"{newest} is damaged: going on from {before.name}"
    with pytest.warns(UserWarning, match=told):
        assert find_checkpoint(run_dir) == (before, 3)
    newest.write_bytes(whole[:-1] + b"?")
    with pytest.warns(UserWarning, match=told):
        resumed = train_tiny(records, validation, run_dir, seed=9)  # initial weights do not matter
    assert_same_weights(resumed, finished[1], 0)
    assert losses(run_dir) == losses(finished[0])
    assert find_checkpoint(run_dir)[1] == 4


def test_checkpoints_that_are_all_torn_are_told(finished, records, validation, tmp_path):
    run_dir = Path(shutil.copytree(finished[0], tmp_path / "damaged"))
    for path in list_checkpoints(run_dir):
        path.write_bytes(b"")
    with pytest.raises(RunError, match="checkpoints: every checkpoint is damaged; delete that"):
        train_tiny(records, validation, run_dir)


def test_a_whole_checkpoint_of_something_else_is_refused(claimed, records, validation):
    keep(claimed, tiny_koala(), 0, 1.0)
    with pytest.raises(RunError, match="does not fit what is trained"):
        train_tiny(records, validation, claimed)


TRAIN_ON_JAX = """
import json, sys
import keras
from deepkoal.color import ab_bins
from tiny_training import take_first_step, train_tiny
train_tiny(*sys.argv[1:])
print(json.dumps([keras.backend.backend(), len(ab_bins()), take_first_step()]))
"""


def test_jax_trains_alike(finished, records, validation, jax_forks, tmp_path):
    run_dir = tmp_path / "jax"
    ((code, out, err),) = jax_forks.run(Job(TRAIN_ON_JAX, (records, validation, run_dir)))
    assert code == 0, err
    backend, bins, step = json.loads(out.splitlines()[-1])
    assert (backend, bins) == ("jax", len(ab_bins()))
    assert step == {name: pytest.approx(v) for name, v in take_first_step().items()}
    jax, tensorflow = np.array(losses(run_dir)), np.array(losses(finished[0]))
    np.testing.assert_allclose(jax[:, 0], tensorflow[:, 0], rtol=1e-4)
    # Targets are looked up at rounded ab, where rounding errors may fall to either side.
    np.testing.assert_allclose(jax[:, 1], tensorflow[:, 1], rtol=1e-3)
    # And what one backend wrote, the other reads.
    best = keras.saving.load_model(run_dir / "best.keras")
    assert_same_weights(best, keras.saving.load_model(finished[0] / "best.keras"), 2e-2)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_averaged_weights_are_validated_kept_and_go_on(
    records, validation, tmp_path, policy, precision
):
    recipe = RECIPE.replace(epochs=2, ema=0.5, precision=precision, warmup=0.0)

    def build(seed=0):
        policy(precision)
        network = tiny_lite(seed)
        policy("float32")
        return network

    run_dir = tmp_path / "through"
    network = train(build(), records, run_dir, recipe=recipe, validation=validation)
    best = keras.saving.load_model(run_dir / "best.keras", compile=False)
    rows = read_log(run_dir)
    if min(rows, key=lambda row: float(row["val_loss"])) is rows[-1]:
        assert_same_weights(best, network, 0)
    # Validated are the averages: the returned network scores what the log says of it.
    decoding = DecodingConfig.from_config(load_preset("koala-lite").decoding)
    loss = RebalancedCrossEntropy(
        rebalancing_weights(
            np.load(run_dir / "prior.npy"), recipe.rebalance_mix, recipe.rebalance_power
        )
    )
    task = ColorizationTask(network, [(1.0, loss)], decoding)
    task.compile()
    scored = task.evaluate(evaluation_batches(validation, batch_size=4, size=32), verbose=0)
    assert float(rows[-1]["val_loss"]) == pytest.approx(scored, rel=1e-4)
    if precision != "float32":
        return
    # Training itself is that of a run without averages; what it returns is not.
    plain = train(build(), records, tmp_path / "p", recipe=recipe.replace(ema=0.0))
    np.testing.assert_array_equal(
        *([r["loss"] for r in read_log(d)] for d in (tmp_path / "p", run_dir))
    )
    kernel = "logits/kernel"
    assert np.any(weights_of(network)[kernel] != weights_of(plain)[kernel])
    # And the run's folder has the averages. (That such a run goes on is tested above.)
    again = train(build(9), records, run_dir, recipe=recipe, validation=validation)
    assert_same_weights(again, network, 0)


def test_the_average_is_that_of_the_steps():
    variable = keras.Variable(np.zeros((1, 1), "float32"))
    optimizer = RatedAdamW(1.0, ema=0.75)
    optimizer.build([variable])
    values = []
    for _ in range(3):
        optimizer.apply([np.ones((1, 1), "float32")])
        values.append(float(variable.value[0, 0]))
    first, second, third = values
    expected = 0.75 * (0.75 * first + 0.25 * second) + 0.25 * third

    class Task:
        pass

    task = Task()
    task.optimizer = optimizer
    with averaged_weights(task):
        assert float(variable.value[0, 0]) == pytest.approx(expected, rel=1e-6)
    assert float(variable.value[0, 0]) == third


def test_learning_rates_by_hand():
    recipe = Recipe(epochs=2, steps_per_epoch=50, learning_rate=1.0, warmup=0.1, decay=0.2)

    def rate(recipe, step):
        return float(build_schedule(recipe)(step))

    for schedule in ("cosine", "wsd"):
        chosen = recipe.replace(schedule=schedule)
        assert rate(chosen, 0) == pytest.approx(1 / 25)
        assert rate(chosen, 5) == pytest.approx((1 + 1 / 25) / 2)
        assert rate(chosen, 10) == pytest.approx(1)
        assert rate(chosen, 100) == pytest.approx(0, abs=1e-6)
    wsd = recipe.replace(schedule="wsd")
    assert rate(wsd, 80) == 1
    assert rate(wsd, 85) == pytest.approx(1 - 0.5)
    # Where a run ends changes nothing before its fall.
    longer = wsd.replace(epochs=4, warmup=0.05)
    assert [rate(longer, step) for step in range(80)] == [rate(wsd, step) for step in range(80)]
    assert rate(recipe, 55) == pytest.approx(0.5)
    assert rate(wsd.replace(warmup=0.0, decay=0.0), 99) == 1
    schedule = build_schedule(wsd)
    assert float(type(schedule).from_config(schedule.get_config())(85)) == rate(wsd, 85)


# --- losses ------------------------------------------------------------------------------------

EVERY_LOSS = {
    "mae": 10.0,
    "huber": 1.0,
    "perceptual_lite0": 0.1,
    "adversarial_vanilla": 1.0,
    "colorfulness": 0.1,
}


def train_pix2pix(records, validation, run_dir, recipe):
    keras.utils.set_random_seed(0)
    network = models.pix2pix(filters=2, depth=3)
    return train(network, records, run_dir, recipe=recipe, validation=validation)


def tiny_features():
    inputs = keras.Input((None, None, 3))
    maps = [keras.layers.Conv2D(4, side, trainable=False)(inputs) for side in (1, 3)]
    return keras.Model(inputs, maps)


def test_every_loss_trains_by_the_same_fit(records, validation, tmp_path, monkeypatch):
    # That such a run goes on where it was killed is tested above, at any moment.
    monkeypatch.setattr(losses_module, "lite0_features", tiny_features)
    recipe = SHORT.replace(
        losses=EVERY_LOSS, epochs=2, discriminator_filters=2, degradation=0.5, best_by="psnr_at_cf"
    )
    train_pix2pix(records, validation, tmp_path, recipe)
    rows = read_log(tmp_path)
    assert len(rows) == 2
    for row in rows:
        total = sum(weight * float(row[name]) for name, weight in EVERY_LOSS.items())
        assert float(row["loss"]) == pytest.approx(total, rel=1e-4)
        del row["loss"]
        judged = {n: w for n, w in EVERY_LOSS.items() if not n.startswith("adversarial")}
        total = sum(weight * float(row[f"val_{name}"]) for name, weight in judged.items())
        assert float(row["val_loss"]) == pytest.approx(total, rel=1e-4)
        assert 5 < float(row["val_psnr_at_cf"]) < 40
        assert 0 <= float(row["val_cf"]) < 100


def test_a_discriminator_learns_by_itself_first(records, tmp_path):
    recipe = SHORT.replace(
        losses={"adversarial_hinge": 1.0},
        discriminator_filters=2,
        discriminator_warmup=1,
        weight_decay=0.1,
    )
    before, after = weights_of(tiny_lite()), []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            weights = {v.path: np.array(v) for v in self.model.trunk.trainable_variables}
            after.append({path: np.any(weights[path] != before[path]) for path in weights})

    train_tiny(records, None, tmp_path, recipe=recipe, callbacks=[Look()])
    waiting, going = after
    assert not any(waiting.values())
    assert all(going.values())


def test_a_run_that_gets_no_better_stops_and_stays(records, validation, tmp_path):
    recipe = RECIPE.replace(
        losses={"mse": 1}, learning_rate=1e-12, weight_decay=0.0, epochs=9, steps_per_epoch=1
    ).replace(best_by="psnr_at_cf", patience=2)
    train_pix2pix(records, validation, tmp_path, recipe)
    rows = read_log(tmp_path)
    assert len(rows) == 3
    train_pix2pix(records, validation, tmp_path, recipe)
    assert read_log(tmp_path) == rows


def test_losses_that_do_not_fit_are_told(records, tmp_path):
    recipe = SHORT.replace(losses={"cross_entropy": 1.0})
    with pytest.raises(RunError, match="needs a network with a distribution, but koala"):
        train(tiny_koala(), records, tmp_path / "a", recipe=recipe)
    with pytest.raises(RunError, match="best_by psnr_at_cf needs validation records"):
        train_tiny(records, None, tmp_path / "b", recipe=SHORT.replace(best_by="psnr_at_cf"))


def test_truth_is_as_coarse_as_what_it_is_compared_with(photos):
    rgb = photos["coffee"][None, 100:164, 100:164]
    l_norm, ab = rgb_to_l_ab(rgb)
    logits = 50 * encode_ab(keras.ops.average_pool(ab, 4, strides=4))
    forms = LossInputs(denormalize_l(l_norm), ab, {"logits": logits}, DecodingConfig())
    true, predicted = (np.asarray(lab) for lab in forms.by(LossDomain.PICTURE))
    assert true.shape == predicted.shape == (1, 64, 64, 3)
    np.testing.assert_array_equal(true[..., 0], predicted[..., 0])
    np.testing.assert_allclose(predicted[..., 1:], true[..., 1:], atol=6)  # half a bin
    assert np.abs(true[..., 1:] - np.asarray(ab)).max() > 10
    pooled, read = (np.asarray(part) for part in forms.by(LossDomain.AB))
    np.testing.assert_allclose(read, pooled, atol=6)
    assert pooled.shape == (1, 16, 16, 2)


def test_validation_measures_what_it_is_shown(photos, validation):
    batches = list(evaluation_batches(validation, batch_size=4, size=32))

    class Oracle:
        """Tells half of the true colors."""

        def __init__(self):
            self.answers = iter(batches)

        def predict_on_batch(self, l_norm):
            _, ab = rgb_to_l_ab(next(self.answers)["rgb"])
            return {"ab_norm": normalize_ab(ab) / 2}

    logs = {}
    ValidationMetrics(Oracle(), batches, DecodingConfig()).on_epoch_end(0, logs)
    true = [colorfulness(rgb) for batch in batches for rgb in batch["rgb"].numpy()]
    # At vibrance 2 they are the true ones, up to what rounding takes.
    assert logs["val_psnr_at_cf"] > 45
    assert logs["val_cf"] == pytest.approx(np.mean(true) / 2, rel=0.1)


# --- folders that do not fit -------------------------------------------------------------------


@pytest.fixture
def claimed(finished, tmp_path):
    """A folder with the `run.json` of the finished run."""
    shutil.copy(finished[0] / "run.json", tmp_path)
    return tmp_path


def test_a_run_of_another_network_is_refused(claimed, records, validation):
    with pytest.raises(RunError, match=r"with other network \(lite there, koala asked\)"):
        train(models.koala(tiny_embedder()), records, claimed, recipe=RECIPE)
    wider = models.lite(tiny_encoder(), widths=(8, 8, 8), fusion=16)
    with pytest.raises(RunError, match=r"with other parameters \(\d+ there, \d+ asked\)"):
        train(wider, records, claimed, recipe=RECIPE, validation=validation)


def test_a_run_with_another_recipe_is_refused(claimed, records, validation):
    recipe = RECIPE.replace(epochs=5, seed=1)
    with pytest.raises(RunError) as error:
        train_tiny(records, validation, claimed, recipe=recipe)
    assert one_line(error) == (
        f"{claimed} is a run of lite with other recipe (epochs: 4 there, 5 asked, "
        "seed: 0 there, 1 asked); choose another folder, or the same settings to go on; a finished "
        "run is trained further by another one that begins with its network (--from)"
    )


def test_a_run_on_other_records_is_refused(claimed, records, validation):
    with pytest.raises(RunError, match=r"other records \(count: 12 there, 8 asked"):
        train_tiny(validation, records, claimed)
    with pytest.raises(RunError, match=r"other validation \(8 photos there, None asked\)"):
        train_tiny(records, None, claimed)


def test_a_later_version_goes_on_with_a_run(claimed, records, validation):
    description = json.loads((claimed / "run.json").read_text())
    # As an earlier version wrote it, which did not tell the validation photos.
    description["version"] = "0.0.1"
    del description["validation"]
    # And as one that knew no degradation yet, which then was 0 as it is by default.
    del description["recipe"]["degradation"]
    (claimed / "run.json").write_text(json.dumps(description))
    with pytest.raises(KeyboardInterrupt):
        train_tiny(records, validation, claimed, callbacks=[Interrupt()])
    with pytest.raises(RunError, match=r"degradation: 0\.0 there, 0\.5 asked"):
        train_tiny(records, validation, claimed, recipe=RECIPE.replace(degradation=0.5))


class Interrupt(keras.callbacks.Callback):
    """Stops before anything is opened: the first callback, when training begins."""

    def on_train_begin(self, logs=None):
        raise KeyboardInterrupt


@pytest.mark.parametrize("content", ["", "{", "[]", "[1]", "3"])
def test_a_damaged_run_file_is_named(records, tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunError) as error:
        train_tiny(records, None, tmp_path)
    assert str(tmp_path) in one_line(error)


def test_a_folder_that_cannot_be_made_is_refused(records, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot be used as a run.s folder .*choose another"):
        train_tiny(records, None, tmp_path / "file" / "run")


def test_a_folder_that_cannot_be_written_is_named(records, tmp_path):
    (tmp_path / "log.csv").mkdir()
    with pytest.raises(RunError) as error:
        train_tiny(records, None, tmp_path, recipe=SHORT)
    assert one_line(error).startswith(f"{tmp_path}: cannot be written")


def test_a_run_in_use_is_refused_and_its_lock_dies_with_it(records, validation, tmp_path):
    held = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path\n"
            "from deepkoal.pretrained.run_dir import lock_run\n"
            "with lock_run(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)",
            str(tmp_path / "run"),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert held.stdout.readline() == b"held\n"
        before = sorted((tmp_path / "run").iterdir())
        with pytest.raises(RunError) as error:
            train_tiny(records, validation, tmp_path / "run", recipe=SHORT)
        assert one_line(error).startswith(f"{tmp_path / 'run'} is in use: another process trains")
        assert sorted((tmp_path / "run").iterdir()) == before
    finally:
        held.kill()
        held.wait()
        held.stdout.close()
    (tmp_path / "run" / ".part-1-best.keras").write_bytes(b"of a killed process")
    with pytest.raises(KeyboardInterrupt):  # nothing stands in the way of training
        train_tiny(records, validation, tmp_path / "run", recipe=SHORT, callbacks=[Interrupt()])
    assert not list((tmp_path / "run").glob(".*"))


# --- records that do not fit -------------------------------------------------------------------


def test_records_without_the_networks_embeddings_are_refused(records, validation, tmp_path):
    network = models.koala(tiny_embedder())
    with pytest.raises(RecordsError, match=r"None \(dimension None\), but .* tiny:1 \(dim.* 5\)"):
        train(network, validation, tmp_path, recipe=SHORT)
    with pytest.raises(RecordsError, match=rf"^{validation} .*prepare the photos again"):
        train(network, records, tmp_path, recipe=SHORT, validation=validation)
    with pytest.raises(RecordsError, match=r"tiny:1 .* the network needs those of tiny:2"):
        train(models.koala(tiny_embedder(seed=2)), records, tmp_path, recipe=SHORT)


def test_one_of_the_records_embedders_or_one_of_imagenets_classes_will_do(photos, tmp_path):
    few = {"coffee": photos["coffee"]}
    both, thousand = [tiny_embedder(), tiny_embedder(seed=2)], tiny_embedder(dim=1000)
    mixed = prepare_crops(few, tmp_path / "mixed", [(0, 60), (90, 150)], embedder=both)
    large = prepare_crops(few, tmp_path / "large", [(0, 60)], embedder=thousand)
    for number, (records, embedder) in enumerate(
        [(mixed, tiny_embedder(seed=2)), (large, tiny_embedder(dim=1000, seed=2))]
    ):
        with pytest.raises(KeyboardInterrupt):  # nothing stands in the way of training
            train(
                tiny_koala(embedder=embedder),
                records,
                tmp_path / str(number),
                recipe=SHORT,
                callbacks=[Interrupt()],
            )


def damage(folder, tmp_path, shard):
    """A copy of records with a bit turned in the last photo of a shard: lengths do not tell."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    content = bytearray((copy / shard).read_bytes())
    content[-100] ^= 1
    (copy / shard).write_bytes(content)
    return copy


def test_records_found_damaged_while_fitting_are_named(records, validation, tmp_path):
    # Beyond the batch that previews show.
    copy = damage(validation, tmp_path, "photos-00001.tfrecord")
    with pytest.raises(RecordsError) as error:
        train_tiny(records, copy, tmp_path / "run", recipe=SHORT)
    assert one_line(error).startswith(f"{copy / 'photos-00001.tfrecord'} is damaged: delete it")


# --- precision ---------------------------------------------------------------------------------


@pytest.fixture
def policy():
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


def test_mixed_precision_trains(records, tmp_path, policy):
    # In float16, whose gradients are scaled, the test of averaged weights trains.
    precision = "mixed_bfloat16"
    policy(precision)
    network = tiny_lite()
    policy("float32")
    before = weights_of(network)
    # Warming up all the way leaves nothing to decay, which must not matter.
    recipe = SHORT.replace(precision=precision, warmup=1.0)
    train(network, records, tmp_path, recipe=recipe)
    after = weights_of(network)
    assert {str(weights.dtype) for weights in after.values()} == {"float32"}
    for path, weights in after.items():
        assert np.isfinite(weights).all()
        # The affinity's projection is learned by itself, see test_affinity_learning.
        assert np.any(weights != before[path]) != (path == "affinity/projection"), path
    assert math.isfinite(float(read_log(tmp_path)[0]["loss"]))


def test_a_network_of_another_precision_is_refused(records, tmp_path, policy):
    with pytest.raises(
        RunError, match="precision is mixed_bfloat16, but lite was built in float32"
    ):
        train_tiny(records, None, tmp_path, recipe=SHORT.replace(precision="mixed_bfloat16"))
    policy("mixed_bfloat16")
    network = tiny_lite()
    with pytest.raises(
        RunError, match="precision is float32, but lite was built in mixed_bfloat16"
    ):
        train(network, records, tmp_path, recipe=SHORT)


# --- the parts ---------------------------------------------------------------------------------


def test_slow_variables_take_their_share_of_a_step():
    # Adam's first step is the learning rate, against the gradient's sign; decay is 5 · 0.01 · 0.1.
    step = take_first_step()
    assert step["late"] == [5, 5]
    assert step["fast"] == pytest.approx([5 - 0.005 - 0.01, 5 - 0.005 + 0.01], abs=1e-5)
    # As koala-lite's recipe has it, biases and normalizations do not shrink.
    assert step["bias"] == pytest.approx([5 - 0.01, 5 + 0.01], abs=1e-5)
    assert step["slow"] == pytest.approx([5 - 0.0025, 5 + 0.0025], abs=1e-5)


def test_steps_at_the_common_rate_are_adams():
    generator = np.random.default_rng(0)
    starts = [generator.normal(size=shape).astype("float32") for shape in ((3, 4), (5,))]
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 5)
    trained = []
    for optimizer in (RatedAdamW(schedule), keras.optimizers.Adam(schedule)):
        variables = [keras.Variable(start) for start in starts]
        optimizer.build(variables)
        for step in range(3):
            optimizer.apply([start * step - 0.5 for start in starts])
        trained.append([np.array(variable) for variable in (*variables, *optimizer.variables)])
    for found, wanted in zip(*trained, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_koala_trains_on_stored_embeddings_and_goes_on(records, tmp_path):
    network, recipe = tiny_koala(), RECIPE.replace(degradation=0.5, epochs=2)
    before = weights_of(network)
    train(network, records, tmp_path / "through", recipe=recipe)
    first, last = (float(row["loss"]) for row in read_log(tmp_path / "through"))
    assert last < first
    for path, weights in weights_of(network).items():
        assert np.array_equal(weights, before[path]) == path.startswith("tiny_"), path
    halted = Path(shutil.copytree(tmp_path / "through", tmp_path / "halted"))
    list_checkpoints(halted)[-1].unlink()
    resumed = train(tiny_koala(seed=9), records, halted, recipe=recipe)
    assert_same_weights(resumed, network, 0)
    assert [row["epoch"] for row in read_log(halted)] == ["0", "1"]


def test_the_view_from_an_embedding_is_the_network_without_its_embedder(records):
    network = randomize(models.koala(tiny_embedder()), seed=0)
    view = network_from_embedding(network)
    embedder = network.get_layer("embedding")
    assert view.count_params() == network.count_params() - embedder.count_params()
    l_norm = np.random.default_rng(0).uniform(-1, 1, (2, 16, 24, 1)).astype("float32")
    embedding = keras.ops.convert_to_numpy(embedder(l_norm))
    expected = network(l_norm)["ab_norm"]
    np.testing.assert_allclose(view([l_norm, embedding])["ab_norm"], expected, atol=1e-6)
    assert np.abs(view([l_norm, embedding * 0])["ab_norm"] - expected).max() > 1e-4


def test_the_loss_is_taken_at_the_outputs_resolution(photos):
    rgb = photos["coffee"][None, 100:164, 100:164]
    rgb = keras.ops.convert_to_tensor(rgb)
    l_norm, ab = map(keras.ops.convert_to_numpy, rgb_to_l_ab(rgb))
    assert l_norm.shape == (1, 64, 64, 1)
    network, objective = tiny_lite(), RebalancedCrossEntropy(np.ones(len(ab_bins())))
    task = ColorizationTask(network, [(1.0, objective)], DecodingConfig())
    outputs = task({"rgb": rgb})
    np.testing.assert_array_equal(outputs["logits"], network(l_norm)["logits"])
    pooled = ab.reshape(1, 16, 4, 16, 4, 2).mean(axis=(2, 4))
    expected = float(objective(pooled, outputs["logits"]))
    assert float(task.compute_loss({"rgb": rgb}, None, outputs)) == pytest.approx(expected)
    full = ColorizationTask(tiny_koala(), [(1.0, AbMeanSquaredError())], DecodingConfig())
    halved = {**full({"rgb": rgb}), "ab_norm": normalize_ab(ab) / 2}
    error = np.mean((normalize_ab(ab) / 2) ** 2)
    assert float(full.compute_loss({"rgb": rgb}, None, halved)) == pytest.approx(error, rel=1e-5)


def test_the_prior_is_the_mean_encoding(records):
    prior = measure_prior(records)
    batches = evaluation_batches(records, batch_size=12, size=64)
    _, ab = rgb_to_l_ab(next(iter(batches))["rgb"])
    exact = np.mean(keras.ops.convert_to_numpy(encode_ab(ab)), axis=(0, 1, 2))
    assert prior.dtype == np.float64
    assert prior.min() > 0
    assert prior.sum() == pytest.approx(1)
    # Rounding ab to whole units moves a little mass to neighbors.
    assert np.abs(prior - exact).sum() < 0.05


def test_the_prior_of_few_photos_is_measured_on_few(records):
    everything, some = measure_prior(records), measure_prior(records, photos=1)
    np.testing.assert_array_equal(some, everything)  # both fit in one batch


def test_a_preview_shows_grey_colored_and_true(photos):
    rgb = np.stack([photos[name][64:128, 64:160] for name in ("astronaut", "coffee")])
    l_norm, ab = rgb_to_l_ab(rgb)

    class Oracle:
        def predict_on_batch(self, given):
            np.testing.assert_array_equal(given, l_norm)
            return {"ab_norm": normalize_ab(ab)}

    grid = draw_grid(Oracle(), {"rgb": rgb}, DecodingConfig())
    assert grid.shape == (2 * 64, 3 * 96, 3)
    grey, colored, true = np.split(grid.astype(int), 3, axis=1)
    np.testing.assert_array_equal(true, np.concatenate(rgb))
    assert np.abs(colored - true).max() <= 1
    assert np.ptp(grey, axis=-1).max() == 0
    assert grey.std() > 20


def keep(run_dir, network, epoch, loss, before=()):
    stopping = EarlyStopping(RECIPE, [{"loss": loss} for loss in before])
    callback = Checkpoints(network, run_dir, stopping, "best.keras")
    callback.set_model(network)
    callback.on_epoch_end(epoch, {"loss": loss})


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_the_run(tmp_path, loss):
    with pytest.raises(RunError, match=rf"the loss became {loss} in epoch 3: lower the learning"):
        keep(tmp_path, tiny_lite(), 2, loss)
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "checkpoints").write_text("in the way")
    with pytest.raises(RunError, match=r"checkpoint of epoch 3 cannot be written .*make room"):
        keep(tmp_path, tiny_lite(), 2, 1.0)


def test_the_best_network_is_replaced_by_better_ones_only(tmp_path):
    for epoch, (seed, loss) in enumerate([(1, 2.0), (2, 3.0)]):
        keep(tmp_path, tiny_lite(seed), epoch, loss, before=[2.0][:epoch])
    best = keras.saving.load_model(tmp_path / "best.keras")
    assert_same_weights(best, tiny_lite(1), 0)


def test_the_newest_checkpoints_are_kept_by_number(tmp_path):
    network = tiny_lite()
    for epoch in (9997, 9998, 9999):
        keep(tmp_path, network, epoch, 1.0, before=[0.0])
    kept = [path.name.rsplit("-", 1)[0] for path in list_checkpoints(tmp_path)]
    assert kept == ["epoch-10000", "epoch-9999"]
    assert find_checkpoint(tmp_path)[1] == 10000


def test_half_written_checkpoints_are_not_taken(tmp_path):
    assert find_checkpoint(tmp_path) == (None, 0)
    keep(tmp_path, tiny_lite(), 1, 1.0)
    (whole,) = list_checkpoints(tmp_path)
    for name in ("part.weights.h5", "epoch-0006.h5"):
        (tmp_path / "checkpoints" / name).write_bytes(b"")
    assert find_checkpoint(tmp_path) == (whole, 2)


def test_a_full_disk_is_told_and_nothing_saved_is_lost(tmp_path):
    network = tiny_lite()
    keep(tmp_path, network, 0, 2.0)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # else the kernel ends the process
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(RunError, match=r"epoch 2 cannot be written .*make room and run"):
            keep(tmp_path, network, 1, 1.0, before=[2.0])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    for path, content in before.items():
        assert path.read_bytes() == content
    assert find_checkpoint(tmp_path)[1] == 1


def test_a_log_is_cut_back_to_its_checkpoint(tmp_path):
    path = tmp_path / "log.csv"
    rows = [f"{n},{3 - n}.0,0.5" for n in range(3)]
    path.write_text("\n".join(["epoch,loss,val_loss", *rows, "1"]))  # killed while writing 13
    assert [row["loss"] for row in trim_log(path, 2)] == ["3.0", "2.0"]
    assert path.read_text().split() == ["epoch,loss,val_loss", *rows[:2]]


def test_a_log_of_no_finished_epoch_is_removed(tmp_path):
    path = tmp_path / "log.csv"
    assert trim_log(path, 0) == []
    for content in ("", "epoch,loss,val_loss\n", "epoch,loss,val_loss\n0,1.0,NA\n"):
        path.write_text(content)
        assert trim_log(path, 0) == []
        assert not path.exists()


def test_what_is_best_and_when_a_run_is_over():
    lowest = EarlyStopping(RECIPE, [])
    assert [lowest.add({"loss": 9, "val_loss": loss}) for loss in (3, 2, 2.5, 1)] == [1, 1, 0, 1]
    assert not lowest.is_over
    # As a log has them: not validated.
    unjudged = [{"loss": "2.0", "val_loss": "NA"}, {"loss": "3.0", "val_loss": "NA"}]
    assert not EarlyStopping(RECIPE, unjudged).add({"loss": 2.5})
    # The discriminator's four steps take two epochs, of which neither counts as waiting.
    recipe = RECIPE.replace(best_by="psnr_at_cf", patience=2, discriminator_warmup=4)
    stopping = EarlyStopping(recipe, [{"val_psnr_at_cf": "20.0"}] * 3)
    assert not stopping.is_over
    assert stopping.add({"val_psnr_at_cf": 20.1})
    assert not stopping.add({"val_psnr_at_cf": 20.0})
    assert not stopping.is_over
    assert not stopping.add({"val_psnr_at_cf": 20.1})
    assert stopping.is_over


def test_the_default_recipe_is_used_where_none_is_given(records, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tiny_lite(), records, tmp_path, callbacks=[Interrupt()])
    written = json.loads((tmp_path / "run.json").read_text())["recipe"]
    assert written == json.loads(json.dumps(vars(Recipe())))
