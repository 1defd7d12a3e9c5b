"""Losses by hand: their values, their gradients, and the weights of rare colors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deepkoal.color import ab_bins, colorfulness, encode_ab, rgb_to_lab
from deepkoal.errors import WeightsError
from deepkoal.losses import (
    AbHuber,
    AbMeanAbsoluteError,
    AbMeanSquaredError,
    AdversarialLoss,
    ColorfulnessLoss,
    LossDomain,
    PerceptualLoss,
    RebalancedCrossEntropy,
    lite0_features,
    rebalancing_weights,
    vgg16_features,
)

Q = len(ab_bins())


def in_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def random_case(seed=0):
    generator = np.random.default_rng(seed)
    ab = generator.uniform(-90, 90, (2, 3, 4, 2)).astype("float32")
    logits = generator.normal(0, 2, (2, 3, 4, Q)).astype("float32")
    weights = generator.uniform(0.5, 2, Q).astype("float32")
    return ab, logits, weights


def cross_entropy(target, logits):
    log_shares = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -(target * log_shares).sum(axis=-1)


# --- weights -----------------------------------------------------------------------------------


def test_weights_by_hand():
    # Smoothed to 0.625 and 0.375: 1.6 and 2.667, whose mean under the prior is 1.867.
    weights = rebalancing_weights(np.array([0.75, 0.25]), mix=0.5, power=1)
    np.testing.assert_allclose(weights, [1.6 / (28 / 15), (8 / 3) / (28 / 15)], rtol=1e-6)
    assert weights.dtype == np.float32


@pytest.mark.parametrize(("mix", "power"), [(0, 0.4), (0.5, 0.4), (0.5, 1), (1, 1)])
def test_weights_have_mean_one_under_the_prior(mix, power):
    prior = np.random.default_rng(0).dirichlet(np.full(Q, 0.3)) + 1e-9
    prior /= prior.sum()
    weights = rebalancing_weights(prior, mix, power)
    assert weights @ prior == pytest.approx(1, rel=1e-5)
    rarest_first = weights[np.argsort(prior)]
    assert (np.diff(rarest_first) <= 0).all()


def test_power_zero_weighs_all_alike():
    prior = np.random.default_rng(0).dirichlet(np.ones(Q))
    np.testing.assert_allclose(rebalancing_weights(prior, 0.5, 0), 1, rtol=1e-6)


# --- cross-entropy -----------------------------------------------------------------------------


def test_equal_logits_cost_the_logarithm_of_the_bins():
    ab, logits, _ = random_case()
    loss = RebalancedCrossEntropy(np.full(Q, 3.0))(ab, logits * 0)
    assert float(loss) == pytest.approx(3 * np.log(Q), rel=1e-5)


def test_cross_entropy_by_hand():
    # The target at (0, 0) is 1 : e⁻² on the bin and its four neighbors.
    bins = ab_bins()
    center = np.flatnonzero((bins == 0).all(axis=1))[0]
    neighbors = np.flatnonzero(np.abs(bins).sum(axis=1) == 10)
    weights = np.ones(Q)
    weights[center] = 5
    logits = np.zeros((1, 1, 1, Q))
    logits[..., center] = 2
    shares = 1 / (1 + 4 * np.exp(-2)), np.exp(-2) / (1 + 4 * np.exp(-2))
    entropy = np.log(Q - 1 + np.exp(2)) - shares[0] * 2
    weight = 5 * shares[0] + len(neighbors) * shares[1]
    loss = RebalancedCrossEntropy(weights)(np.zeros((1, 1, 1, 2)), logits)
    assert len(neighbors) == 4
    assert float(loss) == pytest.approx(weight * entropy, rel=1e-5)


def test_at_whole_ab_values_the_table_is_the_encoding():
    ab, logits, weights = random_case()
    ab = np.round(ab)
    target = in_numpy(encode_ab(ab))
    expected = (target @ weights) * cross_entropy(target, logits)
    loss = RebalancedCrossEntropy(weights)
    np.testing.assert_allclose(in_numpy(loss.call(ab, logits)), expected, rtol=1e-4)
    assert float(loss(ab, logits)) == pytest.approx(expected.mean(), rel=1e-5)


def test_between_whole_ab_values_the_table_is_close_to_the_encoding():
    ab, logits, _ = random_case()
    expected = cross_entropy(in_numpy(encode_ab(ab)), logits)
    looked_up = in_numpy(RebalancedCrossEntropy(np.ones(Q)).call(ab, logits))
    assert np.abs(looked_up - expected).mean() < 0.05 * expected.mean()


def test_ab_beyond_the_table_counts_as_its_edge():
    _, logits, weights = random_case()
    loss = RebalancedCrossEntropy(weights)
    beyond, edge = np.array([150.0, -300.0]), np.array([110.0, -110.0])
    far, near = (np.broadcast_to(ab, (2, 3, 4, 2)) for ab in (beyond, edge))
    np.testing.assert_array_equal(loss.call(far, logits), loss.call(near, logits))


def test_gradient_is_the_weighted_difference_of_distributions():
    ab, logits, weights = random_case()
    ab = np.round(ab)
    predicted = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        loss = RebalancedCrossEntropy(weights)(ab, predicted)
    target = in_numpy(encode_ab(ab))
    expected = (target @ weights)[..., None] * (in_numpy(tf.nn.softmax(logits)) - target) / 24
    np.testing.assert_allclose(tape.gradient(loss, predicted), expected, atol=1e-6)


def test_weights_of_another_number_of_bins_are_refused():
    with pytest.raises(ValueError, match=r"expected 227 weights, got shape \(313,\)"):
        RebalancedCrossEntropy(np.ones(313))


# --- errors of ab ------------------------------------------------------------------------------

TRUTH = np.array([[[[110, 0]], [[-55, 55]]]], "float32")
PREDICTED = np.array([[[[55, 55]], [[-55, 44]]]], "float32")


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (AbMeanSquaredError(), [(0.25 + 0.25) / 2, 0.01 / 2]),
        (AbMeanAbsoluteError(), [(0.5 + 0.5) / 2, 0.1 / 2]),
        # A miss of 55 lies on the line, one of 11 under the square: 11² / 40.
        (AbHuber(delta=20), [(45 + 45) / 2 / 110, 11**2 / 40 / 2 / 110]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_errors_by_hand(loss, expected):
    np.testing.assert_allclose(in_numpy(loss.call(TRUTH, PREDICTED))[0, :, 0], expected, rtol=1e-5)
    assert float(loss(TRUTH, PREDICTED)) == pytest.approx(np.mean(expected), rel=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        RebalancedCrossEntropy(random_case()[2]),
        AbMeanSquaredError(),
        AbMeanAbsoluteError(),
        AbHuber(delta=7),
        ColorfulnessLoss(),
    ],
    ids=lambda loss: loss.name,
)
def test_a_loss_is_rebuilt_from_its_configuration(loss):
    ab, logits, _ = random_case()
    rebuilt = keras.losses.deserialize(keras.losses.serialize(loss))
    given = {LossDomain.LOGITS: (ab, logits), LossDomain.AB: (ab, logits[..., :2])}
    true, predicted = given.get(loss.domain, (logits[..., :3], logits[..., :3]))
    assert type(rebuilt) is type(loss)
    assert float(rebuilt(true, predicted)) == pytest.approx(float(loss(true, predicted)), rel=1e-6)


# --- losses of pictures ------------------------------------------------------------------------


def slope(loss, true, picture):
    picture = tf.constant(picture)
    with tf.GradientTape() as tape:
        tape.watch(picture)
        value = loss(true, picture)
    return tape.gradient(value, picture).numpy()


def test_colorfulness_by_hand(photos):
    rgb = photos["coffee"][None, :64, :64]
    lab = in_numpy(rgb_to_lab(rgb / np.float32(255)))
    loss = ColorfulnessLoss()
    assert float(loss(lab, lab)) == pytest.approx(1 - colorfulness(rgb)[0] / 100, abs=1e-4)
    grey = lab * [1, 0, 0]
    assert float(loss(lab, grey.astype("float32"))) == pytest.approx(1, abs=1e-3)
    assert np.isfinite(slope(loss, lab, grey.astype("float32"))).all()


def test_perceptual_distance_by_hand():
    # One map of two channels: red and twice red, and green and blue.
    inputs = keras.Input((None, None, 3))
    red, green, blue = (inputs[..., i : i + 1] for i in range(3))
    maps = keras.ops.concatenate([red, 2 * red], -1), keras.ops.concatenate([green, blue], -1)
    loss = PerceptualLoss(keras.Model(inputs, list(maps)))
    # Along a red's shades nothing turns, and from green to blue everything: |(1, 0) − (0, 1)|².
    first, second = np.array([[0.2, 0.5, 0], [0.9, 0, 0.5]])
    true, colored = (
        in_numpy(rgb_to_lab(np.broadcast_to(rgb, (1, 4, 4, 3)).astype("float32")))
        for rgb in (first, second)
    )
    assert float(loss(true, colored)) == pytest.approx(2, abs=1e-3)
    assert float(loss(true, true)) == 0


@pytest.mark.parametrize(
    "features", [lite0_features, lambda: vgg16_features(weights=None)], ids=["lite0", "vgg16"]
)
def test_frozen_features_tell_true_colors_from_others(photos, features):
    network = features()
    assert not network.trainable_variables
    assert all(np.prod(out.shape[-1:]) >= 8 for out in network.outputs)
    lab = in_numpy(rgb_to_lab(photos["coffee"][None, 100:164, 100:164] / np.float32(255)))
    loss = PerceptualLoss(network)
    slight, strong = lab * np.float32([1, 0.9, 0.9]), lab * np.float32([1, -1, 0])
    distances = [float(loss(lab, other)) for other in (lab, slight, strong)]
    assert distances[0] == 0 < distances[1] < distances[2]
    assert np.abs(slope(loss, lab, slight)[..., 1:]).max() > 0


def test_vgg16_sees_what_keras_feeds_it(photos):
    keras.utils.set_random_seed(0)
    network = vgg16_features(weights=None)
    rgb = photos["coffee"][None, :32, :32].astype("float32")
    inner = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    expected = inner(keras.applications.vgg16.preprocess_input(rgb.copy()))
    for found, wanted in zip(network(rgb / 255), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


def test_missing_vgg16_weights_are_told(tmp_path):
    with pytest.raises(WeightsError, match=r"VGG16 cannot be had .*EfficientNet-Lite0's features"):
        vgg16_features(tmp_path / "gone.h5")


# --- adversarial -------------------------------------------------------------------------------


@pytest.fixture
def discriminator():
    """Scores twice a picture's ab_norm a, plus a bias of a half."""
    inputs = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(1, 1, name="judge")
    discriminator = keras.Model(inputs, layer(inputs))
    layer.set_weights([np.array([0, 2, 0], "float32").reshape(1, 1, 3, 1), np.float32([0.5])])
    return discriminator


def paint(a):
    return np.full((1, 2, 2, 3), [50, 110 * a, 0], "float32")


@pytest.mark.parametrize("kind", ["hinge", "vanilla"])
def test_both_sides_by_hand(discriminator, kind):
    true, colored = 2 * 0.1 + 0.5, 2 * -0.2 + 0.5  # the scores
    sides = {
        "hinge": [-colored, (1 - true) + (1 + colored)],
        "vanilla": [
            np.log1p(np.exp(-colored)),
            np.log1p(np.exp(-true)) / 2 + np.log1p(np.exp(colored)) / 2,
        ],
    }
    loss = AdversarialLoss(discriminator, kind)
    found = float(loss(paint(0.1), paint(-0.2)))
    assert found == pytest.approx(sum(sides[kind]), rel=1e-5)


@pytest.mark.parametrize("kind", ["hinge", "vanilla"])
def test_each_side_learns_from_its_part_alone(discriminator, kind):
    loss = AdversarialLoss(discriminator, kind)
    picture = tf.constant(paint(-0.2))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        value = loss(paint(0.1), picture)
    to_picture, to_kernel = tape.gradient(
        value, [picture, discriminator.get_layer("judge").kernel.value]
    )
    true, colored = 0.7, 0.1
    sigmoid = lambda score: 1 / (1 + np.exp(-score))  # noqa: E731
    # The network would raise the score of what it colored, the discriminator would lower it.
    expected = {
        "hinge": (-1, 0.1 * -1 + -0.2 * 1),
        "vanilla": (-sigmoid(-colored), 0.1 * -sigmoid(-true) / 2 + -0.2 * sigmoid(colored) / 2),
    }[kind]
    assert to_picture.numpy()[..., 1].sum() == pytest.approx(expected[0] * 2 / 110, rel=1e-4)
    assert float(to_kernel[0, 0, 1, 0]) == pytest.approx(expected[1], rel=1e-4)
