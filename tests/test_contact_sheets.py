import numpy as np
import pytest
import skimage.color
import skimage.data

from deepkoal.rendering.contact_sheets import SheetRow, desaturate, draw_sheet, join_before_after


def test_desaturated_photo_keeps_its_lightness_and_nothing_else():
    photo = skimage.data.coffee()
    grey = desaturate(photo)
    assert grey.shape == photo.shape
    assert grey.dtype == np.uint8
    assert (grey[..., 0] == grey[..., 1]).all()
    assert (grey[..., 0] == grey[..., 2]).all()
    difference = skimage.color.rgb2lab(grey)[..., 0] - skimage.color.rgb2lab(photo)[..., 0]
    assert np.abs(difference).max() < 0.6  # rounding to 8 bits


def test_grey_photo_is_desaturated_to_itself():
    grey = np.stack([skimage.data.camera()] * 3, axis=-1)
    np.testing.assert_array_equal(desaturate(grey), grey)


def test_before_is_grey_on_the_left_and_after_as_it_is_on_the_right():
    before, after = skimage.data.chelsea(), skimage.data.chelsea()[:, ::-1]
    joined = join_before_after(before, after)
    np.testing.assert_array_equal(joined[:, :451], desaturate(before))
    np.testing.assert_array_equal(joined[:, 451:], after)


@pytest.mark.parametrize(("height", "width"), [(300, 900), (900, 300)])
def test_large_photos_are_scaled_down_with_their_aspect(height, width):
    photo = np.full((height, width, 3), (200, 80, 40), np.uint8)
    joined = join_before_after(photo, photo, longest_side=150)
    assert joined.shape == (height // 6, 2 * width // 6, 3)
    assert (joined[:, width // 6 :] == (200, 80, 40)).all()


def test_sheet_shows_every_picture_whole_and_leaves_empty_places_white():
    small = np.full((40, 60, 3), (200, 0, 0), np.uint8)
    large = np.full((400, 300, 3), (0, 0, 200), np.uint8)
    rows = [SheetRow("one", (small, large)), SheetRow("two", (small, None))]
    sheet = draw_sheet(rows, ("left", "right"), width=120, height=80)
    assert sheet.dtype == np.uint8
    assert (sheet == (200, 0, 0)).all(-1).sum() == 2 * 40 * 60
    blue = np.argwhere((sheet == (0, 0, 200)).all(-1))
    assert np.ptp(blue, axis=0).tolist() == [79, 59]  # scaled to 80 high, 60 wide
    below = blue[:, 0].max() + 1 + 36  # the caption's line
    assert (sheet[below : below + 40, 12 + 120 :] == 255).all()


def test_sheet_holds_captions_and_titles():
    picture = np.full((80, 120, 3), 255, np.uint8)
    blank = draw_sheet([SheetRow("", (picture,))], ("",), width=120, height=80)
    written = draw_sheet([SheetRow("caption", (picture,))], ("title",), width=120, height=80)
    assert (blank == 255).all()
    dark = np.flatnonzero((written < 128).any(axis=(1, 2)))
    assert dark.min() < 36  # the title, above the picture
    assert dark.max() > 36 + 80  # the caption, below it
