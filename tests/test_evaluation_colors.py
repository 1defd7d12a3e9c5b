"""The likelihood of true colors, vivid places and hues, by hand."""

import dataclasses
import math
from pathlib import Path

import keras
import numpy as np
import pytest
from known_photos import bench_of, colorizer_of, paint, photo_of, see
from scipy.special import log_softmax

from deepkoal.color import ab_bins, encode_ab
from deepkoal.evaluation.figures.likelihood import measure_likelihood
from deepkoal.evaluation.figures.vividness import (
    count_vivid,
    hue_difference,
    hue_spread,
    measure_hue_spread,
    measure_vividness,
)
from deepkoal.evaluation.metrics import average_to_grid, rgb_to_ab
from deepkoal.evaluation.photos import EvaluatedPhoto

CHROMA = np.linalg.norm(ab_bins(), axis=-1) / 10


def with_logits(truth, logits):
    outputs = {"logits": np.asarray(logits, np.float16)}
    return dataclasses.replace(see(truth, truth), outputs=outputs)


def encode_truth(truth):
    return encode_ab(average_to_grid(rgb_to_ab(truth), 32))


def test_a_network_that_knows_the_distribution_has_its_entropy_for_nll(photos):
    truth = photo_of(photos, "coffee")
    target = encode_truth(truth)
    entropy = -np.sum(target * np.log(np.maximum(target, 1e-30)), axis=-1).mean()
    figure = measure_likelihood(bench_of(with_logits(truth, np.log(np.maximum(target, 1e-10)))))
    # No other model is likelier (Gibbs' inequality).
    assert figure.nll == pytest.approx(entropy, abs=0.003)
    assert (figure.temperature, figure.chroma_bias) == pytest.approx((1, 0), abs=0.02)
    assert figure.photos == 1


def test_nll_of_a_network_that_knows_nothing_is_that_of_the_best_chroma_bias():
    truth = paint(50, 20)
    figure = measure_likelihood(bench_of(with_logits(truth, np.zeros((32, 32, len(CHROMA))))))
    target = encode_truth(truth).reshape(-1, len(CHROMA)).mean(axis=0)
    by_hand = [-target @ log_softmax(bias * CHROMA) for bias in np.arange(-4, 4, 0.01)]
    assert figure.nll == pytest.approx(min(by_hand), abs=1e-3)
    assert figure.chroma_bias == pytest.approx(np.argmin(by_hand) * 0.01 - 4, abs=0.02)
    assert figure.nll < math.log(227)


def test_nll_does_not_depend_on_temperature_or_chroma_bias_or_a_finer_grid(photos):
    truth = photo_of(photos, "chelsea")
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 0.5, (32, 32, len(CHROMA))) + np.log(encode_truth(truth) + 0.01)
    plain = measure_likelihood(bench_of(with_logits(truth, logits)))
    changed = measure_likelihood(bench_of(with_logits(truth, 2 * logits - 0.3 * CHROMA)))
    assert changed.nll == pytest.approx(plain.nll, abs=2e-3)
    assert changed.temperature == pytest.approx(2 * plain.temperature, rel=0.01)
    expected = plain.chroma_bias + 0.3 / changed.temperature
    assert changed.chroma_bias == pytest.approx(expected, abs=0.01)
    finer = measure_likelihood(bench_of(with_logits(truth, logits.repeat(2, 0).repeat(2, 1))))
    assert finer.nll == pytest.approx(plain.nll, abs=1e-4)


def test_nll_is_the_mean_over_photos(photos):
    truths = [photo_of(photos, name) for name in ("chelsea", "coffee")]
    rng = np.random.default_rng(1)
    seen = [
        with_logits(truth, rng.normal(0, 0.1, (32, 32, 227)) + np.log(encode_truth(truth) + 0.05))
        for truth in truths
    ]
    alone = [measure_likelihood(bench_of(photo)).nll for photo in seen]
    both = measure_likelihood(bench_of(*seen))
    assert both.photos == 2
    assert np.mean(alone) <= both.nll < np.mean(alone) + 0.05  # one temperature for both


def test_vivid_places_are_counted_by_hand():
    shown = [
        ((40, 0), (20, 10)),  # vivid red, right by 27°, though the truth is not vivid
        ((40, 0), (0, 40)),  # vivid red and wrong: 90° off
        ((40, 0), (11, 0)),  # vivid red and wrong: the truth has hardly any color
        ((0, 31), (0, 50)),  # vivid yellow, right
        ((0, 29), (0, 50)),  # not vivid, though it should be
        ((-40, 0), (-30.5, 0)),  # vivid green, right: 180°
        ((40, -6), (40, -8)),  # vivid red at -8.5°, right
        ((40, -8), (40, -8)),  # vivid, of hue -11.3°, which is no red, right
    ]
    ab, truth = np.array(shown, np.float32).transpose(1, 0, 2)[:, None]
    # vivid, right, truly vivid, of them right, red, of them right
    np.testing.assert_array_equal(count_vivid(ab, truth), [7, 5, 6, 4, 4, 2])
    np.testing.assert_allclose(
        hue_difference(ab, truth)[0], [26.565, 90, 0, 0, 0, 0, 2.7794, 0], atol=1e-3
    )
    # Across the cut of the angle at 180°.
    assert hue_difference(np.array([-9.0, 1]), np.array([-9.0, -1])) == pytest.approx(
        12.6804, abs=1e-3
    )


def test_vividness_is_that_of_the_places_shown_at_the_vibrance_of_psnr_at_cf():
    right = np.arange(256) >= 128
    truth = paint(60, np.where(right, 40, -40), np.where(right, 20, 10))  # red beside green
    reds = colorizer_of(
        lambda l_norm: keras.ops.concatenate([l_norm * 0 + 0.1, l_norm * 0 + 0.05], axis=-1)
    )
    photo = EvaluatedPhoto.from_prediction(Path("photo.jpg"), 0, truth, reds.predict(truth))
    figure = measure_vividness(bench_of(photo, colorizer=reds))
    assert figure.vibrance == pytest.approx(5)  # one color needs most to be as colorful
    assert figure.precision == figure.recall == figure.red_precision == 0.5
    grey = colorizer_of(lambda l_norm: keras.ops.concatenate([l_norm * 0] * 2, axis=-1))
    photo = EvaluatedPhoto.from_prediction(Path("photo.jpg"), 0, truth, grey.predict(truth))
    figure = measure_vividness(bench_of(photo, colorizer=grey))
    assert math.isnan(figure.precision)  # of no vivid places
    assert figure.recall == 0
    assert [line.value for line in figure.lines()] == ["–", "0.000", "–"]


@pytest.mark.parametrize(
    ("halves", "degrees"),
    [
        ([(20, 0), (0, 20)], 47.703),  # R = sqrt(1/2)
        ([(30, 0), (0, 10)], 39.277),  # weighted: R = sqrt(10)/4
        ([(20, 0), (40, 0)], 0),
        ([(20, 0), (0, 4)], 0),  # too pale to count
        ([(20, 0), (-20, 0)], 368.9),  # R = 0, taken as 1e-9
        ([(3, 0), (0, 3)], math.nan),
    ],
)
def test_hue_spread_by_hand(halves, degrees):
    ab = np.repeat(np.array(halves, np.float32), 32, axis=0)[None].repeat(64, axis=0)
    assert hue_spread(ab) == pytest.approx(degrees, abs=0.1, nan_ok=True)


def test_photos_of_one_hue_are_counted_and_grey_ones_are_none():
    right = np.arange(256) >= 128
    colored = [paint(60, 30), paint(60, 30 * right, 30 * ~right), paint(60)]
    truth = paint(60, 30 * right, 30 * ~right)
    figure = measure_hue_spread(bench_of(*(see(truth, rgb) for rgb in colored)))
    assert (figure.one_hued, figure.true_one_hued, figure.photos) == (1 / 3, 0, 3)
    assert figure.true_mean == pytest.approx(47.7, abs=1)
    assert figure.mean == pytest.approx(figure.true_mean / 2, abs=1)  # of two that have a hue
