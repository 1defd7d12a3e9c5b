"""What old films record of colors, against colorimetry and by the layer that draws them."""

import keras
import numpy as np
import pytest
from known_photos import bench_of, colorizer_of, photo_of, see
from tiny_networks import tiny_lite

from deepkoal.color import FILMS, RGB_TO_XYZ, film_lightness, rgb_to_lab
from deepkoal.data import FilmLightness
from deepkoal.evaluation.figures.film import measure_film, record
from deepkoal.evaluation.metrics import rgb_to_ab
from deepkoal.guidance import DecodingConfig
from deepkoal.training import ColorizationTask

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ORTHOCHROMATIC = np.array(FILMS["orthochromatic film"], np.float32)


@pytest.fixture(scope="module")
def batch(photos):
    parts = [photos[name][:64, :64] for name in ("astronaut", "chelsea", "coffee")]
    return np.stack(parts).astype(np.float32) / 255


def test_with_the_shares_of_luminance_it_is_lightness(batch):
    shares = np.broadcast_to(RGB_TO_XYZ[1].astype(np.float32), (3, 3))
    l = film_lightness(batch, shares)
    np.testing.assert_allclose(l, rgb_to_lab(batch)[..., :1], atol=2e-3)


@pytest.mark.parametrize("name", list(FILMS))
def test_reds_darken_blues_lighten_and_greys_stay(name):
    reds, blues, greys = [0.8, 0.2, 0.2], [0.2, 0.3, 0.8], [0.5, 0.5, 0.5]
    rgb = np.array([[reds, blues, greys]], np.float32)
    shares = np.array(FILMS[name], np.float32)
    assert shares.sum() == pytest.approx(1)
    l, true = film_lightness(rgb, shares)[0, :, 0], rgb_to_lab(rgb)[0, :, 0]
    exposure = l[2] - true[2]
    assert l[0] - true[0] < exposure - 10
    assert l[1] - true[1] > exposure + 10
    grey = np.full((4, 4, 3), 0.4, np.float32)
    np.testing.assert_allclose(film_lightness(grey, shares), rgb_to_lab(grey)[..., :1], atol=1e-3)


def test_a_black_photo_stays_black():
    black = np.zeros((1, 4, 4, 3), np.float32)
    np.testing.assert_allclose(film_lightness(black, ORTHOCHROMATIC[None]), 0, atol=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_the_photos_is_recorded_by_films(batch, share):
    many = np.tile(batch[:, :16, :16], (40, 1, 1, 1))
    l = np.asarray(keras.ops.convert_to_numpy(FilmLightness(share, seed=1)(many)))
    assert l.shape == (120, 16, 16, 1)
    assert l.min() >= 0
    assert l.max() <= 100
    true = rgb_to_lab(many)[..., :1]
    changed = np.abs(l - true).max(axis=(1, 2, 3)) > 0.1
    assert changed.mean() == pytest.approx(share, abs=0.13)
    again = np.asarray(keras.ops.convert_to_numpy(FilmLightness(share, seed=1)(many)))
    np.testing.assert_array_equal(l, again)


def test_training_sees_the_film_and_learns_the_true_colors(batch):
    rgb = (batch * 255).astype(np.uint8)
    task = ColorizationTask(tiny_lite(), [], DecodingConfig(), film=FilmLightness(1.0))
    seen = []
    task.trunk = lambda l_norm, training=None: seen.append(l_norm) or {}
    outputs = [task({"rgb": rgb}, training=training) for training in (True, False)]
    assert np.abs(seen[0] - seen[1]).max() > 0.1
    for name in ("true_l", "true_ab"):
        np.testing.assert_array_equal(outputs[0][name], outputs[1][name])


def test_the_figure_holds_errors_on_film_against_those_on_true_lightness(photos):
    truth = photo_of(photos, "coffee")
    firm = colorizer_of(lambda l_norm: keras.ops.concatenate([l_norm * 0 + 0.05] * 2, axis=-1))
    seen = see(truth, firm.colorize(truth))
    figure = measure_film(bench_of(seen, colorizer=firm))
    assert list(figure.ratios) == list(FILMS)
    assert list(figure.ratios.values()) == pytest.approx([1] * 2, abs=0.05)  # gamut and rounding
    # By hand where colors follow lightness.
    loose = colorizer_of(lambda l_norm: keras.ops.concatenate([l_norm / 2] * 2, axis=-1))
    seen = see(truth, loose.colorize(truth))
    figure = measure_film(bench_of(seen, colorizer=loose))
    grey = record(seen, FILMS["orthochromatic film"])
    expected = film_lightness(truth.astype(np.float32) / 255, ORTHOCHROMATIC)[..., 0]
    assert np.abs(rgb_to_lab(grey / 255)[..., 0] - expected).max() < 0.5
    off = [
        np.linalg.norm(rgb_to_ab(rgb) - rgb_to_ab(truth), axis=-1).mean()
        for rgb in (loose.colorize(grey), seen.colored)
    ]
    assert figure.ratios["orthochromatic film"] == pytest.approx(off[0] / off[1], rel=1e-3)
