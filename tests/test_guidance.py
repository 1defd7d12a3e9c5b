"""Readings of a network's outputs: the formulas by hand, and the range of vibrance."""

import math

import keras
import numpy as np
import pytest

from deepkoal.color import ab_bins, decode_ab
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import DecodingConfig, check_vibrance, decode_outputs


def in_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("vibrance", [0.2, 1, 5.0])
def test_vibrance_within_its_range_is_returned(vibrance):
    assert check_vibrance(vibrance) == vibrance


@pytest.mark.parametrize("vibrance", [0.0, 0.19, 5.01, -1.0, math.nan, math.inf])
def test_vibrance_beyond_its_range_is_refused(vibrance):
    with pytest.raises(DeepkoalError, match=rf"vibrance must lie in 0\.2…5 .*not {vibrance}"):
        check_vibrance(vibrance)


def test_vibrance_multiplies_a_regression():
    ab = decode_outputs(
        {"ab_norm": np.array([[[0.5, -0.25]]], "float32")}, DecodingConfig(0.4), 1.2
    )
    np.testing.assert_allclose(in_numpy(ab), [[[66, -33]]], rtol=1e-6)


def test_vibrance_multiplies_a_distributions_mean():
    logits = np.random.default_rng(0).normal(0, 2, (2, 3, 227)).astype("float32")
    found = in_numpy(decode_outputs({"logits": logits, "features": None}, DecodingConfig(0.4), 2.0))
    np.testing.assert_allclose(found, 2 * in_numpy(decode_ab(logits, 0.4)), rtol=1e-5)
    # By hand: softmax of the logits over 0.4, then twice the mean of the bins.
    shares = np.exp((logits - logits.max(axis=-1, keepdims=True)) / 0.4)
    expected = 2 * shares @ ab_bins() / shares.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_gain_counts_as_vibrance():
    logits = np.random.default_rng(0).normal(0, 2, (2, 3, 227)).astype("float32")
    for outputs in ({"logits": logits}, {"ab_norm": logits[..., :2]}):
        strong = decode_outputs(outputs, DecodingConfig(0.4, gain=1.5), 0.8)
        np.testing.assert_allclose(strong, decode_outputs(outputs, DecodingConfig(0.4), 1.2))


def test_a_decoding_of_version_0_1_is_understood():
    config = DecodingConfig(0.7, psnr_optimal_vibrance=0.6).to_config()
    config["faithful_vibrance"] = config.pop("psnr_optimal_vibrance")
    assert DecodingConfig.from_config(config).psnr_optimal_vibrance == 0.6
