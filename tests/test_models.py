"""The networks: the papers' tables layer by layer, shapes, and whole files."""

import keras
import numpy as np
import pytest
from tiny_networks import randomize, tiny_embedder, tiny_encoder, tiny_lite

from deepkoal import models
from deepkoal.color import ab_bins
from deepkoal.traced_once import trace_for_all_sizes

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Q = len(ab_bins())

# Baldassarre, González-Morín & Rodés-Guirao 2017 (arXiv 1712.03400), table 1.
# (layer, kernel side, input channels, filters, stride, activation)
TABLE_1 = [
    ("encoder_1", 3, 1, 64, 2, "relu"),
    ("encoder_2", 3, 64, 128, 1, "relu"),
    ("encoder_3", 3, 128, 128, 2, "relu"),
    ("encoder_4", 3, 128, 256, 1, "relu"),
    ("encoder_5", 3, 256, 256, 2, "relu"),
    ("encoder_6", 3, 256, 512, 1, "relu"),
    ("encoder_7", 3, 512, 512, 1, "relu"),
    ("encoder_8", 3, 512, 256, 1, "relu"),
    ("fusion", 1, 256 + 1000, 256, 1, "relu"),
    ("decoder_1", 3, 256, 128, 1, "relu"),
    ("decoder_2", 3, 128, 64, 1, "relu"),
    ("decoder_3", 3, 64, 64, 1, "relu"),
    ("decoder_4", 3, 64, 32, 1, "relu"),
    ("decoder_5", 3, 32, 2, 1, "tanh"),
]
KOALA_PARAMETERS = 6_573_794  # of the paper's own layers, the embedder's apart


def count(variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


def make_l_norm(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (*shape, 1)).astype("float32")


def all_layers(model):
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from all_layers(layer)


@pytest.fixture(scope="module")
def koala():
    return randomize(models.koala(tiny_embedder(dim=1000)), seed=0)


@pytest.fixture(scope="module")
def lite():
    return tiny_lite(things=(8, 4))


# --- koala -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "side", "channels", "filters", "stride", "activation"), TABLE_1)
def test_koala_layer_is_that_of_table_1(koala, name, side, channels, filters, stride, activation):
    layer = koala.get_layer(name)
    assert tuple(layer.kernel.shape) == (side, side, channels, filters)
    assert tuple(layer.bias.shape) == (filters,)
    assert layer.strides == (stride, stride)
    assert layer.padding == "same" or side == 1
    assert keras.activations.serialize(layer.activation) == activation


def test_koala_has_no_layer_beyond_table_1(koala):
    convolutions = [layer.name for layer in koala.layers if layer.weights]
    assert sorted(convolutions) == sorted(["embedding", *(row[0] for row in TABLE_1)])
    expected = sum(
        side**2 * channels * filters + filters for _, side, channels, filters, *_ in TABLE_1
    )
    assert expected == KOALA_PARAMETERS
    assert count(koala.trainable_variables) == KOALA_PARAMETERS


def test_koala_upsamples_where_table_1_does(koala):
    ends = [row[0] for row in TABLE_1]
    outputs = {name: koala.get_layer(name).output for name in ends}
    shapes = keras.Model(koala.input, outputs).compute_output_shape((1, 40, 56, 1))
    scale = {name: 40 // shape[1] for name, shape in shapes.items()}
    assert scale == dict(zip(ends, [2, 2, 4, 4, 8, 8, 8, 8, 8, 8, 4, 4, 2, 2], strict=True))
    # Each of the three doublings repeats its neighbor, the last one after the output layer.
    ab_norm = keras.ops.convert_to_numpy(koala(make_l_norm(1, 40, 56))["ab_norm"])
    np.testing.assert_array_equal(ab_norm, ab_norm[:, ::2, ::2].repeat(2, 1).repeat(2, 2))


@pytest.mark.parametrize("size", [(40, 56), (8, 8), (64, 32)])
def test_koala_takes_any_multiples_of_8(koala, size):
    output = koala(make_l_norm(2, *size))
    assert output["ab_norm"].shape == (2, *size, 2)
    assert output["features"].shape == (2, size[0] // 4, size[1] // 4, 64)
    assert all(tensor.dtype == "float32" for tensor in output.values())


def test_koalas_features_are_the_decoders_last_before_the_second_doubling(koala):
    given = make_l_norm(1, 16, 24)
    expected = keras.Model(koala.input, koala.get_layer("decoder_3").output)(given)
    np.testing.assert_array_equal(koala(given)["features"], expected)
    assert keras.ops.convert_to_numpy(expected).std() > 0


def test_koala_stays_within_its_range():
    network = models.koala(tiny_embedder())
    for variable in network.trainable_variables:
        variable.assign(np.random.default_rng(0).normal(0, 0.3, variable.shape))
    ab_norm = keras.ops.convert_to_numpy(network(make_l_norm(1, 16, 16))["ab_norm"])
    assert np.abs(ab_norm).max() <= 1
    assert np.abs(ab_norm).max() > 0.99


def test_koala_fuses_features_and_embedding_at_each_place(koala):
    given = make_l_norm(2, 24, 16)
    outputs = [koala.get_layer(name).output for name in ("encoder_8", "fusion")]
    features, fused = map(keras.ops.convert_to_numpy, keras.Model(koala.input, outputs)(given))
    embedding = keras.ops.convert_to_numpy(koala.get_layer("embedding")(given))
    kernel, bias = koala.get_layer("fusion").get_weights()
    # Equation 1 of the paper, with the embedding below the features.
    stacked = np.concatenate(
        [features, np.broadcast_to(embedding[:, None, None], (2, 3, 2, 1000))], 3
    )
    np.testing.assert_allclose(fused, np.maximum(stacked @ kernel[0, 0] + bias, 0), atol=1e-4)


def test_a_training_step_leaves_the_embedder_untouched():
    network = models.koala(tiny_embedder())
    embedder = network.get_layer("embedding")
    before = [np.array(weights) for weights in embedder.get_weights()]
    learned = [np.array(variable) for variable in network.trainable_variables]
    assert not embedder.trainable_variables
    network.compile(keras.optimizers.SGD(1.0), loss={"ab_norm": "mse"}, run_eagerly=True)
    network.train_on_batch(make_l_norm(4, 16, 16), {"ab_norm": np.full((4, 16, 16, 2), 0.5)})
    assert len(before) == 8
    for old, new in zip(before, embedder.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    changed = [
        np.any(np.array(variable) != old)
        for variable, old in zip(network.trainable_variables, learned, strict=True)
    ]
    assert all(changed)


# --- lite --------------------------------------------------------------------------------------


def test_lite_sees_nothing_but_lightness(lite, koala):
    for network in (lite, koala):
        assert [(tensor.name, tensor.shape) for tensor in network.inputs] == [
            ("l_norm", (None, None, None, 1))
        ]


@pytest.mark.parametrize("size", [(64, 96), (32, 32)])
def test_lite_outputs_at_a_quarter_of_the_size(lite, size):
    output = lite(make_l_norm(2, *size))
    quarter = (2, size[0] // 4, size[1] // 4)
    assert {name: (tuple(t.shape), t.dtype) for name, t in output.items()} == {
        "logits": ((*quarter, Q), "float32"),
        "features": ((*quarter, 8), "float32"),
        "things": ((*quarter, 4), "float32"),
    }
    assert models.lite(tiny_encoder()).output.keys() == {"logits", "features"}


def test_what_lite_tells_of_things_is_read_from_its_encoders_maps(lite):
    photo = make_l_norm(1, 64, 96)
    taps = lite.get_layer("encoder")(np.repeat(photo, 3, axis=-1))
    x = 0
    for stride in (32, 16, 8, 4):
        kernel, bias = lite.get_layer(f"things_{stride}").get_weights()
        x = np.maximum(x + np.asarray(taps[f"stride_{stride}"]) @ kernel[0, 0] + bias, 0)
        if stride > 4:
            x = lite.get_layer(f"things_around_{stride}")(x)
            x = np.asarray(keras.layers.UpSampling2D(2, interpolation="bilinear")(x))
    (last,) = lite.get_layer("things").get_weights()
    expected = x @ last[0, 0]
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(lite(photo)["things"], expected, atol=1e-4)


def test_lite_reads_the_distribution_from_its_features(lite):
    output = lite(make_l_norm(1, 64, 64))
    kernel, bias = lite.get_layer("logits").get_weights()
    decoded = keras.Model(lite.input, lite.get_layer("features").output)
    features = keras.ops.convert_to_numpy(decoded(make_l_norm(1, 64, 64)))
    np.testing.assert_allclose(output["logits"], features @ kernel[0, 0] + bias, atol=1e-4)
    # What affinities compare are the same features, each of unit length until something is learned.
    length = np.linalg.norm(features, axis=-1, keepdims=True)
    np.testing.assert_allclose(output["features"], features / length, atol=1e-4)


def test_lite_trains_its_encoder_along(lite):
    encoder = lite.get_layer("encoder")
    assert count(encoder.trainable_variables) == 16 * 3 * 8 + 16 + 54
    # Encoder; fusion of 8 maps and 6 classes; three decoders of 8 and 8 maps; features; logits.
    decoder = (14 * 8 + 8) + 3 * (9 * 16 * 8 + 16) + (9 * 64 + 16) + (8 * Q + Q)
    assert count(lite.trainable_variables) == count(encoder.trainable_variables) + decoder


def test_lites_semantics_reach_every_place(lite):
    # A change in one corner alters what the encoder recognizes, and by it the opposite corner.
    photo = make_l_norm(1, 256, 256)
    other = photo.copy()
    other[:, :32, :32] = 1
    before, after = (keras.ops.convert_to_numpy(lite(x)["logits"]) for x in (photo, other))
    assert np.abs(after - before)[:, -4:, -4:].max() > 1e-4


def test_lite_is_compiled_once_for_all_sizes(lite):
    run = trace_for_all_sizes(lite)
    for count, *size in ((1, 64, 64), (1, 32, 96), (2, 96, 32), (1, 64, 32)):
        given = make_l_norm(count, *size)
        compiled, expected = run(given), lite(given)
        for name in expected:
            np.testing.assert_allclose(compiled[name], expected[name], atol=1e-5)
    assert run.experimental_get_tracing_count() == 1


def test_lite_wants_three_widths():
    with pytest.raises(ValueError, match="zip"):
        models.lite(tiny_encoder(), widths=(8, 8))


# --- both --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["koala", "lite"])
def test_a_saved_network_is_the_same_and_holds_no_code(name, request, tmp_path):
    network = request.getfixturevalue(name)
    path = tmp_path / "network.keras"
    network.save(path)
    loaded = keras.saving.load_model(path)  # in safe mode, which refuses lambdas
    given = make_l_norm(1, 64, 32)
    for key, expected in network(given).items():
        np.testing.assert_array_equal(loaded(given)[key], expected)
    assert loaded.name == name
    assert count(loaded.trainable_variables) == count(network.trainable_variables)
    assert not any(isinstance(layer, keras.layers.Lambda) for layer in all_layers(loaded))
    if name == "koala":
        assert loaded.get_layer("embedding").identity == "tiny:1"


# --- pix2pix -----------------------------------------------------------------------------------

# Isola et al. 2017 (arXiv 1611.07004), appendix 6.1: (layer, input channels, filters, bias).
# In the decoder inputs are twice as wide as filters before, for the skips.
GENERATOR = [
    ("encoder_1", 1, 64, True),
    ("encoder_2", 64, 128, False),
    ("encoder_3", 128, 256, False),
    ("encoder_4", 256, 512, False),
    ("encoder_5", 512, 512, False),
    ("encoder_6", 512, 512, False),
    ("encoder_7", 512, 512, False),
    ("encoder_8", 512, 512, True),
    ("decoder_7_conv", 512, 512, False),
    ("decoder_6_conv", 1024, 512, False),
    ("decoder_5_conv", 1024, 512, False),
    ("decoder_4_conv", 1024, 512, False),
    ("decoder_3_conv", 1024, 256, False),
    ("decoder_2_conv", 512, 128, False),
    ("decoder_1_conv", 256, 64, False),
    ("decoder_0_conv", 128, 2, True),
]
CRITIC = [
    ("discriminator_1", 3, 64, True),
    ("discriminator_2", 64, 128, False),
    ("discriminator_3", 128, 256, False),
    ("discriminator_4", 256, 512, False),
    ("discriminator_scores", 512, 1, True),
]
# With 3 channels in and out, and 6 of the latter, these are the published 54,414,531 and 2,768,705.
GENERATOR_PARAMETERS = 54_414_531 - 2 * 16 * 64 - (16 * 128 + 1)
DISCRIMINATOR_PARAMETERS = 2_768_705 - 3 * 16 * 64


@pytest.mark.parametrize(
    ("build", "table", "parameters"),
    [
        (models.pix2pix, GENERATOR, GENERATOR_PARAMETERS),
        (models.patch_discriminator, CRITIC, DISCRIMINATOR_PARAMETERS),
    ],
    ids=["generator", "discriminator"],
)
def test_pix2pix_is_its_papers(build, table, parameters):
    network = build()
    convolutions = [layer for layer in network.layers if hasattr(layer, "kernel_size")]
    found = []
    for layer in convolutions:
        assert layer.kernel_size == (4, 4)
        ends = layer.kernel.shape[2:]
        transposed = isinstance(layer, keras.layers.Conv2DTranspose)
        found.append((layer.name, *(ends[::-1] if transposed else ends), layer.use_bias))
    assert found == table
    assert network.count_params() == parameters
    dropped = [layer.name for layer in network.layers if isinstance(layer, keras.layers.Dropout)]
    assert dropped == [f"decoder_{n}_dropout" for n in (7, 6, 5) if build is models.pix2pix]


@pytest.fixture(scope="module")
def tiny_pix2pix():
    keras.utils.set_random_seed(0)
    return models.pix2pix(filters=2)


@pytest.mark.parametrize("size", [(256, 256), (288, 224), (100, 132), (32, 32)])
def test_pix2pix_colors_any_size(tiny_pix2pix, size):
    outputs = tiny_pix2pix(make_l_norm(1, *size))
    assert outputs["ab_norm"].shape == (1, *size, 2)
    assert outputs["features"].shape == (1, -(-size[0] // 4), -(-size[1] // 4), 4)
    assert np.ptp(outputs["ab_norm"]) > 0


def test_pix2pix_colors_each_photo_by_itself(tiny_pix2pix):
    l_norm = make_l_norm(2, 64, 64)
    both = tiny_pix2pix(l_norm)["ab_norm"]
    np.testing.assert_allclose(tiny_pix2pix(l_norm[1:])["ab_norm"][0], both[1], atol=1e-5)


def test_a_score_judges_70_pixels():
    keras.utils.set_random_seed(0)
    discriminator = models.patch_discriminator(filters=2)
    pictures = np.random.default_rng(0).normal(size=(2, 160, 160, 3)).astype("float32")
    # Without its normalizations, which see the whole photo.
    plain = keras.models.clone_model(
        discriminator,
        clone_function=lambda layer: (
            keras.layers.Identity(name=layer.name)
            if isinstance(layer, keras.layers.GroupNormalization)
            else type(layer).from_config(layer.get_config())
        ),
    )
    pictures[1] = pictures[0]
    pictures[1, 80, 80] += 1
    before, after = np.asarray(plain(pictures))
    rows = np.flatnonzero(np.abs(after - before).sum(axis=(1, 2)) > 0)
    # A pixel lies in as many windows of 70 as begin, in steps of 8, in 70 places: 8 or 9.
    assert len(rows) in (8, 9)
    assert np.ptp(rows) == len(rows) - 1


def test_pix2pix_survives_its_file(tiny_pix2pix, tmp_path):
    tiny_pix2pix.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    l_norm = make_l_norm(1, 64, 96)
    np.testing.assert_array_equal(loaded(l_norm)["ab_norm"], tiny_pix2pix(l_norm)["ab_norm"])
