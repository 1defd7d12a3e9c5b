"""What of a print is the photo: borders, with what is written on them; and what is none."""

import cv2
import numpy as np
import pytest
import skimage.data
import tensorflow as tf

from deepkoal.inference.scene import find_border, measure_structure
from deepkoal.rendering.composition import lightness
from deepkoal.rendering.resampling import resize

PHOTO = skimage.data.astronaut()
SIDE = len(PHOTO)


def frame(width, color, bottom=None, noise=0.0):
    """Return the photo within a border, and where it then lies: top, bottom, left, right."""
    bottom = width if bottom is None else bottom
    height = SIDE + width + bottom
    framed = np.empty((height, SIDE + 2 * width, 3), np.float64)
    framed[:] = color
    framed += np.random.default_rng(0).normal(0, noise, framed.shape[:2])[..., None]
    framed = np.clip(framed, 0, 255).astype(np.uint8)
    framed[width : width + SIDE, width : width + SIDE] = PHOTO
    return framed, np.array([width, width + SIDE, width, width + SIDE])


def write(picture, text, x, y, ink=(50, 50, 70), scale=1.6):
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, scale, ink, 3, cv2.LINE_AA)


def white():
    return frame(60, 255)


def yellowed_paper():
    return frame(60, (232, 218, 186), noise=4)


def caption_below():
    picture, place = frame(60, 252, bottom=130)
    write(picture, "Brighton, August 1924", 90, SIDE + 140)
    return picture, place


def caption_on_yellowed_paper():
    picture, place = frame(60, (236, 224, 196), bottom=130, noise=2.5)
    write(picture, "Joe and Grandma, 1937", 80, SIDE + 140)
    return picture, place


def stamp_above():
    picture, place = frame(100, 250)
    cv2.ellipse(picture, (500, 45), (60, 24), -12, 0, 360, (70, 70, 70), 3)
    write(picture, "No. 117", 40, 60)
    return picture, place


def line_around():
    picture, place = frame(60, 250)
    edge = SIDE + 60 + 20
    cv2.rectangle(picture, (40, 40), (edge, edge), (30, 30, 30), 2)
    return picture, place


def perforated_film():
    picture, place = frame(100, 6)
    for x in range(8, picture.shape[1], 56):
        for y in (25, SIDE + 140):
            cv2.rectangle(picture, (x, y), (x + 30, y + 35), (250, 250, 250), -1)
    return picture, place


def deckled_on_a_scanners_bed():
    picture, place = frame(100, (18, 18, 20))
    height, width = picture.shape[:2]
    inside = np.zeros((height, width), bool)
    inside[100 : 100 + SIDE, 100 : 100 + SIDE] = True
    y, x = np.mgrid[:height, :width]
    wave_x, wave_y = 50 + 4 * np.abs(np.sin(x / 7)), 50 + 4 * np.abs(np.sin(y / 7))
    paper = (y > wave_x) & (y < height - wave_x) & (x > wave_y) & (x < width - wave_y)
    picture[paper & ~inside] = (244, 240, 228)
    return picture, place


@pytest.mark.parametrize(
    "make",
    [
        white,
        yellowed_paper,
        caption_below,
        caption_on_yellowed_paper,
        stamp_above,
        line_around,
        perforated_film,
        deckled_on_a_scanners_bed,
    ],
)
def test_a_border_is_found_with_what_is_on_it(make):
    picture, place = make()
    sides = np.repeat(picture.shape[:2], 2)
    found = find_border(lightness(picture)) * sides
    step = sides / 256  # the size at which is searched
    inward = (found - place) * (1, -1, 1, -1)
    assert (inward >= -2.5 * step).all(), "border is left"
    assert (inward <= 4 * step).all(), "the photo is cut"


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket", "camera"])
def test_a_photo_without_a_border_keeps_what_it_shows(name):
    top, bottom, left, right = find_border(lightness(getattr(skimage.data, name)()))
    assert (bottom - top) * (right - left) > 0.9


def test_a_backdrop_is_no_border():
    """A studio's grey wall above and beside a sitter, whose coat reaches the lower edge."""
    l = np.full((300, 240), 62.0, np.float32)
    l[80:, 60:180] = np.random.default_rng(0).uniform(5, 80, (220, 120))
    l[200:, 20:220] = 20
    np.testing.assert_array_equal(find_border(l), [0, 1, 0, 1])


def test_a_pale_sky_is_no_border():
    l = np.random.default_rng(0).uniform(5, 80, (300, 240)).astype(np.float32)
    l[:120] = np.linspace(93, 78, 120)[:, None]
    np.testing.assert_array_equal(find_border(l), [0, 1, 0, 1])


def test_a_pavement_that_goes_on_within_a_thin_frame_is_no_border():
    l = np.full((256, 256), 70.0, np.float32)
    l[3:200, 3:-3] = np.random.default_rng(0).uniform(5, 80, (197, 250))
    l[140:220, 3:-3] = np.linspace(50, 70, 80)[:, None]
    found = find_border(l) * 256
    np.testing.assert_array_equal(found, [3, 253, 3, 253])


def test_a_graph_finds_the_border_that_numpy_finds():
    l = lightness(caption_below()[0])
    searched = tf.function(find_border, input_signature=[tf.TensorSpec([None, None])])
    np.testing.assert_allclose(searched(l), find_border(l), atol=0.005)


def see_small(l):
    """Lightness at the places of a network's outputs."""
    height, width = l.shape
    scale = 48 / np.sqrt(height * width)
    return np.asarray(resize(l, round(height * scale), round(width * scale)))


@pytest.mark.parametrize("side", [10, 20, 32, 40, 50, 56])
@pytest.mark.parametrize("size", [(512, 512), (433, 610)])
def test_a_checkerboard_is_nothing_to_see(side, size):
    rows, columns = (np.arange(count) // side for count in size)
    board = np.where((rows[:, None] + columns) % 2, 90, 10).astype(np.float32)
    assert measure_structure(see_small(board)) == 0


@pytest.mark.parametrize("tiles", [3, 4, 5, 6])
@pytest.mark.parametrize("name", ["astronaut", "camera"])
def test_portraits_in_rows_are_all_to_see(name, tiles):
    l = lightness(getattr(skimage.data, name)())
    assert measure_structure(see_small(np.tile(l, (tiles, tiles)))) == 1


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket", "camera"])
def test_a_photo_is_all_to_see(name):
    l = see_small(lightness(getattr(skimage.data, name)()))
    assert measure_structure(l) == 1
    if name == "astronaut":
        assert tf.function(measure_structure)(tf.constant(l)) == 1
