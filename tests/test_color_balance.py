"""Warmth and saturation by hue."""

import numpy as np
import pytest
from keras import ops

from deepkoal.color import lab_to_linear, linear_to_lab
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import ColorOptions
from deepkoal.guidance.color_balance import (
    HUES,
    balance_colors,
    find_daylight,
    find_warmth_factors,
    scale_saturation,
    shift_warmth,
)

ANGLES = np.radians(np.arange(-180.0, 180.0))
RING = 50 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1)


def test_the_hues_weights_sum_to_one_without_an_edge():
    gains = [np.hypot(*scale_saturation(RING, {name: 2.0}).T) / 50 - 1 for name in HUES]
    np.testing.assert_allclose(sum(gains), 1, atol=1e-9)
    for name, gain in zip(HUES, gains, strict=True):
        assert HUES[name] % 360 == np.arange(-180, 180)[gain.argmax()] % 360
        assert np.abs(np.diff(np.append(gain, gain[0]))).max() < 0.05


def test_saturation_keeps_the_hue_and_other_hues():
    scaled = scale_saturation(RING, {"blue": 0.0, "red": 1.5})
    angle = np.arctan2(scaled[..., 1], scaled[..., 0])
    kept = np.hypot(*scaled.T) > 1e-6
    np.testing.assert_allclose(angle[kept], ANGLES[kept], atol=1e-9)
    green = np.arange(-180, 180) == HUES["green"]
    np.testing.assert_allclose(scaled[green], RING[green])


def test_warmth_is_the_adaptation_of_von_kries():
    lab = np.array([[60.0, 20.0, -10.0], [80.0, 0.0, 0.0]])
    root_x, root_z = find_warmth_factors(0.7)
    ab = shift_warmth(lab[None, :, 1:], lab[None, :, 0], 0.7)[0]
    warmed = lab_to_linear(np.concatenate([lab[:, :1], ab], axis=-1))
    np.testing.assert_allclose(linear_to_lab(warmed)[:, 0], lab[:, 0], atol=1e-6)
    f_before = (lab[:, 0] + 16) / 116 + lab[:, 1] / 500
    f_after = (lab[:, 0] + 16) / 116 + ab[:, 0] / 500
    np.testing.assert_allclose(f_after, f_before * root_x)
    assert root_z < 1 < root_x


def test_daylight_of_6504_kelvin_is_d65():
    np.testing.assert_allclose(find_daylight(6504), [0.9504, 1, 1.0888], atol=1e-3)


def test_levers_at_rest_change_nothing_and_tensors_agree():
    l = np.linspace(20, 90, 360, dtype=np.float32)[None]
    ab = RING[None].astype(np.float32)
    assert balance_colors(ab, l, warmth=0.0, saturation={"red": 1.0}) is ab
    settings = {"warmth": -0.5, "saturation": {"cyan": 1.7, "yellow": 0.4}}
    expected = balance_colors(ab, l, **settings)
    found = balance_colors(ops.array(ab), ops.array(l), **settings)
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"warmth": 1.5}, "expected warmth as a number in -1…1, got 1.5"),
        ({"saturation": {"pink": 1.0}}, "expected saturation as factors by hue"),
        ({"saturation": {"red": -1}}, "expected saturation of red as a number in 0…3, got -1"),
        ({"saturation": 1.2}, "expected saturation as factors by hue"),
    ],
)
def test_what_is_no_lever_is_refused(options, message):
    with pytest.raises(DeepkoalError, match=message):
        ColorOptions(**options)
