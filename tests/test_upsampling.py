import cv2
import numpy as np
import pytest
import skimage.color
import skimage.data
import skimage.feature
from fields import apply, area_weights, evaluate, hat_weights

from deepkoal.rendering.resampling import resize
from deepkoal.rendering.upsampling import fit_chroma


def photo_lab(name: str) -> np.ndarray:
    rgb = cv2.resize(getattr(skimage.data, name)(), (256, 192), interpolation=cv2.INTER_AREA)
    return skimage.color.rgb2lab(rgb).astype(np.float32)


@pytest.mark.parametrize("radius", [1, 2, 9])
def test_fit_follows_the_formula_up_to_the_borders(radius: int) -> None:
    rng = np.random.default_rng(2)
    l_guide = rng.uniform(0, 100, (24, 33)).astype(np.float32)
    ab = rng.normal(0, 30, (6, 11, 2)).astype(np.float32)
    field = fit_chroma(l_guide, ab, radius=radius, epsilon=7.0)

    def mean(x: np.ndarray) -> np.ndarray:
        out = np.empty(x.shape)
        for i, j in np.ndindex(6, 11):
            window = x[max(i - radius, 0) : i + radius + 1, max(j - radius, 0) : j + radius + 1]
            out[i, j] = window.mean((0, 1))
        return out

    light = apply(area_weights(6, 24), area_weights(11, 33), l_guide)[..., None]
    covariance = mean(light * ab) - mean(light) * mean(ab)
    slope = mean(covariance / (mean(light**2) - mean(light) ** 2 + 7))
    expected = np.concatenate([slope, ab - slope * light], axis=2)
    np.testing.assert_allclose(field, expected, rtol=1e-4, atol=1e-3)


def test_where_lightness_is_flat_chroma_is_bilinear() -> None:
    ab = np.random.default_rng(3).normal(0, 30, (8, 6, 2)).astype(np.float32)
    l_full = np.full((80, 90), 55, np.float32)
    expected = apply(hat_weights(80, 8), hat_weights(90, 6), ab)
    np.testing.assert_allclose(evaluate(fit_chroma(l_full, ab), l_full), expected, atol=1e-3)


def test_one_color_stays_one_color_whatever_the_lightness() -> None:
    ab = np.full((32, 32, 2), (31.0, -12.0), np.float32)
    l_full = cv2.resize(skimage.data.camera(), (256, 256)).astype(np.float32) / 2.55
    result = evaluate(fit_chroma(l_full, ab), l_full)
    np.testing.assert_allclose(result, np.broadcast_to(ab[0, 0], result.shape), atol=0.01)


def test_colors_stop_at_an_edge_inside_a_coarse_cell() -> None:
    l_full = np.full((128, 128), 30, np.float32)
    l_full[:, 61:] = 70
    truth = np.where(l_full[..., None] < 50, (20.0, -30.0), (-20.0, 40.0)).astype(np.float32)
    coarse = resize(truth, 16, 16)
    error = np.abs(evaluate(fit_chroma(l_full, coarse), l_full) - truth).mean()
    bilinear = np.abs(resize(coarse, 128, 128) - truth).mean()
    assert error < 0.4 * bilinear


def test_grain_of_lightness_is_not_taken_for_color() -> None:
    rng = np.random.default_rng(4)
    ramp = np.stack(np.meshgrid(np.linspace(-30, 30, 32), np.linspace(30, -30, 32)), axis=2)
    l_full = (50 + rng.normal(0, 5, (256, 256))).astype(np.float32)
    result = evaluate(fit_chroma(l_full, ramp.astype(np.float32)), l_full)
    smooth = resize(ramp.astype(np.float32), 256, 256)
    assert np.abs(result - smooth).mean() < 0.1


def test_on_real_photos_it_is_closer_than_bicubic_and_bleeds_less() -> None:
    errors = np.zeros(2)
    for name in ("astronaut", "coffee", "chelsea", "rocket"):
        lab = photo_lab(name)
        l_full, truth = np.ascontiguousarray(lab[..., 0]), lab[..., 1:]
        coarse = resize(np.ascontiguousarray(truth), 24, 32)
        ours = evaluate(fit_chroma(l_full, coarse), l_full)
        bicubic = cv2.resize(coarse, (256, 192), interpolation=cv2.INTER_CUBIC)
        errors += [np.abs(ab - truth).mean() for ab in (ours, bicubic)]

        edges = skimage.feature.canny(l_full / 100, sigma=1.5).astype(np.uint8)
        far = cv2.distanceTransform(1 - edges, cv2.DIST_L2, 5) > 3
        energies = [
            sum(np.square(g).sum(-1) for g in np.gradient(ab, axis=(0, 1)))
            for ab in (ours, bicubic)
        ]
        bleeding, bicubic_bleeding = (energy[far].sum() / energy.sum() for energy in energies)
        assert bleeding < 0.75 * bicubic_bleeding
    assert errors[0] < errors[1]


@pytest.mark.parametrize(
    ("source", "size"),
    [
        ((48, 64), (12, 16)),
        ((50, 63), (13, 16)),
        ((9, 7), (9, 7)),
        ((300, 5), (41, 1)),
        ((517, 301), (64, 96)),  # so large that the weights that are 0 are left out
        ((401, 301), (400, 1)),
    ],
)
@pytest.mark.parametrize("channels", [(), (1,), (2,)])
def test_shrinking_is_an_area_average(
    source: tuple[int, int], size: tuple[int, int], channels: tuple[int, ...]
) -> None:
    x = np.random.default_rng(5).uniform(0, 100, source + channels).astype(np.float32)
    expected = apply(area_weights(size[0], source[0]), area_weights(size[1], source[1]), x)
    result = resize(x, *size)
    assert result.shape == size + channels
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-3)


def test_a_side_that_grows_is_bilinear_and_the_other_an_area_average() -> None:
    x = np.random.default_rng(6).uniform(0, 100, (40, 11)).astype(np.float32)
    expected = apply(area_weights(16, 40), hat_weights(32, 11), x)
    np.testing.assert_allclose(resize(x, 16, 32), expected, atol=1e-3)


def test_a_photo_smaller_than_the_chroma_is_still_fitted() -> None:
    ab = np.full((8, 8, 2), 25, np.float32)
    l_full = np.random.default_rng(7).uniform(0, 100, (3, 2)).astype(np.float32)
    np.testing.assert_allclose(evaluate(fit_chroma(l_full, ab), l_full), 25, atol=0.01)
