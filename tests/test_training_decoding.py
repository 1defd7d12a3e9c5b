"""One decoding: what losses, validation and previews see is what a user is shown."""

import contextlib
import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tiny_networks import tiny_embedder, tiny_lite

from deepkoal.color import denormalize_l
from deepkoal.data import prepare
from deepkoal.data.records.embed import embed_photos
from deepkoal.data.records.store import StoredPhoto, encode_jpeg
from deepkoal.evaluation.metrics import colorfulness, psnr
from deepkoal.export.graph.network import Network
from deepkoal.guidance import DecodingConfig
from deepkoal.inference.colorizer import Colorizer
from deepkoal.losses import AbMeanSquaredError, LossDomain
from deepkoal.models.layers import ReplicateEmbedding
from deepkoal.pretrained.presets import load_preset
from deepkoal.pretrained.recipe import Recipe
from deepkoal.rendering.composition import lightness
from deepkoal.rendering.resampling import resize
from deepkoal.training import ColorizationTask, train
from deepkoal.training.runs.previews import draw_grid, predict_photos
from deepkoal.training.runs.validation_metrics import ValidationMetrics
from deepkoal.training.task import LossInputs

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE = 64


@pytest.fixture(scope="module")
def decoding():
    """Of the shipped preset: neither its temperature nor its gain is a default of anything."""
    shipped = DecodingConfig.from_config(load_preset("koala-lite").decoding)
    assert (shipped.temperature, shipped.gain) != (DecodingConfig().temperature, 1.0)
    return shipped


@pytest.fixture(scope="module")
def network():
    """A network of strong opinions, so that temperature, gain and clean-up all show."""
    network = tiny_lite(4)
    head = network.get_layer("logits")
    kernel, bias = head.get_weights()
    head.set_weights([kernel * 6, bias])
    return network


@pytest.fixture(scope="module")
def rgb(photos):
    photo = Image.fromarray(photos["coffee"][60:316, 60:316])
    return np.asarray(photo.resize((SIZE, SIZE), Image.Resampling.BOX))


@pytest.fixture(scope="module")
def colorizer(network, decoding):
    return Colorizer(network, working_size=SIZE, decoding=decoding)


def test_losses_see_what_the_colorizer_decodes(network, decoding, rgb, colorizer):
    task = ColorizationTask(network, [(1.0, AbMeanSquaredError())], decoding)
    outputs = dict(task({"rgb": rgb[None]}))
    l, ab = outputs.pop("true_l"), outputs.pop("true_ab")
    _, predicted = LossInputs(l, ab, outputs, decoding).by(LossDomain.AB)
    shown = colorizer.predict(rgb).decode_ab(cleanup=False)
    np.testing.assert_allclose(np.asarray(predicted)[0], shown, atol=0.1)
    # What the default would have shown instead is far from it.
    _, other = LossInputs(l, ab, outputs, DecodingConfig()).by(LossDomain.AB)
    assert np.abs(np.asarray(other)[0] - shown).mean() > 1
    np.testing.assert_allclose(l, denormalize_l(l / 50 - 1), atol=1e-4)


def test_validation_and_previews_show_what_the_colorizer_does(network, decoding, rgb, colorizer):
    batch = {"rgb": tf.constant(rgb[None])}
    ((prediction, truth),) = predict_photos(network, batch, decoding)
    np.testing.assert_array_equal(truth, rgb)
    for vibrance in (1.0, 1.7):
        shown = colorizer.colorize(rgb, vibrance=vibrance).astype(int)
        assert np.abs(prediction.render(vibrance=vibrance) - shown).max() <= 1
    grey, colored, true = np.split(draw_grid(network, batch, decoding), 3, axis=1)
    assert np.ptp(grey, axis=-1).max() == 0
    assert np.abs(colored.astype(int) - colorizer.colorize(rgb)).max() <= 1
    np.testing.assert_array_equal(true, rgb)


def test_figures_are_of_the_photos_that_the_colorizer_returns(network, decoding, rgb, colorizer):
    batches, logs = [{"rgb": tf.constant(rgb[None])}], {}
    ValidationMetrics(network, batches, decoding).on_epoch_end(0, logs)
    assert logs["val_cf"] == pytest.approx(colorfulness(colorizer.colorize(rgb)), abs=0.1)
    # PSNR@CF is that of the vibrance at which the colorizer's photo is as colorful as the truth.
    prediction = colorizer.predict(rgb)
    colored = [prediction.render(vibrance=v) for v in np.geomspace(0.2, 5, 200)]
    nearest = min(colored, key=lambda photo: abs(colorfulness(photo) - colorfulness(rgb)))
    assert logs["val_psnr_at_cf"] == pytest.approx(psnr(nearest, rgb), abs=0.2)


def test_a_run_keeps_its_decoding_and_is_read_by_it(photos, decoding, tmp_path):
    (tmp_path / "photos").mkdir()
    for name, photo in photos.items():
        Image.fromarray(photo[:48, :48]).save(tmp_path / "photos" / f"{name}.png")
    prepare(tmp_path / "photos", tmp_path / "records", size=40)
    recipe = Recipe(size=32, batch_size=2, epochs=1, steps_per_epoch=1)

    class Look(keras.callbacks.Callback):
        def __init__(self, is_patient):
            super().__init__()
            self.is_patient = is_patient

        def on_train_begin(self, logs=None):
            self.seen = self.model.decoding
            if not self.is_patient:
                raise KeyboardInterrupt

    def go_on(run, given, *, is_trained=False):
        look, run_dir = Look(is_trained), tmp_path / run
        with contextlib.nullcontext() if is_trained else pytest.raises(KeyboardInterrupt):
            train(
                tiny_lite(),
                tmp_path / "records",
                run_dir,
                recipe=recipe,
                decoding=given,
                callbacks=[look],
            )
        if not (run_dir / "best.keras").exists():
            tiny_lite().save(run_dir / "best.keras")
        loaded = Colorizer.from_file(run_dir).decoding
        return [(x.temperature, x.gain) for x in (look.seen, loaded)]

    assert go_on("preset", None) == 2 * [(decoding.temperature, decoding.gain)]
    assert go_on("own", DecodingConfig(0.5, gain=1.2), is_trained=True) == 2 * [(0.5, 1.2)]
    assert go_on("own", DecodingConfig(0.9, gain=2.0)) == 2 * [(0.5, 1.2)]
    # As version 0.1 called the file.
    (tmp_path / "own" / "decoding.json").rename(tmp_path / "own" / "reading.json")
    assert go_on("own", None) == 2 * [(0.5, 1.2)]
    assert not (tmp_path / "own" / "decoding.json").exists()


def test_koalas_expert_sees_the_whole_photo_and_nothing_else(photos):
    """The photo's working size, 56×80, is no multiple of 32: once the expert saw it padded."""
    embedder = tiny_embedder(dim=6)
    l_norm = keras.Input((None, None, 1), name="l_norm")
    expert = ReplicateEmbedding(name="replicate")([l_norm, embedder(l_norm)])
    network = keras.Model(l_norm, {"ab_norm": expert}, name="koala")
    colorizer = Colorizer(network, working_size=SIZE)
    photo = photos["chelsea"][:100, 100:250]
    stored = {"a": StoredPhoto(encode_jpeg(photo), *photo.shape[:2])}
    trained_on = embed_photos(stored, [embedder], 1)["a"].astype("float32")
    shown = colorizer.predict(photo).outputs["ab_norm"]
    assert shown.shape == (56, 80, 6)
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "png")
    graph = Network(network, (SIZE,), colorizer.decoding, 10**6)
    exported = graph.predict(tf.constant(file.getvalue())).outputs["ab_norm"].numpy()
    assert exported.shape == shown.shape
    padded = (
        np.pad(resize(lightness(photo), 56, 80), [(0, 8), (0, 16)], mode="reflect")[None, ..., None]
        / 50
        - 1
    )
    once = np.asarray(embedder(padded.astype("float32")))[0]
    for answer in (shown[0, 0], shown[-1, -1], exported[0, 0], exported[-1, -1]):
        off = np.abs(answer - trained_on).max()
        assert off < 0.1 < np.abs(once - trained_on).max()
