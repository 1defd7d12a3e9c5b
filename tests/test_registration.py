"""A reference that is the same photo is laid over it; any other is not."""

import pickle

import cv2
import numpy as np
import pytest
import skimage.color
import skimage.data

from deepkoal.guidance import (
    Reference,
    join_references,
    make_affinity_points,
    match_reference,
    measure_ab,
)
from deepkoal.guidance.reference import match_photo
from deepkoal.guidance.registration import SIDE, Picture, lay_over

GRID = 48, 64


@pytest.fixture(scope="module")
def prints(photos):
    """Three photos at 480 by 640 pixels."""
    return {
        name: cv2.resize(photos[name], (640, 480), interpolation=cv2.INTER_AREA)
        for name in ("astronaut", "chelsea", "coffee")
    }


def measure_l(rgb):
    return skimage.color.rgb2lab(rgb)[..., 0].astype(np.float32)


def lay(photo, copy):
    return lay_over(Picture.of_lightness(measure_l(photo)), Picture.of_photo(copy), GRID)


def turn(rgb, degrees):
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(rgb, matrix, (width, height))


COPIES = {
    "itself": (lambda rgb: rgb, 1),
    "half": (lambda rgb: cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), 1),
    "small": (lambda rgb: cv2.resize(rgb, (120, 90), interpolation=cv2.INTER_AREA), 1),
    "middle": (lambda rgb: rgb[72:-72, 96:-96], 0.7**2),
    "left": (lambda rgb: rgb[::2, :400:2], 400 / 640),
    "wider": (lambda rgb: cv2.copyMakeBorder(rgb, 90, 30, 60, 120, cv2.BORDER_CONSTANT), 1),
    "turned": (lambda rgb: turn(rgb, 6), 0.94),
    "stretched": (lambda rgb: cv2.resize(rgb[40:-40], (600, 420)), 400 / 480),
}


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_gives_each_place_that_it_shows_its_color(prints, name, kind):
    make, area = COPIES[kind]
    ab, shown = lay(prints[name], make(prints[name]))
    assert area - 0.12 < shown.mean() <= area + 0.03
    apart = np.linalg.norm(ab - measure_ab(prints[name], *GRID), axis=-1)[shown]
    assert apart.mean() < 1.5
    assert ab.dtype == np.float32


def fade(rgb):
    return (110 + 0.4 * rgb).astype(np.uint8)


def darken(rgb):
    return (255 * (rgb / 255) ** 1.8).astype(np.uint8)


def blur(rgb):
    return cv2.GaussianBlur(rgb, (0, 0), 3)


def add_noise(rgb):
    noise = np.random.default_rng(0).normal(0, 20, rgb.shape[:2])[..., None]
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("damage", [fade, darken, blur, add_noise])
@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_a_worn_scan_is_found_in_a_cropped_print(prints, name, damage):
    ab, shown = lay(damage(prints[name]), prints[name][60:-40:2, 50:-90:2])
    assert shown.mean() > 0.8 * (380 / 480) * (500 / 640)
    apart = np.linalg.norm(ab - measure_ab(prints[name], *GRID), axis=-1)[shown]
    assert apart.mean() < 2


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_another_photo_is_not_the_same_one(prints, photos, name):
    others = [other for each, other in photos.items() if each != name and other.ndim == 3]
    assert len(others) >= 3
    others += [np.full_like(prints[name], 90), photos["coffee"][:1, :1]]
    for other in others:
        assert lay(prints[name], other) is None
    assert lay(others[-1], prints[name]) is None


@pytest.mark.parametrize("contrast", [0.35, 0.6, 1])
def test_other_photos_in_a_mount_of_the_same_shape_are_not_the_same_one(prints, contrast):
    rows, columns = np.mgrid[:480, :640]
    inside = ((rows - 240) / 200) ** 2 + ((columns - 320) / 200) ** 2 < 1

    def mount(rgb):
        return np.where(inside[..., None], 128 + contrast * (rgb - 128.0), 235).astype(np.uint8)

    for name, other in (("astronaut", "coffee"), ("coffee", "chelsea"), ("chelsea", "astronaut")):
        assert lay(mount(prints[name]), mount(prints[other])) is None
        assert lay(mount(prints[name]), mount(add_noise(prints[name])))[1].mean() > 0.9


def test_a_thing_that_is_there_in_one_photo_alone_is_left_out(prints):
    changed = prints["coffee"].copy()
    changed[160:320, 200:360] = prints["chelsea"][160:320, 200:360]
    _, shown = lay(changed, prints["coffee"])
    assert shown[18:30, 22:34].mean() < 0.1
    assert shown[:, 44:].all()


def test_a_picture_is_small_and_outlives_pickling(prints):
    picture = Picture.of_photo(prints["astronaut"])
    assert picture.l.shape == (SIDE * 3 // 4, SIDE)
    places, looks = pickle.loads(pickle.dumps(picture)).keypoints
    np.testing.assert_array_equal(places, picture.keypoints[0])
    np.testing.assert_array_equal(looks, picture.keypoints[1])
    assert repr(picture) == "Picture(l=float32 (192, 256), ab=float32 (192, 256, 2))"


# ---------------------------------------------------------------- in a reference


def see(rgb, pictures=()):
    """A photo as a reference, whose features are those of a network that knows all by its tone."""
    height, width = GRID
    l = cv2.resize(measure_l(rgb), (width, height), interpolation=cv2.INTER_AREA)
    features = np.stack([np.cos(l / 15), np.sin(l / 15)], axis=-1)
    points = make_affinity_points(features, l)
    return Reference(points, measure_ab(rgb, *GRID).reshape(-1, 2), tuple(pictures))


def test_places_take_what_a_copy_shows_and_the_others_what_is_alike(prints):
    photo, crop = prints["coffee"], prints["coffee"][::2, :400:2]
    truth, l = see(photo), measure_l(photo)
    reference = see(crop, [Picture.of_photo(crop)])
    mean, trust = match_photo(truth.points, l, GRID, reference)
    inside = np.zeros(GRID, bool)
    inside[:, :38] = True
    inside = inside.ravel()
    assert (trust[inside] == 1).mean() > 0.95
    assert np.linalg.norm(mean - truth.ab, axis=1)[trust[:, 0] == 1].mean() < 1.5
    beside = np.zeros(GRID, bool)
    beside[:, 42:] = True
    beside = beside.ravel()
    assert trust[beside].max() < 1
    assert np.linalg.norm(mean - truth.ab, axis=1)[beside].mean() < 20
    alone = Reference(reference.points, reference.ab)
    for each in (alone, see(prints["chelsea"], [Picture.of_photo(prints["chelsea"])])):
        for own, matched in zip(
            match_photo(truth.points, l, GRID, each),
            match_reference(truth.points, each),
            strict=True,
        ):
            np.testing.assert_array_equal(own, matched)


def test_each_of_several_references_may_be_a_part_of_the_photo(prints):
    photo = prints["astronaut"]
    parts = photo[:, :300], prints["chelsea"], photo[:, 340:], photo[100:-100, 100:-100]
    joined = join_references([see(part, [Picture.of_photo(part)]) for part in parts])
    truth = see(photo)
    mean, trust = match_photo(truth.points, measure_l(photo), GRID, joined)
    known = trust[:, 0] == 1
    assert known.mean() > 0.9
    assert np.linalg.norm(mean - truth.ab, axis=1)[known].mean() < 1.5
