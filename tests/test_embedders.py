"""Semantic embedders: EfficientNet-Lite0 against PyTorch, and what every embedder keeps to."""

import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import skimage.data
import skimage.transform
from PIL import Image

from deepkoal.errors import DeepkoalError, WeightsError
from deepkoal.models.embedder import INCEPTION_FILE, INCEPTION_MD5, SemanticEmbedder
from deepkoal.models.weights import save_weights

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RECORDED = Path(__file__).parent / "data" / "efficientnet_lite0_logits.npz"
EGYPTIAN_CAT, TABBY_CAT, ESPRESSO, MISSILE = 285, 281, 967, 657


def square_photo(name, size):
    """As models/efficientnet-lite0/convert.py reads it: float32 (size, size, 3) in 0…255."""
    rgb = getattr(skimage.data, name)()
    side = min(rgb.shape[:2])
    top, left = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
    square = rgb[top : top + side, left : left + side].astype(np.float32)
    return skimage.transform.resize(square, (size, size), order=1, anti_aliasing=True)


def lightness(name, size):
    """Lightness of a photo as a network sees it: float32 (1, size, size, 1) in -1…1."""
    lab = skimage.color.rgb2lab(square_photo(name, size) / 255)
    return (lab[None, ..., :1] / 50 - 1).astype(np.float32)


def tiny_classifier(size=8, classes=5):
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(4, 3, name="tiny_conv")(inputs)
    x = keras.layers.BatchNormalization(name="tiny_norm")(x)
    x = keras.layers.GlobalAveragePooling2D(name="tiny_pool")(x)
    return keras.Model(inputs, keras.layers.Dense(classes, name="tiny_head")(x), name="tiny")


def tiny_embedder(**settings):
    return SemanticEmbedder(tiny_classifier(), input_size=8, identity="tiny:1", **settings)


@pytest.fixture(scope="module")
def lite0_embedder():
    return SemanticEmbedder.efficientnet_lite0()


@pytest.fixture(scope="module")
def lite0(lite0_embedder):
    return lite0_embedder.classifier


@pytest.fixture(scope="module")
def seeded():
    """Untrained embedders by their variant."""
    return {
        variant: SemanticEmbedder.efficientnet_lite(variant, None, seed=5) for variant in (0, 1, 2)
    }


@pytest.mark.parametrize(
    ("variant", "parameters", "trainable", "side"),
    [
        (0, 4_694_024, 4_652_008, 224),
        (1, 5_470_344, 5_416_680, 240),
        (2, 6_150_168, 6_092_072, 260),
    ],
)
def test_efficientnets_have_the_published_size(seeded, variant, parameters, trainable, side):
    embedder = seeded[variant]
    classifier = embedder.classifier
    assert classifier.count_params() == parameters
    statistics = [v for v in classifier.weights if "moving" in v.path]
    assert parameters - sum(int(np.prod(v.shape)) for v in statistics) == trainable
    assert (embedder.input_size, embedder.dim) == (side, 1000)
    assert embedder.identity == f"efficientnet-lite{variant}:seed-5"


def test_there_is_no_lite9():
    with pytest.raises(DeepkoalError, match="expected EfficientNet-Lite 0, 1 or 2, got 9"):
        SemanticEmbedder.efficientnet_lite(9, None)


def test_lite0_maps_have_the_stated_shapes(lite0):
    outputs = lite0(np.zeros((1, 64, 96, 3), np.float32))
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "stride_2": (1, 32, 48, 16),
        "stride_4": (1, 16, 24, 24),
        "stride_8": (1, 8, 12, 40),
        "stride_16": (1, 4, 6, 112),
        "stride_32": (1, 2, 3, 320),
        "logits": (1, 1000),
    }


@pytest.mark.parametrize(
    ("recorded", "best"),
    [
        ("chelsea_224", {EGYPTIAN_CAT}),
        ("coffee_224", {ESPRESSO}),
        ("rocket_224", {MISSILE}),
        ("chelsea_161", {EGYPTIAN_CAT, TABBY_CAT}),  # an odd size, so that padding matters
    ],
)
def test_lite0_equals_pytorch_and_knows_the_photo(lite0, recorded, best):
    name, size = recorded.split("_")
    photo = (square_photo(name, int(size))[None] - 127) / 128
    logits = np.asarray(lite0(photo.astype(np.float32))["logits"])[0]
    with np.load(RECORDED) as expected:
        np.testing.assert_allclose(logits, expected[recorded], rtol=0, atol=1e-4)
    assert int(logits.argmax()) in best


def test_lite0_embedder_knows_photos_from_lightness_alone(lite0_embedder):
    assert lite0_embedder.identity == "efficientnet-lite0:imagenet"
    assert (lite0_embedder.dim, lite0_embedder.input_size) == (1000, 224)
    embedding = np.asarray(lite0_embedder(lightness("coffee", 320)))
    assert embedding.shape == (1, 1000)
    assert int(embedding.argmax()) == ESPRESSO


def test_lite0_embedder_maps_black_and_white_to_the_classifiers_range(lite0_embedder):
    l_norm = np.array([-1.0, 1.0], np.float32).reshape(1, 1, 2, 1)
    rescaled = np.asarray(lite0_embedder.get_layer("rescale")(l_norm))
    np.testing.assert_allclose(rescaled.ravel(), [-127 / 128, 128 / 128], atol=1e-7)


def test_lite0_embedding_barely_depends_on_the_photos_size(lite0_embedder):
    small, large = (
        np.asarray(lite0_embedder(lightness("chelsea", side)))[0] for side in (224, 299)
    )
    assert np.corrcoef(small, large)[0, 1] > 0.95


def test_embedding_is_the_standardized_output_for_resized_replicated_lightness():
    inputs = keras.Input((12, 12, 3))
    echo = keras.Model(inputs, keras.layers.Flatten()(inputs))
    embedder = SemanticEmbedder(echo, input_size=12, identity="echo:1", scale=3.0, offset=0.5)
    l_norm = lightness("astronaut", 60)
    found = np.asarray(embedder(l_norm))[0]
    resized = Image.fromarray(l_norm[0, ..., 0]).resize((12, 12), Image.Resampling.BILINEAR)
    expected = np.repeat(np.asarray(resized).ravel() * 3 + 0.5, 3)
    expected = (expected - expected.mean()) / expected.std()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_embeddings_have_zero_mean_and_unit_variance_whatever_the_logits_scale():
    embedder = tiny_embedder()
    l_norm = np.concatenate([lightness("coffee", 64), lightness("rocket", 64)])
    embedding = np.asarray(embedder(l_norm))
    np.testing.assert_allclose(embedding.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(embedding.std(axis=1), 1, atol=1e-2)
    head = embedder.classifier.get_layer("tiny_head")
    head.kernel.assign(head.kernel * 100)
    head.bias.assign(head.bias + 7)
    np.testing.assert_allclose(np.asarray(embedder(l_norm)), embedding, atol=1e-2)


def test_a_dict_of_outputs_is_read_by_its_logits():
    inputs = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(inputs)
    both = keras.Model(inputs, {"maps": inputs, "logits": keras.layers.Dense(7)(flat)})
    assert SemanticEmbedder(both, input_size=8, identity="both:1").dim == 7


def test_a_classifier_without_one_vector_a_photo_is_refused():
    inputs = keras.Input((8, 8, 3))
    maps = keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs), name="maps")
    with pytest.raises(DeepkoalError, match=r"output \(B, D\), maps gives \(None, 6, 6, 2\)"):
        SemanticEmbedder(maps, input_size=8, identity="maps:1")


def network_with(embedder):
    l_norm = keras.Input((None, None, 1), name="l_norm")
    return keras.Model(l_norm, keras.layers.Dense(1, name="readout")(embedder(l_norm)))


def test_training_a_network_changes_no_weight_of_its_embedder():
    embedder = tiny_embedder()
    network = network_with(embedder)
    network.trainable = True
    assert not embedder.trainable_weights
    assert len(network.trainable_weights) == 2
    before = [np.asarray(variable) for variable in embedder.weights]
    readout = np.asarray(network.get_layer("readout").kernel)
    network.compile("sgd", "mse")
    network.fit(lightness("coffee", 32), np.array([[9.0]]), epochs=2, verbose=0)
    for variable, value in zip(embedder.weights, before, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value, variable.path)
    assert not np.array_equal(np.asarray(network.get_layer("readout").kernel), readout)


def test_a_network_with_its_embedder_survives_a_keras_file_in_safe_mode(tmp_path):
    network = network_with(tiny_embedder(scale=2.0, offset=0.25))
    network.save(tmp_path / "network.keras")
    reloaded = keras.models.load_model(tmp_path / "network.keras", safe_mode=True)
    l_norm = lightness("rocket", 48)
    np.testing.assert_allclose(np.asarray(reloaded(l_norm)), np.asarray(network(l_norm)), atol=1e-6)
    embedder = reloaded.get_layer("embedding")
    assert isinstance(embedder, SemanticEmbedder)
    assert (embedder.identity, embedder.input_size, embedder.dim) == ("tiny:1", 8, 5)
    assert (embedder.scale, embedder.offset) == (2.0, 0.25)
    assert not embedder.trainable_weights
    assert embedder.output.shape == (None, 5)


def stand_in(monkeypatch, *, offline=None):
    """Put a tiny classifier in the place of keras.applications' large one."""

    def build(weights, classifier_activation):
        assert classifier_activation is None
        if weights == "imagenet":
            keras.utils.get_file(
                INCEPTION_FILE, offline.as_uri(), cache_subdir="models", file_hash=INCEPTION_MD5
            )
        return tiny_classifier(size=299)

    monkeypatch.setattr(keras.applications, "InceptionResNetV2", build)


@pytest.mark.parametrize("failure", ["no network", "another file"])
def test_failed_fetch_of_imagenet_weights_names_both_ways_out(monkeypatch, tmp_path, failure):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    origin = tmp_path / "origin.h5"
    if failure == "another file":
        origin.write_bytes(b"not these weights")
    stand_in(monkeypatch, offline=origin)
    with pytest.raises(WeightsError) as error:
        SemanticEmbedder.inception_resnet_v2()
    message = str(error.value)
    assert "\n" not in message
    assert (
        f"put {INCEPTION_FILE} (MD5 {INCEPTION_MD5}) in {tmp_path / 'home' / 'models'}" in message
    )
    assert "pass its path as weights" in message
    assert '"efficientnet-lite0", which needs no network' in message


def test_pinned_file_and_hash_are_those_of_keras_applications():
    source = inspect.getsource(keras.applications.InceptionResNetV2)
    assert re.search(rf'"{INCEPTION_FILE}"\s.+?file_hash="{INCEPTION_MD5}"', source, re.DOTALL)


@pytest.mark.parametrize("name", ["local.weights.h5", "local.h5"])  # Keras 3's and 2's layout
def test_local_file_is_loaded_and_identified_by_its_content_in_a_tiny_stand_in(
    monkeypatch, tmp_path, name
):
    stand_in(monkeypatch)
    path = tmp_path / name
    expected = SemanticEmbedder.inception_resnet_v2(weights=None, seed=3)
    if name == "local.h5":
        expected.classifier.save(path)
    else:
        expected.classifier.save_weights(path)
    found = SemanticEmbedder.inception_resnet_v2(weights=path)
    l_norm = lightness("coffee", 64)
    np.testing.assert_array_equal(np.asarray(found(l_norm)), np.asarray(expected(l_norm)))
    assert re.fullmatch("inception-resnet-v2:[0-9a-f]{32}", found.identity)
    assert expected.identity == "inception-resnet-v2:seed-3"


@pytest.mark.parametrize("damage", ["absent", "text", "another network"])
def test_unfit_local_file_is_refused_in_a_tiny_stand_in(monkeypatch, tmp_path, damage):
    stand_in(monkeypatch)
    path = tmp_path / "local.weights.h5"
    if damage == "text":
        path.write_text("no weights")
    if damage == "another network":
        tiny_classifier(classes=9).save_weights(path)
    with pytest.raises(WeightsError, match=r"local\.weights\.h5: expected a file") as error:
        SemanticEmbedder.inception_resnet_v2(weights=path)
    assert "\n" not in str(error.value)


def test_lite0_takes_a_local_file(seeded, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_weights(seeded[0].classifier, path)
    local = SemanticEmbedder.efficientnet_lite0(weights=path)
    assert re.fullmatch("efficientnet-lite0:[0-9a-f]{32}", local.identity)
    for found, expected in zip(local.weights, seeded[0].weights, strict=True):
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-3, atol=1e-4)


def test_seed_alone_decides_random_weights(monkeypatch):
    stand_in(monkeypatch)
    first, again, other = (
        SemanticEmbedder.inception_resnet_v2(weights=None, seed=seed) for seed in (1, 1, 2)
    )
    kernels = [
        np.asarray(e.classifier.get_layer("tiny_conv").kernel) for e in (first, again, other)
    ]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_inception_resnet_v2_is_the_papers_network_and_frozen():
    embedder = SemanticEmbedder.inception_resnet_v2(weights=None)
    assert embedder.count_params() == 55_873_736
    assert embedder.trainable_weights == []
    assert (embedder.identity, embedder.dim) == ("inception-resnet-v2:seed-0", 1000)
    assert embedder.classifier.input_shape == (None, 299, 299, 3)
    assert embedder.classifier.layers[-1].activation is keras.activations.linear
    assert embedder.output.shape == (None, 1000)
