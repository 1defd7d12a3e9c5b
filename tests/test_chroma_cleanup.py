"""Post-processing: blotches give way to their surroundings, casts go, what is certain stays."""

import keras
import numpy as np
import pytest
from skimage import data

from deepkoal.chroma_cleanup.doubted_colors import (
    CALM,
    brown_reds,
    calm_skin,
    fade_blacks,
    fade_purples,
    warm_pinks,
)
from deepkoal.chroma_cleanup.smoothing import domain_transform, non_local_means
from deepkoal.chroma_cleanup.steps import MOST_CAST, cleanup, grey_world, shrink_chroma
from deepkoal.inference.colorizer import Colorizer

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIDE = 8
ONES = np.ones((SIDE, SIDE), "float32")


def wall_with_a_blotch():
    """A green wall of one kind, one place of it red, beside a blue thing of another kind."""
    features = np.zeros((SIDE, SIDE, 2), "float32")
    features[..., 0] = 1
    features[:, 6:] = [0, 1]
    ab = np.tile(np.array([-20, 20], "float32"), (SIDE, SIDE, 1))
    ab[:, 6:] = [0, -40]
    ab[3, 3] = [60, 30]
    return ab, features, 50 * ONES


def test_a_doubtful_blotch_takes_the_color_of_the_wall_it_is_on():
    ab, features, l = wall_with_a_blotch()
    evened = non_local_means(ab, features, l, ONES)
    assert np.linalg.norm(evened[3, 3] - ab[0, 0]) < 8
    assert np.linalg.norm(evened[0, 0] - ab[0, 0]) < 8
    np.testing.assert_allclose(evened[0, 7], ab[0, 7], atol=0.1)


def test_a_halo_spreads_over_its_wall_and_does_not_cross_an_edge():
    l = np.tile(np.repeat(np.array([70, 30], "float32"), [12, 4]), (16, 1))
    ab = np.zeros((16, 16, 2), "float32")
    ab[:, 12:] = [15, 20]  # a dark head, and beside it
    ab[4:12, 10:12] = [9, 12]  # its light wall
    ones = np.ones_like(l)
    evened = domain_transform(ab, l, ones)
    assert np.linalg.norm(evened[8, 11]) < 0.35 * 15
    np.testing.assert_allclose(evened[:, 12:], ab[:, 12:], atol=0.6)
    np.testing.assert_array_equal(domain_transform(ab, l, 0 * ones), ab)
    turned = domain_transform(np.swapaxes(ab, 0, 1), l.T, ones)
    np.testing.assert_allclose(turned, np.swapaxes(evened, 0, 1), atol=0.7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [(1, 600), (600, 1), (2, 300), (1, 1), (1, 8), (40, 30)])
def test_grids_of_any_shape_keep_their_precision(size, dtype):
    draw = np.random.default_rng(0).normal
    ab, features = (draw(0, 20, (*size, depth)).astype(dtype) for depth in (2, 3))
    l, doubt = (draw(50, 9, size).astype(dtype), np.full(size, 0.5, dtype))
    cleaned = cleanup(ab, features, l, doubt)
    assert cleaned.dtype == dtype
    assert np.isfinite(cleaned).all()


def test_what_the_network_is_sure_of_is_left_alone():
    ab, features, l = wall_with_a_blotch()  # darker, since light orange is calmed however sure
    np.testing.assert_allclose(cleanup(ab, features, 0.7 * l, 0 * ONES), ab, rtol=1e-6)


def test_a_cast_over_pale_things_is_balanced_and_a_blue_sea_stays_blue():
    noise = np.random.default_rng(0).normal(0, 2, (SIDE, SIDE, 2))
    cast = (np.array([4, 8]) + noise).astype("float32")
    assert np.abs(grey_world(cast, ONES).mean((0, 1))).max() < 0.3 * 8
    sea = np.tile(np.array([-5, -60], "float32"), (SIDE, SIDE, 1))
    assert np.linalg.norm(grey_world(sea, MOST_CAST * ONES) - sea, axis=-1).max() < 0.25 * 60


@pytest.mark.parametrize("doubt", [2 / 3, 1])
def test_what_is_much_doubted_gives_up_half_of_its_cast_and_no_more(doubt):
    ab = np.tile(np.array([6, 12], "float32"), (SIDE, SIDE, 1))
    features = np.ones((SIDE, SIDE, 1), "float32")
    cleaned = cleanup(ab, features, 50 * ONES, np.float32(doubt) * ONES)
    left = cleaned @ np.array([6, 12]) / 180
    assert (left > 0.4).all()  # muted as it is, 0.46 by the formula; what goes too far is blue
    assert (left < 0.52).all()


def test_faint_tints_vanish_and_colors_stay():
    ab = np.array([[[0, 0], [0.5, 0], [1, 0], [0, 30]]], "float32")
    faded = shrink_chroma(ab, np.ones((1, 4), "float32"))
    np.testing.assert_allclose(faded, [[[0, 0], [0.1, 0], [0.5, 0], [0, 29.967]]], atol=1e-3)


def test_doubted_blacks_lose_their_color_and_lighter_or_certain_things_do_not():
    purple = np.tile(np.array([12, -9], "float32"), (1, 4, 1))
    l = np.array([[0, 5, 15, 30]], "float32")
    kept = np.linalg.norm(fade_blacks(purple, l, np.ones_like(l)), axis=-1)[0] / 15
    assert (np.diff(kept) > 0).all()
    np.testing.assert_allclose(kept[[0, 1, 3]], [0.055, 0.198, 1], atol=1e-3)
    np.testing.assert_array_equal(fade_blacks(purple, l, np.zeros_like(l)), purple)
    ab, features, light = wall_with_a_blotch()
    dark, shown = (cleanup(ab, features, each, ONES) for each in (0.1 * light, light))
    np.testing.assert_allclose(dark, 0.198 * shown, atol=0.2)  # of less chroma, more is faint


def test_doubted_mauve_turns_slate_and_skin_leaves_sky_or_vivid_purple_stay():
    colors = {"mauve": (8, -5), "wine": (12, 3), "skin": (9, 13), "leaves": (-12, 20)}
    colors |= {"sky": (-4, -15), "purple": (45, -25)}
    ab = np.array([list(colors.values())], "float32")
    ones = np.ones((1, len(colors)), "float32")
    faded = dict(zip(colors, fade_purples(ab, ones)[0], strict=True))
    a, b = faded["mauve"]
    assert 0 <= a < 1  # nearly all of the red
    assert -4.5 < b < -3.3  # and little of the blue
    assert 0.3 * 12 < faded["wine"][0] < 0.9 * 12
    for name in ("skin", "leaves", "sky", "purple"):
        np.testing.assert_allclose(faded[name], colors[name], atol=0.25, err_msg=name)
    np.testing.assert_array_equal(fade_purples(ab, 0 * ones), ab)


def test_doubted_pinks_turn_red_and_other_hues_or_faint_tints_stay():
    ab = np.array([[[20, 2], [7, 0], [-12, 20], [-4, -15], [2, 20]]], "float32")
    ones = np.ones(ab.shape[:2], "float32")
    warmed = warm_pinks(ab, ones)
    np.testing.assert_allclose(warmed[0, 0], [20, 2 + 0.45 * np.hypot(20, 2)], atol=0.1)
    np.testing.assert_allclose(warmed[0, 1:], ab[0, 1:], atol=0.01)
    np.testing.assert_array_equal(warm_pinks(ab, 0 * ones), ab)


def test_guessed_reds_turn_brown_and_what_is_sure_or_of_another_hue_stays():
    ab = np.array([[[38.6, 10.4], [-12, 20], [-4, -15], [2, 20]]], "float32")
    ones = np.ones(ab.shape[:2], "float32")
    browned = brown_reds(ab, ones)
    np.testing.assert_allclose(browned[0, 0], [0.6 * 38.6, 0.8 * 10.4], atol=0.1)
    np.testing.assert_allclose(browned[0, 1:], ab[0, 1:], atol=0.01)
    np.testing.assert_array_equal(brown_reds(ab, 0 * ones), ab)


def test_orange_cheeks_are_calmed_and_natural_or_dark_or_doubted_ones_stay():
    cheek = np.array([30, 30], "float32")  # a chroma of 42.4, of which CALM is kept
    ab = np.stack([cheek, 0.4 * cheek, cheek * [-1, 1], cheek, cheek])[None].astype("float32")
    l = np.array([[70, 70, 70, 30, 70]], "float32")
    doubt = np.array([[0.5, 0.5, 0.5, 0.5, 0.9]], "float32")
    calmed = calm_skin(ab, l, doubt, 1.0)
    chroma = np.linalg.norm(cheek)
    expected = cheek * (CALM + 0.6 * (chroma - CALM)) / chroma
    np.testing.assert_allclose(calmed[0, 0], expected, atol=0.1)
    np.testing.assert_allclose(calmed[0, 1:], ab[0, 1:], atol=0.01)
    # Vibrance is asked for, so that it is not taken back: twice of all comes out as twice of it.
    np.testing.assert_allclose(calm_skin(2 * ab, l, doubt, 2.0), 2 * calmed, atol=1e-4)
    several = calm_skin(np.stack([ab, 2 * ab]), l, doubt, np.float32([1, 2])[:, None, None, None])
    np.testing.assert_allclose(several, [calmed, 2 * calmed], atol=1e-4)


def test_vibrance_that_is_asked_for_is_not_taken_back_from_skin():
    astronaut = Colorizer.from_preset("koala-lite", backend="litert").predict(data.astronaut())
    calm, vivid = (
        np.linalg.norm(astronaut.decode_ab(vibrance=vibrance)[10:24, 24:32], axis=-1).mean()
        for vibrance in (1.0, 2.0)
    )
    assert vivid > 2.1 * calm  # 2.2; were her face calmed as at vibrance 1, 1.98


def test_versions_of_a_photo_are_cleaned_together_as_one_by_one():
    ab, features, l = wall_with_a_blotch()
    doubt = np.linspace(0, 1, SIDE * SIDE, dtype="f4").reshape(SIDE, SIDE)
    versions = np.stack([ab, 0.5 * ab, ab[::-1]])
    alone = [cleanup(version, features, l, doubt) for version in versions]
    np.testing.assert_allclose(cleanup(versions, features, l, doubt), alone, atol=1e-3)


def test_the_backend_cleans_as_numpy_does():
    given = (*wall_with_a_blotch(), np.linspace(0, 1, SIDE * SIDE, dtype="f4").reshape(SIDE, SIDE))
    there = cleanup(*map(keras.ops.convert_to_tensor, given))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(there), cleanup(*given), atol=1e-2)


def test_a_scanned_page_comes_out_more_neutral():
    page = Colorizer.from_preset("koala-lite", backend="litert").predict(data.page())
    raw, cleaned = (
        np.linalg.norm(page.decode_ab(cleanup=on), axis=-1).mean() for on in (False, True)
    )
    assert cleaned < 0.9 * raw
