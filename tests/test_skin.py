"""Skin: told by features, colored where it is pale, learned from masks."""

import dataclasses

import keras
import numpy as np
import pytest
from skimage import data
from tiny_networks import tiny_lite

from deepkoal.chroma_cleanup import color_skin, tell_skin
from deepkoal.chroma_cleanup.skin import CHROMA, HUE, weigh_features
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import Palette
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.resampling import resize
from deepkoal.training.skin_learning import OTHER, SKIN, gather_places, learn_skin

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ROW = np.ones((1, 4), "float32")


def test_pale_skin_gets_color_and_colored_skin_or_other_things_keep_theirs():
    tan, brick = 20 * np.array([np.cos(np.radians(HUE)), np.sin(np.radians(HUE))]), [25, 8]
    ab = np.array([[[0, 0], tan, brick, [0, 0]]], "float32")
    odds = np.array([[9, 9, 9, -9]], "float32")
    colored = color_skin(ab, odds, 50 * ROW, 1.0)
    assert np.hypot(*colored[0, 0]) == pytest.approx(CHROMA, abs=0.01)
    np.testing.assert_allclose(colored[0, 1], tan, atol=0.01)
    hues = np.degrees(np.arctan2(*np.array([brick, colored[0, 2]]).T[::-1]))
    assert hues[0] < hues[1] - 5 < HUE - 5
    np.testing.assert_array_equal(colored[0, 3], [0, 0])


def test_least_chroma_follows_vibrance_and_vanishes_toward_black_and_white():
    nothing, l = np.zeros((1, 4, 2), "float32"), np.array([[5, 25, 50, 90]], "float32")
    once, twice = (color_skin(nothing, 9 * ROW, l, vibrance) for vibrance in (1.0, 2.0))
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)
    black, dark, middle, light = np.linalg.norm(once, axis=-1)[0]
    assert black == 0
    assert 0.3 * middle < dark < 0.9 * middle
    assert light == pytest.approx(0.3 * middle)


def test_the_backend_colors_as_numpy_does():
    rng = np.random.default_rng(0)
    ab = rng.normal(0, 10, (2, 8, 8, 2)).astype("float32")
    features, l = rng.normal(0, 1, (8, 8, 4)).astype("float32"), np.full((8, 8), 50, "float32")
    probe = [2.0, -1.0, 0.5, 0.0, 1.0]
    there = [keras.ops.convert_to_tensor(each) for each in (ab, features, l)]
    found = color_skin(there[0], tell_skin(there[1], there[2], probe), there[2], 1.0)
    expected = color_skin(ab, tell_skin(features, l, probe), l, 1.0)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, atol=1e-4)


def tell(photo):
    prediction = Colorizer.from_preset("koala-lite", backend="litert").predict(photo)
    features = prediction.outputs["features"]
    l = resize(prediction.l, *features.shape[:2])
    return tell_skin(features, l, prediction.decoding.skin)


def test_a_gap_in_a_hand_is_skin_and_a_fold_of_a_coat_is_coat():
    l = np.full((24, 24), 30, "float32")
    l[4:12, 4:12] = 70  # a hand, of which not all is told
    odds = np.full((24, 24, 1), -3, "float32")
    odds[4:12, 4:11] = 6
    odds[4:12, 6] = -1
    odds[16:18, 16:18] = 3  # a fold
    evened = tell_skin(odds, l, [1.0, 0.0])
    assert (evened[4:12, 4:11] > 1).all()
    assert (evened[14:] < 0).all()


def test_the_preset_tells_faces_from_cloth_and_ground():
    odds = tell(data.astronaut())
    height, width = odds.shape
    face = odds[int(0.15 * height) : int(0.33 * height), int(0.38 * width) : int(0.5 * width)]
    suit = odds[int(0.6 * height) : int(0.9 * height), int(0.3 * width) : int(0.6 * width)]
    assert np.median(face) > 2
    assert (suit > 1).mean() < 0.1
    assert (tell(data.coffee()) > 1).mean() < 0.02


def test_no_cleanup_and_palettes_leave_skin_as_the_network_guessed_it():
    prediction = Colorizer.from_preset("koala-lite", backend="litert").predict(data.astronaut())
    without = dataclasses.replace(
        prediction, decoding=dataclasses.replace(prediction.decoding, skin=None)
    )
    assert np.abs(prediction.decode_ab() - without.decode_ab()).max() > 1
    for options in ({"cleanup": False}, {"palette": Palette.named("sepia")}):
        np.testing.assert_array_equal(prediction.decode_ab(**options), without.decode_ab(**options))


def test_skin_is_learned_from_masks_whatever_source_is_larger():
    network, rng = tiny_lite(1), np.random.default_rng(0)

    def make(number):
        l, mask = np.full((96, 64), 30.0), np.full((96, 64), OTHER, np.uint8)
        l[16:64, 8:40] = np.tile([[60.0, 90.0], [90.0, 60.0]], (24, 16))
        mask[16:64, 8:40] = SKIN
        mask[80:] = 128
        return (l + rng.normal(0, 2, l.shape)).astype("float32"), mask

    shown = gather_places(network, [make(number) for number in range(6)], size=80, seed=0)
    assert set(shown.is_skin) == {True, False}
    only_ground = np.full((96, 64), OTHER, np.uint8)
    ground = gather_places(network, [(make(0)[0][64:], only_ground[64:])], size=80, seed=1)
    assert not ground.is_skin.any()
    probe = learn_skin([shown, ground])
    assert len(probe) == shown.features.shape[1] + 1
    fresh = gather_places(network, [make(9)], size=80, seed=2)
    right = (weigh_features(fresh.features, probe) > 0) == fresh.is_skin
    assert right.mean() > 0.8  # by features that know nothing yet
    with pytest.raises(DeepkoalError, match="not"):
        learn_skin([ground])
    unknown = np.full((96, 64), 128, np.uint8)
    with pytest.raises(DeepkoalError, match="wholly 255 or 0"):
        gather_places(network, [(make(0)[0], unknown)], size=80, seed=0)
