"""Color science against published values, scikit-image, and hand-computed examples."""

import hashlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import skimage.color
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deepkoal.color import (
    ab_bins,
    clip_to_gamut,
    colorfulness,
    decode_ab,
    denormalize_ab,
    denormalize_l,
    encode_ab,
    in_gamut,
    lab_to_linear,
    lab_to_rgb,
    linear_to_lab,
    linear_to_srgb,
    normalize_ab,
    normalize_l,
    rgb_to_lab,
    srgb_to_linear,
)
from deepkoal.evaluation import metrics

# http://www.brucelindbloom.com/index.html?ColorCalculator.html, sRGB, D65
LINDBLOOM = {
    "black": ((0, 0, 0), (0, 0, 0)),
    "white": ((1, 1, 1), (100, 0, 0)),
    "red": ((1, 0, 0), (53.2408, 80.0925, 67.2032)),
    "green": ((0, 1, 0), (87.7347, -86.1827, 83.1793)),
    "blue": ((0, 0, 1), (32.2970, 79.1875, -107.8602)),
}


def in_numpy(function, *args, **settings):
    return function(*[np.asarray(arg, "float32") for arg in args], **settings)


def floats(low, high, shape):
    return arrays(np.float32, shape, elements=st.floats(low, high, width=32))


def random_lab(count, ab_limit=110.0, seed=0):
    generator = np.random.default_rng(seed)
    l = generator.uniform(0, 100, (count, 1))
    ab = generator.uniform(-ab_limit, ab_limit, (count, 2))
    return np.concatenate([l, ab], axis=1).astype("float32")


# --- sRGB and Lab ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LINDBLOOM)
def test_lab_is_lindblooms(name):
    rgb, lab = LINDBLOOM[name]
    np.testing.assert_allclose(in_numpy(rgb_to_lab, rgb), lab, atol=2e-4)


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_lab_is_skimages_both_ways(photos, name):
    rgb = photos[name][::3, ::3] / 255
    lab = skimage.color.rgb2lab(rgb)
    # scikit-image's matrix has four digits less.
    np.testing.assert_allclose(in_numpy(rgb_to_lab, rgb), lab, atol=0.01)
    back = skimage.color.lab2rgb(lab)
    np.testing.assert_allclose(in_numpy(lab_to_rgb, lab), back, atol=2e-4)


@settings(max_examples=30)
@given(floats(0, 1, (50, 3)))
def test_rgb_returns_from_lab(rgb):
    np.testing.assert_allclose(in_numpy(lab_to_rgb, in_numpy(rgb_to_lab, rgb)), rgb, atol=2e-5)


@settings(max_examples=30)
@given(floats(0, 100, (50, 1)), floats(-110, 110, (50, 2)))
def test_lab_returns_from_rgb_outside_the_gamut_too(l, ab):
    lab = np.concatenate([l, ab], axis=1)
    np.testing.assert_allclose(in_numpy(rgb_to_lab, in_numpy(lab_to_rgb, lab)), lab, atol=5e-3)


def test_greys_have_no_chroma():
    grey = np.repeat(np.linspace(0, 1, 256, dtype="float32")[:, None], 3, axis=1)
    np.testing.assert_allclose(in_numpy(rgb_to_lab, grey)[:, 1:], 0, atol=1e-4)


@settings(max_examples=30)
@given(floats(0, 100, (20,)), floats(-110, 110, (20, 2)))
def test_network_units_and_back(l, ab):
    l_norm, ab_norm = normalize_l(l), normalize_ab(ab)
    assert np.abs(l_norm).max() <= 1
    assert np.abs(ab_norm).max() <= 1
    np.testing.assert_allclose(denormalize_l(l_norm), l, atol=1e-5)
    np.testing.assert_allclose(denormalize_ab(ab_norm), ab, atol=2e-5)


def test_network_units_by_hand():
    assert [normalize_l(l) for l in (0, 25, 100)] == [-1, -0.5, 1]
    assert [normalize_ab(ab) for ab in (-110, 0, 55)] == [-1, 0, 0.5]


# --- NumPy and tensors -------------------------------------------------------------------------


# Each function with what it takes and the size of what it returns.
def decode_sharply(logits):
    return decode_ab(logits, 0.38)


FUNCTIONS = {
    srgb_to_linear: (np.linspace(-0.1, 1.1, 999), 1),
    linear_to_srgb: (np.linspace(-0.1, 1.1, 999), 1),
    linear_to_lab: (np.random.default_rng(0).uniform(0, 1, (999, 3)), 100),
    lab_to_linear: (random_lab(999), 1),
    rgb_to_lab: (np.random.default_rng(0).uniform(0, 1, (999, 3)), 100),
    lab_to_rgb: (random_lab(999), 1),
    in_gamut: (random_lab(999), 1),
    clip_to_gamut: (random_lab(999), 100),
    encode_ab: (random_lab(999)[:, 1:], 1),
    decode_sharply: (np.random.default_rng(0).normal(0, 3, (99, 227)), 100),
    colorfulness: (np.random.default_rng(0).integers(0, 256, (2, 9, 9, 3)), 100),
}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_tensors_are_answered_as_numpy_is(function):
    given, scale = FUNCTIONS[function]
    expected = in_numpy(function, given)
    answered = function(keras.ops.convert_to_tensor(given, dtype="float32"))
    assert keras.ops.is_tensor(answered)
    np.testing.assert_allclose(answered, expected, atol=1e-5 * scale)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_keeps_its_precision(function, dtype):
    answered = function(np.asarray(FUNCTIONS[function][0], dtype))
    assert isinstance(answered, np.ndarray)
    kept = {in_gamut: "bool", colorfulness: "float32"}.get(function, dtype)
    assert answered.dtype == kept


def test_numpy_needs_no_backend():
    code = (
        "import sys; import numpy as np; from deepkoal import color; "
        "color.decode_ab(color.encode_ab(color.rgb_to_lab(np.ones((2, 3), 'float32'))[:, 1:]), 1); "
        "assert not {'keras', 'tensorflow', 'jax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# --- gradients ---------------------------------------------------------------------------------


def gradient(function, *args):
    args = [tf.constant(np.asarray(arg, "float32")) for arg in args]
    with tf.GradientTape() as tape:
        tape.watch(args)
        total = tf.reduce_sum(function(*args))
    return [g.numpy() for g in tape.gradient(total, args)]


# The ends, both sides of the two formulas' seams, and colors of one channel only.
EDGES = np.array(
    np.meshgrid(*[[0, 1e-8, 0.04044, 0.04045, 0.04046, 0.5, 1]] * 3), "float32"
).T.reshape(-1, 3)


@pytest.mark.parametrize(
    ("function", "points"),
    [
        (rgb_to_lab, EDGES),
        (lab_to_rgb, in_numpy(rgb_to_lab, EDGES)),
        (lab_to_rgb, random_lab(500)),
        (clip_to_gamut, random_lab(500)),
        (clip_to_gamut, [[0, 0, 0], [0, 40, 40], [100, 0, 0], [100, -40, 40], [50, 0, 0]]),
        (encode_ab, random_lab(50)[:, 1:]),
        (lambda ab: tf.square(encode_ab(ab)), [[0, 0], [5, 5], [200, -200]]),
        (decode_sharply, np.random.default_rng(0).normal(0, 30, (50, 227))),
    ],
)
def test_gradients_are_finite(function, points):
    assert np.isfinite(gradient(function, points)).all()


def test_gradient_at_black_by_hand():
    # L = κ·Y and Y = c / 12.92 for a grey c near 0.
    (slope,) = gradient(lambda rgb: rgb_to_lab(rgb)[..., 0], [[0, 0, 0]])
    assert slope.sum() == pytest.approx(24389 / 27 / 12.92, rel=1e-4)


# --- gamut -------------------------------------------------------------------------------------


def test_in_gamut_is_what_rgb_shows():
    lab = random_lab(20000)
    rgb = in_numpy(lab_to_rgb, lab)
    outside = np.maximum(-rgb, rgb - 1).max(axis=1)
    clear = np.abs(outside) > 0.005  # the tolerance, as gamma stretches it near black
    shown = in_numpy(in_gamut, lab)
    np.testing.assert_array_equal(shown[clear], outside[clear] < 0)
    assert 0.1 < shown.mean() < 0.9


@pytest.mark.parametrize("l", [None, 0.0, 1e-5, 1.0, 50.0, 99.99999, 100.0])
def test_clipping_keeps_lightness_and_ends_in_the_gamut(l):
    lab = random_lab(50000)
    if l is not None:
        lab[:, 0] = l
    clipped = in_numpy(clip_to_gamut, lab)
    np.testing.assert_allclose(clipped[:, 0], lab[:, 0], atol=1e-4)
    linear = in_numpy(lab_to_linear, clipped)
    assert linear.min() > -1e-5
    assert linear.max() < 1 + 1e-5


def test_clipping_gives_up_no_more_chroma_than_it_must():
    lab = random_lab(5000)
    lab = lab[~in_numpy(in_gamut, lab)]
    linear = in_numpy(lab_to_linear, in_numpy(clip_to_gamut, lab))
    # On the gamut's surface some channel is exactly full or off.
    slack = np.minimum(linear, 1 - linear).min(axis=1)
    np.testing.assert_allclose(slack, 0, atol=1e-5)


def test_clipping_leaves_colors_in_the_gamut_untouched(photos):
    lab = in_numpy(rgb_to_lab, photos["astronaut"][::4, ::4] / 255 * 0.98 + 0.01)
    np.testing.assert_array_equal(in_numpy(clip_to_gamut, lab), lab)


def test_a_grey_beyond_white_by_rounding_does_not_run_wild():
    lab = random_lab(200000)
    for l in (100.00002, -2e-5):  # as white and black may come out of `rgb_to_lab`
        lab[:, 0] = l
        assert np.abs(in_numpy(clip_to_gamut, lab)[:, 1:]).max() < 0.1


# --- bins --------------------------------------------------------------------------------------


def test_bins_are_those_the_gamut_reaches():
    bins = ab_bins()
    assert bins.shape == (227, 2)
    assert bins.dtype == np.float32
    np.testing.assert_array_equal(bins % 10, 0)
    keys = [tuple(ab) for ab in bins.tolist()]
    assert keys == sorted(set(keys))
    axis = np.arange(-120, 121, 10)
    l, a, b = np.meshgrid(np.arange(0.5, 100, 0.5), axis, axis, indexing="ij")
    shown = in_numpy(in_gamut, np.stack([l, a, b], axis=-1)).any(axis=0)
    assert keys == [(axis[i], axis[j]) for i, j in np.argwhere(shown)]


def test_bins_keep_the_order_that_shipped_weights_rely_on():
    digest = hashlib.sha256(ab_bins().tobytes()).hexdigest()
    assert digest.startswith("9ba5a5e68cce")


def test_bins_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        ab_bins()[0] = 0


def test_bins_are_found_while_a_function_is_compiled():
    ab_bins.cache_clear()
    compiled = tf.function(lambda ab: encode_ab(ab))
    np.testing.assert_allclose(compiled(tf.zeros((1, 2))), in_numpy(encode_ab, [[0, 0]]), atol=1e-6)


def bin_index(a, b):
    return int(np.flatnonzero((ab_bins() == (a, b)).all(axis=1))[0])


def test_encoding_by_hand():
    # The bin itself and four at distance 10: exp(−100 / 2·5²) = e⁻² each.
    encoded = in_numpy(encode_ab, [0, 0])
    expected = np.zeros(227)
    expected[bin_index(0, 0)] = 1
    for a, b in ((10, 0), (-10, 0), (0, 10), (0, -10)):
        expected[bin_index(a, b)] = np.exp(-2)
    np.testing.assert_allclose(encoded, expected / expected.sum(), atol=1e-6)


def test_encoding_shares_among_ties():
    # Four bins at squared distance 50, and the fifth nearest is one of eight at 250.
    encoded = in_numpy(encode_ab, [5, 5])
    near = [bin_index(a, b) for a in (0, 10) for b in (0, 10)]
    total = 4 * np.exp(-1) + 8 * np.exp(-5)
    np.testing.assert_allclose(encoded[near], np.exp(-1) / total, rtol=1e-5)
    assert np.count_nonzero(encoded) == 12


def test_encoding_is_on_the_five_nearest_bins():
    ab = random_lab(300)[:, 1:]
    encoded = in_numpy(encode_ab, ab)
    np.testing.assert_allclose(encoded.sum(axis=1), 1, atol=1e-5)
    assert encoded.min() >= 0
    distance = np.linalg.norm(ab[:, None] - ab_bins(), axis=-1)
    nearest = np.argsort(distance, axis=1)[:, :5]
    held = np.take_along_axis(encoded, nearest, axis=1).sum(axis=1)
    np.testing.assert_allclose(held, 1, atol=1e-5)
    np.testing.assert_array_equal(encoded.argmax(axis=1), nearest[:, 0])


def test_decoding_a_narrow_distribution_returns_its_color():
    ab = np.array([[0, 0], [50, 30], [-40, 50], [30, -60]], "float32")
    encoded = in_numpy(encode_ab, ab)
    np.testing.assert_allclose(
        in_numpy(decode_ab, np.log(encoded + 1e-12), temperature=0.1), ab, atol=0.1
    )


def test_decoding_two_colors_goes_from_mean_to_mode():
    logits = np.full(227, -1e9)
    logits[bin_index(60, 40)], logits[bin_index(-40, 40)] = np.log(0.75), np.log(0.25)
    a, b = in_numpy(decode_ab, logits, temperature=1.0)
    assert a == pytest.approx(0.75 * 60 - 0.25 * 40, abs=1e-3)
    assert b == pytest.approx(40, abs=1e-3)
    # At temperature 0.5 the shares are squared: 9 to 1.
    assert in_numpy(decode_ab, logits, temperature=0.5)[0] == pytest.approx(50, abs=1e-3)
    assert in_numpy(decode_ab, logits, temperature=0.05)[0] == pytest.approx(60, abs=1e-3)


# --- colorfulness ------------------------------------------------------------------------------


def test_colorfulness_by_hand():
    # Half red, half green: rg = ±255, spread 255; yb = 127.5 everywhere.
    halves = np.zeros((2, 4, 4, 3), np.uint8)
    halves[0, :, :2, 0] = halves[0, :, 2:, 1] = 255
    halves[1] = 90
    np.testing.assert_allclose(colorfulness(halves), [255 + 0.3 * 127.5, 0], rtol=1e-6)


def test_colorfulness_is_the_protocols(photos):
    for photo in photos.values():
        assert float(colorfulness(photo)) == pytest.approx(metrics.colorfulness(photo), rel=1e-4)
