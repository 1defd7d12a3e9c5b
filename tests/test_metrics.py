import math

import numpy as np
import pytest
import skimage.data

from deepkoal.errors import DeepkoalError
from deepkoal.evaluation.metrics import (
    ab_error,
    average_to_grid,
    away_from_edges,
    center_square,
    ciede2000,
    colorfulness,
    is_near_grey,
    psnr,
    rgb_to_ab,
    ssim,
    stray_share,
)


def flat(*rgb: float, dtype: str = "u1") -> np.ndarray:
    return np.full((16, 16, 3), rgb, dtype)


def test_psnr_by_hand() -> None:
    # One channel of three is 51 of 255 off: MSE = 0.2² / 3.
    assert psnr(flat(100, 100, 151), flat(100, 100, 100)) == pytest.approx(18.7506126)
    assert psnr(flat(0, 0, 0), flat(255, 255, 255)) == pytest.approx(0)
    assert psnr(flat(9, 9, 9), flat(9, 9, 9)) == math.inf


def test_colorfulness_by_hand() -> None:
    assert colorfulness(flat(80, 80, 80)) == pytest.approx(0, abs=1e-9)
    # rg = 255, yb = 127.5 everywhere: 0.3 · sqrt(255² + 127.5²).
    assert colorfulness(flat(255, 0, 0)) == pytest.approx(85.5296644)
    # Half red, half green: rg = ±255, spread 255; yb = 127.5, mean 127.5.
    halves = flat(255, 0, 0)
    halves[:, 8:] = (0, 255, 0)
    assert colorfulness(halves) == pytest.approx(255 + 0.3 * 127.5)


def test_colorfulness_keeps_the_opponents_signs() -> None:
    # With absolute values red beside green would have no spread in rg at all.
    halves = flat(200, 100, 100)
    halves[:, 8:] = (100, 200, 100)
    # rg = ±100, spread 100; yb = 50, mean 50.
    assert colorfulness(halves) == pytest.approx(100 + 0.3 * 50)


def test_ciede2000_by_hand() -> None:
    # Between greys it is the lightness term alone: L of 119 and 118 (Sharma et al. 2005, S_L).
    def lightness(level: int) -> float:
        return 116 * ((level / 255 + 0.055) / 1.055) ** (2.4 / 3) - 16

    l_1, l_2 = lightness(119), lightness(110)
    middle = ((l_1 + l_2) / 2 - 50) ** 2
    expected = (l_1 - l_2) / (1 + 0.015 * middle / math.sqrt(20 + middle))
    grey, darker = flat(119, 119, 119), flat(110, 110, 110)
    assert ciede2000(grey, darker) == pytest.approx(expected, rel=1e-3)
    half = grey.copy()
    half[:8] = darker[:8]
    assert ciede2000(half, grey) == pytest.approx(expected / 2, rel=1e-3)
    assert ciede2000(grey, grey) == 0


def test_ssim_by_hand() -> None:
    # Flat photos leave the luminance term: (2xy + 1e-4) / (x² + y² + 1e-4).
    expected = (2 * 0.2 * 0.4 + 1e-4) / (0.2**2 + 0.4**2 + 1e-4)
    assert ssim(flat(51, 51, 51), flat(102, 102, 102)) == pytest.approx(expected)
    assert ssim(flat(51, 51, 51), flat(51, 51, 51)) == pytest.approx(1)


def test_ssim_falls_with_the_damage() -> None:
    truth = center_square(skimage.data.chelsea(), 128)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, truth.shape)
    scores = [ssim(np.clip(truth / 255 + s * noise, 0, 1), truth) for s in (0.02, 0.05, 0.1)]
    assert 0 < scores[2] < scores[1] < scores[0] < 1


@pytest.mark.parametrize("figure", [psnr, ciede2000, ssim])
def test_bytes_and_floats_give_the_same_figure(figure) -> None:
    truth = center_square(skimage.data.coffee(), 64)
    rgb = truth[::-1]
    assert figure(rgb / 255, truth / 255) == pytest.approx(figure(rgb, truth), rel=1e-9)
    assert colorfulness(rgb / 255) == pytest.approx(colorfulness(rgb), rel=1e-9)


@pytest.mark.parametrize("figure", [psnr, ciede2000, ssim])
def test_photos_of_two_shapes_are_refused(figure) -> None:
    with pytest.raises(DeepkoalError, match=r"same shape.*\(16, 16, 3\).*resize or crop"):
        figure(flat(1, 2, 3), flat(1, 2, 3)[:1])


def test_chroma_of_known_colors() -> None:
    # sRGB's red and blue under D65, as Lindbloom's calculator gives them.
    np.testing.assert_allclose(rgb_to_ab(flat(255, 0, 0))[0, 0], (80.09, 67.20), atol=0.02)
    np.testing.assert_allclose(
        rgb_to_ab(flat(0, 0, 1.0, dtype="f8"))[0, 0], (79.19, -107.86), atol=0.02
    )
    np.testing.assert_allclose(rgb_to_ab(flat(90, 90, 90)), 0, atol=0.01)


def test_ab_error_is_the_distance_in_the_plane() -> None:
    ab = np.zeros((2, 3, 2), np.float32)
    ab[1, 2] = (3, -4)
    np.testing.assert_allclose(ab_error(ab, np.zeros_like(ab)), [[0, 0, 0], [0, 0, 5]])


def test_grid_is_the_mean_over_areas() -> None:
    ab = np.arange(4 * 6 * 2, dtype=np.float32).reshape(4, 6, 2)
    expected = ab.reshape(2, 2, 2, 3, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(average_to_grid(ab, 2), expected, rtol=1e-6)


def test_only_what_is_near_a_step_of_lightness_belongs_to_it() -> None:
    l = np.full((40, 64), 40, np.float32)
    assert away_from_edges(l).all()
    l[:, 32:] = 44  # too faint
    assert away_from_edges(l).all()
    l[:, 32:] = 60
    inner = away_from_edges(l)[8:-8]  # Canny finds no edges at the photo's rim
    near = np.flatnonzero(~inner.any(axis=0))
    assert inner.all(axis=0).sum() + len(near) == 64
    assert 6 <= len(near) <= 8  # 3 pixels to each side, and the line itself
    assert near.mean() == pytest.approx(31.5, abs=0.5)


@pytest.mark.parametrize(
    ("at_edge", "away", "share"), [(9, 0, 0), (0, 9, 1), (5, 5, 0.5), (8, 4, 0.2)]
)
def test_stray_share_by_hand(at_edge: float, away: float, share: float) -> None:
    free = np.ones((40, 64), bool)
    free[:, 28:36] = False
    ab = np.zeros((40, 64, 2), np.float32)
    ab[:, 32:, 0] = at_edge  # energy grows with a step's square
    ab[:, 50:, 1] = away
    assert stray_share(ab, free) == pytest.approx(share)
    assert stray_share(ab * 0, free) == 0


def test_near_grey_is_below_three_levels() -> None:
    assert is_near_grey(flat(100, 101, 102))
    assert not is_near_grey(flat(100, 101, 103))
    assert is_near_grey(flat(100, 101, 102) / 255)
    spot = flat(100, 100, 100)
    spot[0, 0] = (255, 0, 0)  # one pixel of 256: a mean of 0.996
    assert is_near_grey(spot)
    assert not is_near_grey(skimage.data.astronaut())


def test_center_square_of_a_wide_and_a_tall_photo() -> None:
    wide = np.zeros((8, 24, 3), np.uint8)
    wide[:, 8:16] = np.arange(8)[None, :, None] * 10
    np.testing.assert_array_equal(center_square(wide, 8), wide[:, 8:16])
    tall = wide.transpose(1, 0, 2)
    np.testing.assert_array_equal(center_square(tall, 8), tall[8:16])


def test_center_square_averages_what_it_shrinks() -> None:
    stripes = np.zeros((64, 96, 3), np.uint8)
    stripes[:, ::2] = 200
    np.testing.assert_array_equal(center_square(stripes, 16), np.full((16, 16, 3), 100, np.uint8))


@pytest.mark.parametrize("shape", [(300, 451), (512, 333), (100, 90), (256, 256), (257, 1000)])
def test_center_square_has_the_size_asked_for(shape: tuple[int, int]) -> None:
    rgb = np.full((*shape, 3), (10, 120, 250), np.uint8)
    result = center_square(rgb)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, np.full((256, 256, 3), (10, 120, 250)))
