"""Faces in groups, borders, and nothing to see: on scikit-image's photos alone."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import skimage.data
from known_photos import colorizer_of

from deepkoal.errors import DeepkoalError
from deepkoal.evaluation import WITHOUT_PHOTOS, evaluate
from deepkoal.evaluation.figures.probes import FACE, measure_border, measure_faces, measure_nothing
from deepkoal.rendering.composition import compose_rgb


def flat(ab):
    """A photo of lightness 60 with that chroma, (H, W, 2)."""
    ab = np.asarray(ab, np.float32)
    return compose_rgb(np.full(ab.shape[:2], 60, np.float32), ab)


def bench_that(color):
    return SimpleNamespace(color_anew=lambda photos, _: [color(photo) for photo in photos])


def test_faces_of_a_group_are_held_against_the_one_face():
    def color(photo):  # faces alone have color, less in larger groups
        tiles = len(photo) // 512
        np.testing.assert_array_equal(photo[-512:, :512], skimage.data.astronaut())
        ab = np.zeros((512, 512, 2))
        ab[FACE] = (40 / tiles, 0)
        return np.tile(flat(ab), (tiles, tiles, 1))

    figure = measure_faces(bench_that(color))
    assert figure.chroma == pytest.approx(40, abs=0.5)
    assert list(figure.ratios) == [3, 4, 6]
    assert list(figure.ratios.values()) == pytest.approx([1 / 3, 1 / 4, 1 / 6], abs=0.02)
    assert [line.value for line in figure.lines()] == ["0.33", "0.24", "0.17"]


def test_a_network_that_sees_no_face_has_no_ratio():
    figure = measure_faces(bench_that(lambda photo: np.full(photo.shape, 90, np.uint8)))
    assert [line.value for line in figure.lines()] == ["–", "–", "–"]


def test_border_shift_is_that_of_the_pixels_inside():
    def color(photo):
        width = (len(photo) - 512) // 2
        ab = np.full((*photo.shape[:2], 2), 60.0)  # the border itself does not count
        inside = slice(width, width + 512), slice(width, width + 512)
        ab[inside] = (20 + width / 10, 10 - width / 50)
        if width:
            assert photo[:width].min() == 255
            np.testing.assert_array_equal(photo[inside], skimage.data.astronaut())
        return flat(ab)

    figure = measure_border(bench_that(color))
    assert figure.shifts == pytest.approx({50: (5 + 1) / 2, 100: (10 + 2) / 2}, abs=0.3)


def test_nothing_to_see_is_mean_chroma():
    shades = {(256, 256): 5, (512, 512): 10, (191, 384): 20, (172, 448): 30}
    figure = measure_nothing(
        bench_that(lambda photo: flat(np.full((*photo.shape, 2), (shades[photo.shape], 0))))
    )
    expected = {"flat grey": 5, "moon": 10, "page": 20, "text": 30}
    assert figure.chroma == pytest.approx(expected, abs=0.5)


def test_probes_need_no_folder_of_photos():
    still = colorizer_of(lambda l_norm: keras.ops.concatenate([l_norm * 0 + 0.1] * 2, axis=-1))
    card = evaluate(still, figures=["border", "nothing_to_see"])
    assert (card.photos, list(card.figures)) == (0, ["border", "nothing_to_see"])
    assert list(card.figures["border"].shifts.values()) == pytest.approx([0, 0], abs=0.1)
    assert card.figures["nothing_to_see"].chroma["flat grey"] == pytest.approx(15.56, abs=0.3)
    assert "photos at" not in card.to_table()
    assert card.to_json()["figures"]["border"]["shifts"].keys() == {"50", "100"}
    assert WITHOUT_PHOTOS == ("faces", "border", "nothing_to_see")
    with pytest.raises(DeepkoalError, match="bleeding is measured on a folder of color photos"):
        evaluate(still, figures=["border", "bleeding"])
