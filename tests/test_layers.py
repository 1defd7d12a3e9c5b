"""The layers of one's own: by hand, in a graph, and through a saved configuration."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deepkoal.models.layers import (
    DoubleSize,
    FusedBatchNormalization,
    ReplicateEmbedding,
    StandardizeVector,
)

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_standardizing_by_hand():
    vectors = np.array([[1, 2, 3, 4], [-200, 200, -200, 200]], "float32")
    standardized = keras.ops.convert_to_numpy(StandardizeVector()(vectors))
    # The first: mean 2.5, variance 1.25.
    np.testing.assert_allclose(standardized[0], np.array([-3, -1, 1, 3]) / np.sqrt(5), rtol=1e-5)
    np.testing.assert_allclose(standardized[1], [-1, 1, -1, 1], rtol=1e-5)


def test_standardizing_a_constant_vector_gives_zeros():
    standardized = StandardizeVector()(np.full((1, 8), 3, "float32"))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(standardized), 0)


def test_the_embedding_is_at_each_place():
    features = np.zeros((2, 3, 4, 7), "float32")
    embedding = np.array([[1, 2], [3, 4]], "float32")
    replicated = keras.ops.convert_to_numpy(ReplicateEmbedding()([features, embedding]))
    assert replicated.shape == (2, 3, 4, 2)
    np.testing.assert_array_equal(replicated - embedding[:, None, None], 0)


def test_a_graph_of_them_is_rebuilt_from_its_configuration():
    features, vector = keras.Input((None, None, 3)), keras.Input((5,))
    standardized = StandardizeVector(epsilon=0.5)(vector)
    assert standardized.shape == (None, 5)
    replicated = ReplicateEmbedding()([features, standardized])
    assert replicated.shape == (None, None, None, 5)
    model = keras.Model([features, vector], replicated)
    rebuilt = keras.Model.from_config(model.get_config())
    generator = np.random.default_rng(0)
    given = [generator.normal(size=s).astype("float32") for s in ((2, 4, 6, 3), (2, 5))]
    np.testing.assert_array_equal(rebuilt(given), model(given))
    alone = given[1] - given[1].mean(axis=1, keepdims=True)
    expected = alone / np.sqrt(alone.var(axis=1, keepdims=True) + 0.5)
    np.testing.assert_allclose(rebuilt(given)[:, 3, 5], expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 1, 2)])
def test_doubling_is_kerass_in_a_graph_of_unknown_size_too(shape):
    maps = np.random.default_rng(0).normal(size=shape).astype("float32")
    expected = keras.layers.UpSampling2D(interpolation="bilinear")(maps)
    layer = DoubleSize()
    np.testing.assert_array_equal(layer(maps), expected)
    traced = tf.function(layer, input_signature=[tf.TensorSpec([None] * 4)])
    np.testing.assert_allclose(traced(maps), expected, atol=1e-6)


def test_doubling_by_hand():
    traced = tf.function(DoubleSize(), input_signature=[tf.TensorSpec([1, None, None, 1])])
    row = np.array([0, 4, 12], "float32")[None, None, :, None]
    np.testing.assert_allclose(traced(row)[0, :, :, 0], [[0, 1, 3, 6, 10, 12]] * 2)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_fused_batch_normalization_learns_as_keras_does(policy):
    numbers = np.random.default_rng(0)
    x = tf.constant(numbers.normal(3, 2, (2, 5, 7, 3)), "float32")
    weights = [*numbers.uniform(0.5, 2, (4, 3))]
    outcomes = []
    for kind in (FusedBatchNormalization, keras.layers.BatchNormalization):
        layer = kind(momentum=0.7, dtype=policy)
        layer.build(x.shape)
        layer.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
            loss = tf.reduce_sum(tf.cast(y, "float32") ** 3)
        assert y.dtype == layer.compute_dtype
        sources = [x, *(each.value for each in layer.trainable_variables)]
        outcomes.append([y, *tape.gradient(loss, sources), *layer.get_weights()])
        outcomes[-1].append(layer(x, training=False))
    for ours, theirs in zip(*outcomes, strict=True):
        ours, theirs = (np.asarray(tf.cast(each, "float32")) for each in (ours, theirs))
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(
            ours, theirs, atol=scale * (1e-5 if policy == "float32" else 2e-2)
        )


def test_frozen_batch_normalization_learns_nothing():
    layer = FusedBatchNormalization(trainable=False)
    x = np.full((1, 2, 2, 3), 5, "float32")
    np.testing.assert_allclose(layer(x, training=True), 5, rtol=1e-3)
    np.testing.assert_array_equal(layer.moving_mean, 0)
