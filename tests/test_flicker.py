"""Old films' exposure is evened; what moves, comes and fades is left."""

import numpy as np
import pytest
import skimage.data
from video_parts import coffee_pan, grey, open_plain, pan

from deepkoal.rendering.composition import lightness
from deepkoal.restoration import average_exposure, change_exposure, compare_exposures
from deepkoal.video import Frame, color_frames
from deepkoal.video.temporal.waiting import even_exposure, find_cuts, prepare_frames


def expose(rgb, stops, gamma=1.0):
    """A frame's samples under more or less light, and another contrast."""
    linear = ((rgb / 255) ** 2.2) ** gamma * 2.0**stops
    return np.rint(255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)


def flickering(count=44, seed=0):
    rng = np.random.default_rng(seed)
    frames = grey(coffee_pan(count, step=2))
    changes = rng.normal(0, [0.2, 0.08], (count, 2))
    return frames, [
        expose(frame, stops, np.exp(gamma))
        for frame, (stops, gamma) in zip(frames, changes, strict=True)
    ]


def prepare(frames):
    return prepare_frames([Frame(rgb, index) for index, rgb in enumerate(frames)], find_cuts())


def measure_flicker(frames, steady):
    """Deviation of the mean lightness from what it would be, but for slow changes."""
    off = np.array([f.middle.mean() for f in frames]) - [f.middle.mean() for f in steady]
    slow = np.convolve(np.pad(off, 8, mode="edge"), np.full(17, 1 / 17), mode="valid")
    return np.std(off - slow)


@pytest.mark.parametrize("gain", [-0.1, 0.0, 0.15])
def test_an_exposure_is_found_under_what_moves_and_enters(gain):
    first, second = coffee_pan(2, step=4, height=144, width=192)
    later = lightness(second).copy()
    later[40:100, 100:160] = 95  # a third of the height, a third of the width
    later = np.clip((later + 16) * np.exp(gain) - 16, 0, 100).astype(np.float32)
    change = compare_exposures(lightness(first), later)
    assert change[0] == pytest.approx(gain, abs=0.02)
    assert change[1] == pytest.approx(0, abs=0.05)


def test_a_change_keeps_black_white_and_the_order_of_tones():
    every = np.linspace(0, 100, 5001, dtype=np.float32)
    for change in ([0.3, 0.1], [-0.4, -0.9], [0, 0], [2.0, 0.0]):
        changed = change_exposure(every, np.array(change))
        assert (np.diff(changed) >= 0).all()
        assert (changed[0], changed[-1]) == (0, pytest.approx(100, abs=1e-3))
    np.testing.assert_allclose(change_exposure(every, np.zeros(2)), every, atol=1e-3)
    middle = change_exposure(np.float32([50]), np.array([0.1, 0.5]))
    assert middle == pytest.approx(66 * np.exp(0.1) - 16, abs=1e-3)


def test_a_fade_is_left_from_its_first_frame_to_its_last():
    fade = np.stack([np.linspace(0, 2, 40), np.linspace(0.5, 0, 40)], axis=1)
    evened = [average_exposure(fade, index) for index in range(40)]
    np.testing.assert_allclose(evened, fade, atol=1e-9)


def test_flicker_goes_and_what_does_not_flicker_stays():
    frames, old = flickering()
    steady = list(prepare(frames))
    before, after = list(prepare(old)), list(even_exposure(prepare(old)))
    assert [f.pts for f in after] == list(range(44))
    assert measure_flicker(after, steady) < measure_flicker(before, steady) / 5
    left = list(even_exposure(iter(steady)))
    assert max(np.abs(a.middle - b.middle).mean() for a, b in zip(left, steady, strict=True)) < 0.6


def test_shots_are_evened_apart_and_pieces_of_one_as_the_whole():
    _, old = flickering()
    other = [expose(f, -1) for f in grey(pan(skimage.data.astronaut(), 6))]
    alone = list(even_exposure(prepare(old)))
    both = list(even_exposure(prepare(old + other)))
    for x, y in zip(alone, both, strict=False):
        np.testing.assert_array_equal(x.levels, y.levels)
    piece = list(even_exposure(prepare(old[10:])))
    np.testing.assert_allclose(piece[20].middle, alone[30].middle, atol=1e-3)


def test_a_film_is_colored_with_its_evened_lightness():
    frames, old = flickering(12)
    numbered = [Frame(rgb, index) for index, rgb in enumerate(old)]

    def deviate(colored):
        both = zip(colored, frames, strict=True)
        return np.std(np.diff([(lightness(f.rgb) - lightness(true)).mean() for f, true in both]))

    evened = list(color_frames(numbered, open_plain(), deflicker=True))
    assert deviate(evened) < deviate(color_frames(numbered, open_plain())) / 2
