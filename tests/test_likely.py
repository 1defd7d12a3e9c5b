"""The colors that a place is offered: the distribution's peaks, apart from each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_networks import tiny_koala

from deepkoal.color import BIN_WIDTH, ab_bins, encode_ab
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import list_likely_colors
from deepkoal.guidance.uncertainty import APART
from deepkoal.inference.colorizer import Colorizer

Q = len(ab_bins())


def test_the_peaks_come_in_the_order_of_their_mass():
    peaks = np.array([[3.0, -4.0], [50.0, 40.0], [-30.0, 25.0]], "float32")
    mass = np.array([0.55, 0.1, 0.35]) @ encode_ab(peaks)
    colors = list_likely_colors(np.log(mass + 1e-9).astype("float32"), 3)
    assert colors.dtype == np.float32
    assert np.linalg.norm(colors - peaks[[0, 2, 1]], axis=-1).max() < BIN_WIDTH / 2


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.floats(0, 3))
def test_they_differ_to_the_eye(seed, count, scale):
    logits = np.random.default_rng(seed).normal(0, scale, Q).astype("float32")
    colors = list_likely_colors(logits, count)
    assert colors.shape == (count, 2)
    apart = np.linalg.norm(colors[:, None] - colors, axis=-1)[np.triu_indices(count, 1)]
    assert (apart > APART / 2).all()


def test_fewer_come_where_the_mass_runs_out():
    even = np.zeros(Q, "float32")
    assert len(list_likely_colors(even, 2, apart=500.0)) == 1
    assert len(list_likely_colors(even, 10_000)) < Q / 2
    certain = np.where(np.arange(Q) == 100, 0, -60).astype("float32")
    np.testing.assert_allclose(list_likely_colors(certain, 6), ab_bins()[100:101], atol=1e-3)


def test_a_place_of_a_photo_is_offered_its_own(photos):
    prediction = Colorizer.from_preset("koala-lite", backend="litert").predict(photos["coffee"])
    height, width = prediction.l.shape
    places = [(0, 0), (width - 1, height - 1), (width / 2, height / 3)]
    rows, columns = prediction.outputs["logits"].shape[:2]
    for x, y in places:
        cell = prediction.outputs["logits"][int(y * rows / height), int(x * columns / width)]
        offered = prediction.list_likely_colors(x, y, 4)
        np.testing.assert_array_equal(offered, list_likely_colors(cell, 4))


def test_a_network_that_tells_one_color_only_offers_none(photos):
    prediction = Colorizer(tiny_koala(), working_size=64).predict(photos["coffee"])
    with pytest.raises(DeepkoalError, match="likely colors need a network"):
        prediction.list_likely_colors(0, 0)
