"""Each figure of the scorecard, on photos and networks made so that its value is known."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
from known_photos import bench_of, colorizer_of, paint, photo_of, see
from tiny_networks import tiny_koala

from deepkoal.evaluation.figures.cost import count_multiply_adds
from deepkoal.evaluation.figures.diversity import measure_diversity
from deepkoal.evaluation.figures.hints import COUNTS, PATCH, measure_hints, place_hints, true_hint
from deepkoal.evaluation.figures.robustness import DAMAGES, measure_robustness
from deepkoal.evaluation.figures.semantic_accuracy import (
    classify,
    load_classifier,
    measure_semantic_accuracy,
    read_label,
)
from deepkoal.evaluation.figures.spatial import measure_bleeding, measure_context
from deepkoal.evaluation.figures.uncertainty import correlate, measure_uncertainty
from deepkoal.evaluation.metrics import psnr, rgb_to_ab
from deepkoal.rendering.composition import lightness
from deepkoal.rendering.contact_sheets import desaturate


def test_multiply_adds_by_hand():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, 2, "same")(inputs)  # 8×6 places · 3·3·3·8
    x = keras.layers.DepthwiseConv2D(5, padding="same")(keras.layers.ReLU()(x))  # 48 · 5·5·8
    inner = keras.Input((None, None, 8))
    within = keras.Model(inner, keras.layers.Conv2D(4, 1, use_bias=False)(inner))  # 48 · 8·4
    x = keras.layers.Conv2DTranspose(2, 4, 2, "same")(within(x) * 0.5)  # 48 · 4·4·4·2
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = keras.Model(inputs, {"logits": keras.layers.Dense(10)(x)})  # 2·10
    before = [variable.path for variable in network.variables]
    assert count_multiply_adds(network, 16, 12) == 48 * (216 + 200 + 32 + 128) + 20
    assert [variable.path for variable in network.variables] == before
    # Convolutions at stride 4 and the embedder's at its own size, once each.
    places = 64 * 64
    embedder = 6 * 6 * 3 * 3 * 3 * 4 + 4 * 5
    decoder = places * (4 * 4 * 8 + 13 * 8 + 3 * 3 * 8 * 2)
    assert count_multiply_adds(tiny_koala(), 256, 256) == embedder + decoder


def test_bleeding_is_the_share_of_color_changes_where_lightness_has_none():
    right = np.arange(256) >= 128
    l = np.where(right, 70, 40)
    clean = paint(l, 20.0 * right)
    # The same change of color again, 50 pixels beside the edge.
    stray = paint(l, 20.0 * right + 20.0 * (np.arange(256) >= 178))
    half = bench_of(see(stray, stray), see(stray, clean))
    figure = measure_bleeding(half)
    assert figure.photos == 2
    assert figure.true_share == pytest.approx(0.5, abs=0.02)
    assert figure.share == pytest.approx(0.25, abs=0.02)  # mean of a half and none
    assert figure.ratio == pytest.approx(0.5, abs=0.03)
    assert measure_bleeding(bench_of(see(stray, stray))).ratio == 1


def test_context_shift_by_hand():
    # A color that is the photo's mean lightness: 60 at the center, 40 over all.
    average = keras.layers.GlobalAveragePooling2D(keepdims=True)

    def read(l_norm):
        return keras.ops.concatenate([(average(l_norm) + l_norm * 0) / 2] * 2, axis=-1)

    # In squares, as a plain surrounding would be left out as a border; four in the center each way.
    sign = np.where((np.arange(256) - 51) // 38.5 % 2 < 1, 1, -1)
    inside = np.zeros((256, 256), bool)
    inside[51:205, 51:205] = True
    l = 60 + 12.0 * np.outer(sign, sign)
    l[~inside] += 256**2 * (40 - l.mean()) / np.count_nonzero(~inside)
    assert (l.mean(), l[inside].mean()) == pytest.approx((40, 60), abs=0.01)
    truth = paint(l)
    colorizer = colorizer_of(read)
    colored = colorizer.colorize(truth)
    assert np.ptp(colored, axis=-1).mean() > 5
    figure = measure_context(bench_of(see(truth, colored), colorizer=colorizer))
    # l_norm is L / 50 - 1, ab_norm is ab / 110: 0.4 / 2 · 110 along both a and b.
    assert figure.ab == pytest.approx(np.hypot(22, 22), abs=0.7)
    still = colorizer_of(lambda l_norm: keras.ops.concatenate([l_norm * 0 + 0.2] * 2, axis=-1))
    figure = measure_context(bench_of(see(truth, still.colorize(truth)), colorizer=still))
    assert figure.ab == pytest.approx(0, abs=0.3)  # rounding


def test_robustness_holds_errors_on_damaged_lightness_against_clean(photos):
    truths = [photo_of(photos, name) for name in ("chelsea", "coffee")]
    firm = colorizer_of(lambda l_norm: keras.ops.concatenate([l_norm * 0 + 0.05] * 2, axis=-1))
    seen = [see(truth, firm.colorize(truth), index=i) for i, truth in enumerate(truths)]
    figure = measure_robustness(bench_of(*seen, colorizer=firm))
    assert list(figure.ratios) == list(DAMAGES)
    assert list(figure.ratios.values()) == pytest.approx([1] * 9, abs=0.04)  # gamut and rounding
    # Faded, the same colors by hand where they follow lightness: a = b = (L - 50) · 1.1.
    loose = colorizer_of(lambda l_norm: keras.ops.concatenate([l_norm / 2] * 2, axis=-1))
    seen = [see(truth, loose.colorize(truth), index=i) for i, truth in enumerate(truths)]
    figure = measure_robustness(bench_of(*seen, colorizer=loose))
    clean, faded = [], []
    for photo in seen:
        gone = loose.colorize(paint(20 + 0.6 * photo.lightness))
        for errors, rgb in ((clean, photo.colored), (faded, gone)):
            off = rgb_to_ab(rgb) - rgb_to_ab(photo.truth)
            errors.append(np.hypot(off[..., 0], off[..., 1]).mean())
    assert figure.clean == pytest.approx(np.mean(clean), rel=1e-4)
    assert figure.ratios["faded"] == pytest.approx(np.mean(faded) / np.mean(clean), rel=1e-4)
    assert figure.mean == pytest.approx(np.mean(list(figure.ratios.values())))


def test_damages_are_as_strong_as_they_say():
    flat = np.full((256, 256), 50, np.float32)
    for sigma in (10, 25):
        noise = DAMAGES[f"noise {sigma}"](flat, 3) - 50
        assert noise.std() * 2.55 == pytest.approx(sigma, rel=0.01)
        np.testing.assert_array_equal(DAMAGES[f"noise {sigma}"](flat, 3) - 50, noise)
    assert not np.array_equal(DAMAGES["noise 10"](flat, 4), DAMAGES["noise 10"](flat, 3))
    point = np.zeros((65, 65), np.float32)
    point[32, 32] = 100
    for sigma in (1, 2):
        blurred = DAMAGES[f"blur {sigma}"](point, 0)
        spread = (blurred.sum(axis=0) * (np.arange(65) - 32) ** 2).sum() / blurred.sum()
        assert spread == pytest.approx(sigma**2, rel=0.03)
    for factor, name in ((2, "half size"), (4, "quarter size")):
        stripes = np.tile(np.repeat([0, 80], factor // 2).astype(np.float32), (64, 64 // factor))
        np.testing.assert_allclose(DAMAGES[name](stripes, 0), 40, atol=1e-4)
    np.testing.assert_allclose(DAMAGES["faded"](np.float32([[0, 50, 100]]), 0), [[20, 50, 80]])


def test_jpeg_harms_more_at_lower_quality(photos):
    l = lightness(photo_of(photos, "chelsea"))
    off = [np.abs(DAMAGES[name](l, 0) - l).mean() for name in ("JPEG 40", "JPEG 20")]
    assert 0.5 < off[0] < off[1] < 5


def test_hints_are_true_colors_of_random_patches(photos):
    truth = photo_of(photos, "coffee")
    photo = see(truth, truth)
    hints = place_hints(photo, 100)
    assert hints[:5] == place_hints(photo, 5)
    assert hints != place_hints(dataclasses.replace(photo, index=8), 100)
    ab = rgb_to_ab(truth)
    reach = PATCH // 2
    for hint in hints:
        assert reach <= hint.x <= 256 - reach
        assert reach <= hint.y <= 256 - reach
        rows, columns = (slice(int(at) - reach, int(at) + reach) for at in (hint.y, hint.x))
        np.testing.assert_allclose(hint.color, ab[rows, columns].mean(axis=(0, 1)), atol=1e-4)
    places = np.array([(hint.x, hint.y) for hint in hints])
    assert np.all(places.min(axis=0) < 20)  # anywhere
    assert np.all(places.max(axis=0) > 236)


def test_a_true_hint_comes_from_inside_the_photo():
    truth = paint(50, 30.0 * (np.arange(256) >= 250))
    photo = see(truth, truth)
    assert true_hint(photo, 255.5, 0).color[0] == pytest.approx(30, abs=0.5)
    assert true_hint(photo, 20, 300).color == pytest.approx((0, 0), abs=0.5)


def test_psnr_of_k_hints_by_hand(photos):
    truths = [photo_of(photos, name) for name in ("chelsea", "coffee")]
    seen = [see(truth, truth, index=i) for i, truth in enumerate(truths)]
    figure = measure_hints(bench_of(*seen))
    assert (figure.counts, figure.vibrance, figure.photos) == (COUNTS, 0.8, 2)
    expected = []
    for count in COUNTS:
        prediction = [photo.predict() for photo in seen]
        rgbs = [each.render(hints=[None] * count) for each in prediction]
        expected.append(np.mean([psnr(*pair) for pair in zip(rgbs, truths, strict=True)]))
    assert figure.psnr == pytest.approx(expected)


def test_diversity_by_hand():
    truth = paint(60, 10)
    looks = [paint(60, 10.0 * index) for index in range(8)]  # 84 / 28 steps apart on average
    figure = measure_diversity(bench_of(see(truth, paint(60), looks=looks)))
    assert figure.ab == pytest.approx(30, abs=0.5)
    assert figure.automatic == pytest.approx(psnr(paint(60), truth))
    assert figure.best == np.inf  # the second is the truth
    looks[1] = looks[0]
    figure = measure_diversity(bench_of(see(truth, paint(60), looks=looks)))
    assert figure.gain == pytest.approx(0)


def test_uncertainty_correlates_with_error_by_rank():
    rows = np.arange(32 * 32, dtype=np.float32).reshape(32, 32)
    rows = np.random.default_rng(0).permutation(rows.ravel()).reshape(32, 32)
    fine = rows.repeat(8, axis=0).repeat(8, axis=1)
    assert correlate(fine, fine**3) == pytest.approx(1)
    assert correlate(-fine, fine) == pytest.approx(-1)
    # Means over the cells, whatever lies within them.
    noise = np.random.default_rng(1).permuted(np.tile([-9e3, 9e3], 128 * 256)).reshape(256, 256)
    flipped = noise * np.tile([[1, -1]], (256, 128))
    assert correlate((fine + flipped - flipped).astype(np.float32), fine) == pytest.approx(1)
    assert np.isnan(correlate(fine, fine * 0))


def test_uncertainty_and_suggested_hints_by_hand():
    # The error grows to the right, as the uncertainty does.
    truth = paint(60, np.linspace(0, 40, 256))
    photo = see(truth, paint(60))
    figure = measure_uncertainty(bench_of(photo))
    assert figure.correlation == pytest.approx(1, abs=0.01)
    prediction = photo.predict()
    assert figure.random == pytest.approx(psnr(prediction.render(hints=[0] * 5), truth))
    assert figure.suggested == pytest.approx(psnr(prediction.render(hints=[0] * 10), truth))
    calm = bench_of(photo, see(truth, truth))
    assert measure_uncertainty(calm).correlation == figure.correlation  # no error has no ranks


@pytest.mark.parametrize(
    ("folder", "label"), [("0", 0), ("999", 999), ("1000", None), ("cats", None), ("²", None)]
)
def test_labels_are_folders_named_by_class(folder, label):
    assert read_label(Path("photos") / folder / "photo.jpg") == label


def test_recovery_by_hand(photos, monkeypatch):
    truth = photo_of(photos, "chelsea")
    seen = [
        see(truth, desaturate(truth) if grey else truth, path=f"{label}/{grey}.jpg")
        for label, grey in (("3", 0), ("3", 0), ("3", 1), ("4", 0), ("none", 0))
    ]

    def classify(_, rgbs):  # knows class 3, and only in color
        return np.array([3 if np.ptp(rgb, axis=-1).any() else 5 for rgb in rgbs])

    monkeypatch.setattr("deepkoal.evaluation.figures.semantic_accuracy.classify", classify)
    monkeypatch.setattr(
        "deepkoal.evaluation.figures.semantic_accuracy.load_classifier", lambda: None
    )
    figure = measure_semantic_accuracy(bench_of(*seen))
    assert (figure.photos, figure.grey, figure.colored, figure.true) == (4, 0, 0.5, 0.75)
    assert figure.recovered == pytest.approx(2 / 3)
    figure = measure_semantic_accuracy(bench_of(*seen[3:]))
    assert "no difference" in figure.why


def test_the_classifier_knows_a_cat_and_a_cup(photos):
    rgbs = [photo_of(photos, name) for name in ("chelsea", "coffee", "rocket")]
    cat, *others = classify(load_classifier(), rgbs)
    assert cat in (281, 282, 285)  # tabby, tiger cat, Egyptian cat
    assert others == [967, 657]  # espresso, missile
