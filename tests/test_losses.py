"""Losses by hand: their values, their gradients, and the weights of rare colors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deepkoal.color import ab_bins, encode_ab
from deepkoal.losses import AbMeanSquaredError, RebalancedCrossEntropy, rebalancing_weights

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


# --- squared error -----------------------------------------------------------------------------


def test_squared_error_by_hand():
    truth = np.array([[[[110, 0]], [[-55, 55]]]], "float32")
    predicted = np.array([[[[0.5, 0.5]], [[-0.5, 0.5]]]], "float32")
    loss = AbMeanSquaredError()
    np.testing.assert_allclose(in_numpy(loss.call(truth, predicted)), [[[0.25], [0]]], atol=1e-7)
    assert float(loss(truth, predicted)) == pytest.approx(0.125)


@pytest.mark.parametrize("name", ["cross-entropy", "squared error"])
def test_a_loss_is_rebuilt_from_its_configuration(name):
    ab, logits, weights = random_case()
    is_entropy = name == "cross-entropy"
    loss = RebalancedCrossEntropy(weights) if is_entropy else AbMeanSquaredError()
    rebuilt = keras.losses.deserialize(keras.losses.serialize(loss))
    predicted = logits if is_entropy else logits[..., :2]
    assert type(rebuilt) is type(loss)
    assert float(rebuilt(ab, predicted)) == pytest.approx(float(loss(ab, predicted)), rel=1e-6)
