"""A reference photo: its measured ab, and the pull of like places by hand."""

import keras
import numpy as np
import pytest
import skimage.color
import skimage.data

from deepkoal.color import encode_ab
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import (
    REFERENCE_KERNEL,
    AffinityPoints,
    Reference,
    make_affinity_points,
    match_reference,
    measure_ab,
)
from deepkoal.guidance.reference import BLUR, DAMPING, DISAGREEMENT, FOUND, RELATED, SAME

# ---------------------------------------------------------------- a reference's colors


def test_measured_ab_is_the_mean_over_each_cell(photos):
    photo = photos["coffee"]  # 400 by 600
    measured = measure_ab(photo, 100, 150)
    exact = skimage.color.rgb2lab(photo)[..., 1:].reshape(100, 4, 150, 4, 2).mean((1, 3))
    assert measured.dtype == np.float32
    np.testing.assert_allclose(measured, exact, atol=0.1)


def test_large_photo_is_measured_close_to_its_mean(photos):
    measured = measure_ab(photos["coffee"], 10, 15)
    exact = skimage.color.rgb2lab(photos["coffee"])[..., 1:].reshape(10, 40, 15, 40, 2).mean((1, 3))
    assert np.abs(measured - exact).max() < 5  # averaged in sRGB first, which is not linear in ab
    assert np.abs(measured - exact).mean() < 1


@pytest.mark.parametrize(
    ("photo", "message"),
    [
        (np.zeros((4, 4), np.uint8), r"got uint8 \(4, 4\)"),
        (np.zeros((4, 4, 3), np.float32), "got float32"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
        ("photo.jpg", "got str"),
        (np.repeat(skimage.data.camera()[..., None], 3, axis=2), "shades of grey"),
    ],
)
def test_what_has_no_colors_is_refused(photo, message):
    with pytest.raises(DeepkoalError, match=message):
        measure_ab(photo, 8, 8)


# ---------------------------------------------------------------- the pull


def pull(ab, points, reference_points, colors):
    """What a place with color ab takes, by the formula of `match_reference`."""
    mean, trust = match_reference(points, Reference(reference_points, colors))
    return ab + trust * (mean - ab)


def random_places(rng, count):
    features = rng.normal(0, 1, (count, 6)) * (1, 0.3, 0.3, 0.1, 0.1, 0.1)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    parts = features, rng.uniform(30, 60, count), rng.random((count, 2))
    return AffinityPoints(*(part.astype("float32") for part in parts))


def test_pull_is_the_formula():
    rng = np.random.default_rng(0)
    points, reference = random_places(rng, 7), random_places(rng, 9)
    ab = rng.normal(0, 20, (7, 2)).astype("float32")
    colors = rng.normal(0, 20, (9, 2)).astype("float32")
    (sigma_f,), (sigma_l,) = REFERENCE_KERNEL.features, REFERENCE_KERNEL.lightness
    parts = []
    for feature, l, own in zip(points.features, points.l, ab, strict=True):
        apart = ((reference.features - feature) ** 2).sum(1) / (2 * sigma_f**2)
        apart += (reference.l - l) ** 2 / (2 * sigma_l**2)

        def average(weight):
            mean = np.average(colors, axis=0, weights=weight)
            variance = np.average(((colors - mean) ** 2).sum(1), weights=weight)
            return mean, DISAGREEMENT**2 / (DISAGREEMENT**2 + variance)

        mean, agreed = average(np.exp(-apart))
        trust = agreed * np.exp(-apart).mean() / (np.exp(-apart).mean() + DAMPING)
        likest = apart.min()
        sharp, agreed = average(np.exp((likest - apart) / (SAME + BLUR * likest)))
        found = np.exp(-likest / FOUND)
        parts.append((found, trust * (mean - own), agreed * (sharp - own)))
    again = np.mean([found for found, *_ in parts]) ** 2
    related = again / (again + RELATED**2)
    expected = [
        own + (1 - found) * related * alike + found * same
        for own, (found, alike, same) in zip(ab, parts, strict=True)
    ]
    pulled = pull(ab, points, reference, colors)
    np.testing.assert_allclose(pulled, expected, atol=1e-2)
    assert np.abs(pulled - ab).max() > 1
    tensors = [
        AffinityPoints(
            *(keras.ops.convert_to_tensor(part) for part in (p.features, p.l, p.position))
        )
        for p in (points, reference)
    ]
    ab, colors = keras.ops.convert_to_tensor(ab), keras.ops.convert_to_tensor(colors)
    same = pull(ab, tensors[0], tensors[1], colors)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(same), pulled, atol=1e-2)


def flat_places(feature, count):
    features = np.repeat(2 * np.eye(4, dtype="float32")[[feature]], count, axis=0)
    return AffinityPoints(features, np.full(count, 50, "float32"), np.zeros((count, 2), "float32"))


def test_what_is_alike_takes_the_color_and_what_is_not_keeps_its_own():
    ab = np.full((3, 2), 5, "float32")
    colors = np.full((8, 2), 40, "float32")
    alike = pull(ab, flat_places(0, 3), flat_places(0, 8), colors)
    np.testing.assert_allclose(alike, 40, atol=0.1)
    unlike = pull(ab, flat_places(1, 3), flat_places(0, 8), colors)
    np.testing.assert_allclose(unlike, 5, atol=0.1)


def test_what_is_merely_alike_takes_little_where_nothing_of_the_photo_is_found_again():
    def look(features):
        features = np.array(features, "float32")
        return AffinityPoints(features, np.full(len(features), 50, "float32"), features[:, :2])

    like, found = [0.6, 0, 0, 0], [0, 1, 0, 0]  # two widths from what the reference shows, and none
    reference = look([[0, 0, 0, 0]] * 8 + [found] * 8)
    colors, ab = np.full((16, 2), 40, "float32"), np.zeros((8, 2), "float32")
    unrelated = pull(ab, look([like] * 8), reference, colors)
    related = pull(ab, look([like] * 4 + [found] * 4), reference, colors)
    assert unrelated.max() < 10
    assert related[:4].min() > 35
    assert related[4:].min() > 39


def test_counterparts_that_disagree_are_trusted_less():
    ab = np.zeros((1, 2), "float32")
    agreeing = np.full((8, 2), 20, "float32")
    torn = agreeing + 40 * np.array([[1, 0], [-1, 0]] * 4, "float32")
    near, far = (
        pull(ab, flat_places(0, 1), flat_places(0, 8), colors) for colors in (agreeing, torn)
    )
    assert near[0, 0] == pytest.approx(20, abs=0.1)
    assert far[0, 0] == pytest.approx(20 / 5, abs=0.1)  # 20² / (20² + 40²)


def test_other_half_of_a_photo_gives_its_colors(photos):
    """With features that know what a thing is, as a perfect network's would."""
    lab = skimage.color.rgb2lab(photos["coffee"][::10, ::10]).astype("float32")
    halves = lab[:, :30], lab[:, 30:]
    points = []
    for half in halves:
        features = np.sqrt(encode_ab(half[..., 1:]))
        points.append(make_affinity_points(features, half[..., 0]))
    truth, colors = (half[..., 1:].reshape(-1, 2) for half in halves)
    grey = np.zeros_like(truth)
    pulled = pull(grey, points[0], points[1], colors)
    error, error_alone = (np.linalg.norm(x - truth, axis=1).mean() for x in (pulled, grey))
    assert error < 0.35 * error_alone
