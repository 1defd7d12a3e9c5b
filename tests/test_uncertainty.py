"""Uncertainty: its formulas by hand, where colors err, and where hints are asked for."""

import math

import cv2
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from deepkoal.color import ab_bins, rgb_to_lab
from deepkoal.errors import DeepkoalError
from deepkoal.evaluation.figures.uncertainty import correlate
from deepkoal.evaluation.metrics import ab_error, rgb_to_ab
from deepkoal.guidance import (
    DecodingConfig,
    Kernel,
    decode_outputs,
    deviation,
    expected_error,
    make_affinity_points,
    remaining_doubt,
    scale_error,
    suggest_hints,
    uncertainty,
)
from deepkoal.hints import Hint
from deepkoal.inference.colorizer import Colorizer

Q = len(ab_bins())
KERNEL = Kernel(features=(0.5,), lightness=(20.0,), position=(0.5,), weights=(1.3,), noise=0.1)


def spread_over(count):
    """Return logits that give so many bins all the mass, in equal parts."""
    logits = np.full(Q, -100, "float32")
    logits[:count] = 3
    return logits


# --- how much ----------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.5, 0.9, 1.0])
def test_the_deviation_of_two_colors_is_by_hand(share):
    one, other = 40, 160
    logits = np.full(Q, -100, "float32")
    logits[[one, other]] = np.log([share, max(1 - share, 1e-30)])
    apart = np.linalg.norm(ab_bins()[one] - ab_bins()[other])
    wanted = max(apart * math.sqrt(share * (1 - share)), 1)  # 1 ab unit at least
    np.testing.assert_allclose(deviation(logits), wanted, rtol=1e-4)


@pytest.mark.parametrize("count", [1, 2, 16, Q])
def test_doubt_is_the_share_of_the_largest_entropy(count):
    doubt = uncertainty(spread_over(count))
    np.testing.assert_allclose(doubt, math.log(count) / math.log(Q), atol=1e-5)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 30), st.floats(0.2, 1), st.floats(1, 5))
def test_doubt_lies_in_its_range_and_grows_with_temperature(seed, scale, cold, warm):
    logits = np.random.default_rng(seed).normal(0, scale, (2, 3, Q)).astype("float32")
    low, high = uncertainty(logits, cold), uncertainty(logits, warm)
    assert low.shape == (2, 3)
    assert (low >= 0).all()
    assert (high <= 1).all()
    assert (low <= high + 1e-5).all()


def test_the_expected_error_is_the_mean_distance():
    logits = np.full(Q, -100, "float32")
    logits[[5, 90]] = [1.0, 1.0 + math.log(3)]
    ab = np.array([7.0, -11.0], "float32")
    near, far = (math.dist(ab, ab_bins()[i]) for i in (5, 90))
    np.testing.assert_allclose(expected_error(logits, ab), near / 4 + far * 3 / 4, rtol=1e-5)
    np.testing.assert_allclose(expected_error(logits, ab, 0.5), near / 10 + far * 9 / 10, rtol=1e-5)
    np.testing.assert_allclose(expected_error(spread_over(1), ab_bins()[0]), 0, atol=0.1)


def test_tensors_are_doubted_as_arrays_are():
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 3, (4, 5, Q)).astype("float32")
    ab = generator.uniform(-50, 50, (4, 5, 2)).astype("float32")
    tensor = keras.ops.convert_to_tensor
    for measure, arguments in ((uncertainty, (logits,)), (expected_error, (logits, ab))):
        on_tensors = keras.ops.convert_to_numpy(measure(*map(tensor, arguments), 0.7))
        np.testing.assert_allclose(on_tensors, measure(*arguments, 0.7), rtol=1e-3)


def test_colors_err_where_they_are_doubted(photos):
    colorizer = Colorizer.from_preset("koala-lite", backend="litert")
    correlations = []
    for rgb in photos.values():
        prediction = colorizer.predict(rgb)
        logits = prediction.outputs["logits"]
        height, width = logits.shape[:2]
        ab = decode_outputs(prediction.outputs, DecodingConfig(prediction.decoding.temperature))
        small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        error = np.linalg.norm(ab - rgb_to_lab(small.astype("float32") / 255)[..., 1:], axis=-1)
        correlations.append(
            [
                spearmanr(doubt.ravel(), error.ravel()).statistic
                for doubt in (uncertainty(logits), expected_error(logits, ab))
            ]
        )
    assert (np.mean(correlations, axis=0) > 0.3).all()


# --- where a hint helps ------------------------------------------------------------------------


@pytest.fixture
def grid():
    """Doubt of 6×8 places, and the places."""
    generator = np.random.default_rng(3)
    features = generator.normal(0, 0.3, (6, 8, 4)).astype("float32")
    l = generator.uniform(20, 80, (6, 8)).astype("float32")
    return generator.uniform(0.1, 0.9, (6, 8)).astype("float32"), make_affinity_points(features, l)


def test_each_hint_lowers_the_remaining_variance_most(grid):
    doubt, points = grid
    deviation = doubt.ravel().astype("float64")
    prior = deviation[:, None] * KERNEL.compare(points, points) * deviation
    noise = KERNEL.noise * np.mean(deviation**2)

    def remaining(hint_points):  # Rasmussen and Williams 2006, eq. 2.26
        known = prior[np.ix_(hint_points, hint_points)] + noise * np.eye(len(hint_points))
        return np.trace(prior - prior[:, hint_points] @ np.linalg.solve(known, prior[hint_points]))

    chosen = []
    for row, column in suggest_hints(doubt, points, KERNEL, 4):
        best = min(range(doubt.size), key=lambda k: remaining([*chosen, k]))
        chosen.append(row * 8 + column)
        assert chosen[-1] == best
    assert len(set(chosen)) == 4


def test_unlike_things_are_asked_for_one_after_the_other():
    features = np.zeros((8, 8, 2), "float32")
    features[:, :4, 0], features[:, 4:, 1] = 3, 3
    points = make_affinity_points(features, np.full((8, 8), 50, "float32"))
    doubt = np.full((8, 8), 0.5, "float32")
    doubt[:, 4:] = 0.6
    first, second = suggest_hints(doubt, points, KERNEL, 2)
    assert first[1] >= 4
    assert second[1] < 4


@pytest.mark.parametrize("shape", [(8, 8), (64, 64), (23, 181)])
def test_the_doubtful_part_of_any_grid_is_asked_for(shape):
    features = np.zeros((*shape, 2), "float32")
    half = shape[1] // 2
    features[:, half:, 0] = 2
    doubt = np.full(shape, 0.01, "float32")
    doubt[:, half:] = 1
    hints = suggest_hints(
        doubt, make_affinity_points(features, np.zeros(shape, "float32")), KERNEL, 3
    )
    assert hints.shape == (3, 2)
    assert len(np.unique(hints, axis=0)) == 3
    assert (hints >= [0, half]).all()
    assert (hints < shape).all()


def test_without_doubt_there_is_still_an_answer(grid):
    _, points = grid
    assert (
        len(np.unique(suggest_hints(np.zeros((6, 8), "float32"), points, KERNEL, 5), axis=0)) == 5
    )


@pytest.mark.parametrize("count", [0, 49])
def test_hints_for_no_place_are_refused(grid, count):
    with pytest.raises(DeepkoalError, match=rf"count of hints .* in 1…48, got {count}"):
        suggest_hints(*grid, KERNEL, count)


# --- what hints leave of it --------------------------------------------------------------------


def test_remaining_doubt_is_the_deviation_of_the_process(grid):
    doubt, points = grid
    hint_points = np.array([3, 20, 21])
    prior = KERNEL.compare(points, points).astype("float64")
    known = prior[np.ix_(hint_points, hint_points)] + KERNEL.noise * np.eye(3)
    left = prior - prior[:, hint_points] @ np.linalg.solve(known, prior[hint_points])
    expected = doubt * np.sqrt(np.diag(left) / np.diag(prior)).reshape(doubt.shape)
    got = remaining_doubt(doubt, points, points.take(hint_points), KERNEL)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-3)


def test_a_sharper_distribution_tells_better_where_colors_err(photos):
    rgb = photos["astronaut"]
    prediction = Colorizer.from_preset("koala-lite", backend="litert").predict(rgb)
    error = ab_error(rgb_to_ab(prediction.render()), rgb_to_ab(rgb))
    as_it_is = expected_error(prediction.outputs["logits"], prediction.decode_ab())
    plain = cv2.resize(scale_error(as_it_is), error.shape[::-1])
    doubt = prediction.uncertainty()
    assert correlate(doubt, error) > correlate(plain, error) + 0.02
    assert doubt.mean() < plain.mean()


def test_what_a_hint_has_settled_is_doubted_less_and_asked_no_more(photos):
    prediction = Colorizer.from_preset("koala-lite", backend="litert").predict(photos["coffee"])
    asked = prediction.suggest_hints(3)
    hints = [Hint(*place, "tomato") for place in asked]
    before, after = prediction.uncertainty(), prediction.uncertainty(hints=hints)
    assert (after <= before + 1e-5).all()
    for x, y in asked:
        assert after[int(y), int(x)] < 0.7 * before[int(y), int(x)]
    assert not set(asked) & set(prediction.suggest_hints(5, hints=hints))
    with pytest.raises(DeepkoalError, match="outside the photo"):
        prediction.uncertainty(hints=[Hint(1e4, 0, "red")])
