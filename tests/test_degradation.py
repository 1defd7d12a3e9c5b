"""Ageing: each fault against a known value, and the layer that draws them."""

import cv2
import keras
import numpy as np
import pytest
from jax_forks import Job
from keras import ops

from deepkoal.data.degradation import (
    CHANCE,
    CLUMPS_SPREAD,
    WIDEST_BORDER,
    DegradeLightness,
    blur,
    compress,
    fade,
    frame,
    shrink,
)

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def photo(photos):
    """Lightness of a photo in 0…100, (1, 128, 160, 1), in steps of one of 255 levels."""
    grey = cv2.cvtColor(photos["coffee"][40:168, 200:360], cv2.COLOR_RGB2GRAY)
    return grey.astype("float32")[None, ..., None] / 2.55


def plain(level, size=16):
    return np.full((1, size, size, 1), level, "float32")


def factor(number):
    return np.full((1, 1, 1, 1), number, "float32")


def to_numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


# --- the faults --------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.5])
def test_blur_is_opencvs_gaussian(photo, sigma):
    side = 2 * int(np.ceil(2 * sigma)) + 1
    expected = cv2.GaussianBlur(
        photo[0, ..., 0], (side, side), sigma, borderType=cv2.BORDER_REFLECT_101
    )
    blurred = to_numpy(blur(photo, sigma))
    np.testing.assert_allclose(blurred[0, ..., 0], expected, atol=1e-3)
    assert blurred.mean() == pytest.approx(photo.mean(), rel=5e-3)


def test_blurred_noise_has_the_stated_spread():
    noise = np.random.default_rng(0).normal(size=(1, 256, 256, 1)).astype("float32")
    assert to_numpy(blur(noise, 0.7)).std() == pytest.approx(CLUMPS_SPREAD, rel=0.02)


def test_shrinking_averages_and_enlarges(photo):
    shrunk = to_numpy(shrink(photo, 2))
    small = photo[0, ..., 0].reshape(64, 2, 80, 2).mean(axis=(1, 3))
    expected = cv2.resize(small, (160, 128), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(shrunk[0, ..., 0], expected, atol=1e-3)


@pytest.mark.parametrize(("quality", "coarseness"), [(50, 1.0), (25, 2.0), (10, 5.0)])
def test_compression_is_that_of_a_jpeg_file(photo, quality, coarseness):
    grey = np.rint(photo[0, ..., 0] * 2.55).astype("uint8")
    _, file = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
    expected = cv2.imdecode(file, cv2.IMREAD_GRAYSCALE).astype(float)
    levels = to_numpy(compress(photo, factor(coarseness)))[0, ..., 0] * 2.55
    difference = np.abs(np.clip(levels, 0, 255) - expected)
    # A coefficient halfway between two steps may go either way; a file holds whole levels.
    assert difference.mean() < 0.35
    assert np.mean(difference > 1) < 0.05
    assert np.abs(levels - grey).mean() > 5 * difference.mean()


def test_each_photo_is_compressed_as_coarsely_as_it_is_told(photo):
    pair = np.concatenate([photo, photo])
    fine, coarse = to_numpy(compress(pair, np.array([0.1, 5], "float32").reshape(2, 1, 1, 1)))
    assert np.abs(fine - photo[0]).mean() < 0.5
    assert np.abs(coarse - photo[0]).mean() > 1.5


def test_fading_goes_from_black_to_white_along_its_curve():
    l = np.array([0, 25, 100], "float32").reshape(1, 1, 3, 1)
    faded = to_numpy(fade(l, factor(10.0), factor(90.0), factor(0.5))).ravel()
    assert faded == pytest.approx([10 + 80 * 1e-2, 50, 90])  # 25 % to the power of 1/2 is half
    unchanged = to_numpy(fade(l, factor(0.0), factor(100.0), factor(1.0)))
    np.testing.assert_allclose(unchanged, l, atol=0.02)


def test_a_frame_covers_its_share_of_each_side():
    widths = np.array([[0.25, 0, 0.5, 0], [0, 0.125, 0, 0.25]], "float32")
    framed = to_numpy(frame(np.concatenate([plain(40)] * 2), widths, factor(92.0)))[..., 0]
    expected = np.full((2, 16, 16), 40.0)
    expected[0, :4] = expected[0, :, :8] = 92
    expected[1, 14:] = expected[1, :, 12:] = 92
    np.testing.assert_array_equal(framed, expected)


# --- the layer ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def batch(photo):
    """64 photos: crops of one."""
    corners = [(top, left) for top in range(0, 64, 8) for left in range(0, 64, 8)]
    return np.concatenate([photo[:, top : top + 64, left : left + 64] for top, left in corners])


def changed(aged, batch):
    return np.abs(to_numpy(aged) - batch).max(axis=(1, 2, 3)) > 1e-3


def test_share_zero_changes_nothing(batch):
    np.testing.assert_array_equal(to_numpy(DegradeLightness(0.0)(batch)), batch)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_share_of_photos_is_aged(batch, share):
    aged = DegradeLightness(share)(batch)
    # Of seven faults, each comes to a photo by itself.
    expected = share * (1 - (1 - CHANCE) ** 7)
    assert changed(aged, batch).mean() == pytest.approx(expected, abs=0.15)


def test_aged_photos_stay_in_range_and_shape(batch):
    extremes = np.concatenate([batch[:16], np.zeros_like(batch[:16]), 0 * batch[:16] + 100])
    aged = to_numpy(DegradeLightness(1.0)(extremes))
    assert (aged.shape, aged.dtype) == (extremes.shape, np.float32)
    assert aged.min() >= 0
    assert aged.max() <= 100
    assert np.isfinite(aged).all()


def test_what_ages_still_shows_the_photo(batch):
    inner = slice(int(np.ceil(64 * WIDEST_BORDER)), -int(np.ceil(64 * WIDEST_BORDER)))
    aged = to_numpy(DegradeLightness(1.0)(batch))[:, inner, inner].reshape(64, -1)
    true = batch[:, inner, inner].reshape(64, -1)
    alike = [np.corrcoef(a, b)[0, 1] for a, b in zip(aged, true, strict=True)]
    assert np.median(alike) > 0.95


def test_the_seed_decides_and_each_batch_is_another(batch):
    layer, same, other = DegradeLightness(1.0, 3), DegradeLightness(1.0, 3), DegradeLightness(1.0)
    first = to_numpy(layer(batch))
    np.testing.assert_array_equal(first, to_numpy(same(batch)))
    for aged in (layer(batch), other(batch)):
        assert np.abs(to_numpy(aged) - first).max() > 10


def build_around(share):
    l = keras.Input((None, None, 1))
    return keras.Model(l, DegradeLightness(share, 5, name="degrade")(l))


def test_the_layer_is_rebuilt_from_its_configuration():
    layer = keras.Model.from_config(build_around(0.25).get_config()).get_layer("degrade")
    assert (layer.share, layer.seed) == (0.25, 5)


def test_jax_ages_alike(photo, jax_forks, tmp_path):
    code = """
import sys, keras, numpy as np
from deepkoal.data.degradation import DegradeLightness, blur, compress, fade, shrink
assert keras.backend.backend() == "jax"
photo = np.load(sys.argv[1])
tell = lambda number: np.full((1, 1, 1, 1), number, "float32")
compressed = compress(fade(photo, tell(9), tell(88), tell(1.4)), tell(2))
np.save(sys.argv[1], shrink(blur(compressed, 1.0), 2))
l = keras.Input((32, 32, 1))
model = keras.Model(l, DegradeLightness(1.0)(l))
batch = np.concatenate([photo[:, :32, :32]] * 8)
once, again = (np.asarray(model.predict(batch, verbose=0)) for _ in range(2))
assert once.min() >= 0 and once.max() <= 100 and np.abs(once - batch).max() > 5
assert np.abs(once - again).max() > 5, "each batch draws anew, in a compiled function too"
"""
    path = tmp_path / "photo.npy"
    np.save(path, photo)
    ((status, _, err),) = jax_forks.run(Job(code, (path,)))
    assert status == 0, err
    expected = compress(fade(photo, factor(9.0), factor(88.0), factor(1.4)), factor(2.0))
    difference = np.abs(np.load(path) - to_numpy(shrink(blur(expected, 1.0), 2)))
    # A coefficient halfway between two steps may be rounded to either.
    assert np.quantile(difference, 0.99) < 1e-3
    assert difference.max() < 3
