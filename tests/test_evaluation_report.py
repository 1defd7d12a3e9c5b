"""The page of pictures, and what else is drawn by matplotlib."""

import subprocess
import sys

import keras
import matplotlib
import numpy as np
import pytest
from known_photos import bench_of, colorizer_of, paint, photo_of, see

from deepkoal.evaluation import draw_report, measure
from deepkoal.evaluation.panels import BLUE, PICTURES, WIDTH
from deepkoal.guidance import Palette
from deepkoal.rendering.contact_sheets import draw_palettes, plot_figure, rasterize


@pytest.fixture(scope="module")
def bench(photos):
    truths = [photo_of(photos, name) for name in ("chelsea", "coffee")]
    still = colorizer_of(lambda l_norm: keras.ops.concatenate([l_norm * 0 + 0.05] * 2, axis=-1))
    looks = [paint(50, 10.0 * index) for index in range(8)]
    evaluated = [see(truth, still.colorize(truth), looks=looks) for truth in truths]
    return bench_of(*evaluated, colorizer=still)


def count_ink(picture, ink):
    wanted = [int(ink[start : start + 2], 16) for start in (1, 3, 5)]
    return np.count_nonzero(np.all(picture == wanted, axis=-1))


def test_page_draws_what_was_measured_and_no_more(bench):
    plain = draw_report(measure(bench, ["bleeding"]), bench)
    assert plain.dtype == np.uint8
    assert plain.shape[1:] == (WIDTH, 3)
    figures = ["hints", "robustness", "uncertainty", "diversity"]
    full = draw_report(measure(bench, figures), bench)
    assert len(full) > len(plain) + 2 * PICTURES  # a band of hints, a band of the others
    assert count_ink(plain, BLUE) == 0 < count_ink(full, BLUE)  # the charts


def test_page_shows_the_photos(bench):
    page = draw_report(measure(bench, ["bleeding"]), bench).astype(int)
    # Of each photo a place of even color is found again, as it was colored and as it is.
    for rgb in [rgb for photo in bench.photos.photos[:2] for rgb in (photo.colored, photo.truth)]:
        color = rgb.reshape(16, 16, 16, 16, 3).mean(axis=(1, 3)).reshape(-1, 3)
        color = color[np.argmax(np.ptp(color, axis=-1))]
        assert np.abs(page - color).max(axis=-1).min() < 6


def test_page_is_the_same_to_the_last_bit_whatever_the_users_settings(bench):
    card = measure(bench, ["robustness"])
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "figure.dpi": 50}):
        styled = draw_report(card, bench)
    np.testing.assert_array_equal(styled, draw_report(card, bench))


def test_page_takes_a_single_photo(bench):
    single = bench_of(bench.photos.photos[0], colorizer=bench.colorizer)
    page = draw_report(measure(single, ["diversity", "uncertainty"]), single)
    assert page.shape[1] == WIDTH


def test_a_figure_is_as_large_as_it_is_asked_for():
    with plot_figure(333, 77) as figure:
        assert rasterize(figure).shape == (77, 333, 3)


def test_palettes_are_drawn_alike_whatever_the_users_settings():
    palettes = [Palette.from_colors(["#2e8b45"])]
    with matplotlib.rc_context({"lines.antialiased": False, "font.size": 30}):
        styled = draw_palettes(palettes)
    np.testing.assert_array_equal(styled, draw_palettes(palettes))


def test_matplotlib_is_imported_only_where_it_draws():
    program = (
        "import sys, deepkoal.evaluation.report, deepkoal.cli.commands.presets; "
        "sys.exit('matplotlib' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
