"""How a photo is to be colored: each option validated once, and obeyed by all that color."""

import dataclasses
import gc
import weakref

import numpy as np
import pytest
from tiny_networks import tiny_lite

from deepkoal.color import ab_bins
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import (
    ColorKeywords,
    ColorOptions,
    DecodingConfig,
    Palette,
    join_references,
    measure_ab,
)
from deepkoal.hints import Hint
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction import Prediction

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

GREY = np.full((8, 8, 3), 99, np.uint8)
COLORED = GREY + np.array([90, 0, 0], np.uint8)


@pytest.fixture(scope="module")
def colorizer():
    network = tiny_lite()
    layer = network.get_layer("logits")
    layer.kernel.assign(layer.kernel * 8)  # random weights predict next to nothing
    prior = np.full(len(ab_bins()), 1 / len(ab_bins()), np.float32)
    decoding = DecodingConfig(temperature=0.4, prior=prior)
    return Colorizer(network, working_size=64, decoding=decoding)


@pytest.fixture(scope="module")
def photo(photos):
    return np.ascontiguousarray(photos["coffee"][:90, :121])


def list_ways(colorizer, photo):
    """All that take the options: each returns one photo."""
    prediction = colorizer.predict(photo)
    return (
        lambda *options, **keywords: colorizer.colorize(photo, *options, **keywords),
        lambda *options, **keywords: colorizer.colorize_batch([photo], *options, **keywords)[0],
        lambda *options, **keywords: colorizer.variations(photo, 2, *options, **keywords)[0],
        lambda *options, **keywords: prediction.render(*options, **keywords),
        lambda *options, **keywords: prediction.variations(2, *options, **keywords)[0],
    )


def test_type_checkers_know_every_option():
    fields = [field.name for field in dataclasses.fields(ColorOptions)]
    assert fields == list(ColorKeywords.__annotations__)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vibrance": "1"}, r"vibrance must lie in 0\.2…5 \(1 is neutral\), not '1'"),
        ({"vibrance": float("nan")}, "vibrance must lie in .* not nan"),
        ({"vibrance": None}, "vibrance must lie in .* not None"),
        ({"vibrance": True}, "vibrance must lie in .* not True"),
        ({"hints": [{"x": 1}]}, "expected hints as a list of deepkoal.Hint"),
        ({"hints": Hint(1, 2, "red")}, "expected hints as a list of deepkoal.Hint"),
        ({"hints": None}, "expected hints as a list of deepkoal.Hint"),
        ({"hints": [Hint(121, 2, "red")]}, "lies outside the photo of 121×90"),
        ({"palette": "no such"}, "no palette 'no such'; there are "),
        ({"palette": 3}, "expected palette as a deepkoal.Palette or a name, got 3"),
        ({"palette": bytearray(b"sepia")}, "expected palette as .* got bytearray"),
        ({"reference": "photo.jpg"}, r"photo\.jpg: .*[Nn]o such file"),
        ({"reference": 3}, "expected reference as a color photo, got 3"),
        ({"reference": []}, "expected reference as color photos, got none"),
        ({"reference": [None]}, "^expected a color photo as reference, got None"),
        (
            {"reference": ["a.png", b"a.png"]},
            "^reference 2 of 2: expected a color photo as .*, got b'a",
        ),
        ({"reference": {"a.png": 1}}, "expected reference as a color photo, got {'a.png': 1}"),
        ({"reference": (COLORED, GREY)}, "^reference 2 of 2: expected a photo with colors"),
        ({"reference": [GREY[..., 0], COLORED]}, r"^reference 1 of 2: .* got uint8 \(8, 8\)"),
        ({"reference": np.zeros((4, 4), np.uint8)}, "expected a color photo as uint8"),
        ({"variation": 2}, "expected variation as one of list_variations, got 2"),
        ({"cleanup": "no"}, "expected cleanup as True or False, got 'no'"),
    ],
)
def test_what_is_no_option_is_refused_in_one_line_by_all(colorizer, photo, options, message):
    for color in list_ways(colorizer, photo):
        with pytest.raises(DeepkoalError, match=message) as error:
            color(**options)
        assert "\n" not in str(error.value)


def test_an_unknown_keyword_is_named(colorizer, photo):
    for color in list_ways(colorizer, photo):
        with pytest.raises(TypeError, match="vibrancy"):
            color(vibrancy=1.0)


@pytest.mark.parametrize(
    "options",
    [
        {"vibrance": np.float32(1.5)},
        {"hints": (Hint(60, 40, "teal"),)},
        {"palette": "sepia"},
        {"palette": Palette.from_colors(["tomato"])},
        {"cleanup": False},
    ],
)
def test_every_way_obeys_every_option(colorizer, photo, options):
    plain, *colored = (
        [color(**given) for color in list_ways(colorizer, photo)] for given in ({}, options)
    )
    for rgb in colored[0]:
        assert np.abs(rgb.astype(int) - colored[0][0]).max() <= 1
    assert np.abs(colored[0][0].astype(int) - plain[0]).max() > 1
    for color in list_ways(colorizer, photo):
        np.testing.assert_array_equal(color(ColorOptions(**options)), color(**options))


def test_a_palette_may_be_given_by_its_name(colorizer, photo):
    expected = colorizer.colorize(photo, palette=Palette.named("sepia"))
    np.testing.assert_array_equal(colorizer.colorize(photo, palette="sepia"), expected)


def test_a_reference_may_be_a_photo_wherever_one_is_taken(colorizer, photo, photos):
    seen = colorizer.open_reference(photos["chelsea"])
    expected = colorizer.colorize(photo, reference=seen)
    for color in list_ways(colorizer, photo):
        np.testing.assert_array_equal(color(reference=photos["chelsea"]), expected)
    prediction = colorizer.predict(photo)
    alone = Prediction(prediction.l, prediction.outputs, prediction.decoding, prediction.border)
    np.testing.assert_array_equal(alone.render(reference=seen), expected)
    with pytest.raises(DeepkoalError, match=r"expected a reference as Colorizer\.open_reference"):
        alone.render(reference=photos["chelsea"])


def test_several_references_are_one_in_which_each_thing_finds_its_like(colorizer, photo, photos):
    given = [photos["chelsea"], photos["coffee"]]
    joined = join_references([colorizer.open_reference(each) for each in given])
    result = colorizer.colorize(photo, reference=given)
    np.testing.assert_array_equal(result, colorizer.colorize(photo, reference=joined))
    for alone in given:
        assert np.abs(result.astype(int) - colorizer.colorize(photo, reference=alone)).max() > 1


def test_a_photo_is_its_mirror_images_reference(colorizer, photos):
    """Things that face the other way are found again: all the places are, in another order."""
    seen = [
        colorizer.open_reference(each).points.features
        for each in (photos["coffee"], np.ascontiguousarray(photos["coffee"][:, ::-1]))
    ]
    one, other = (np.sort(each, axis=0) for each in seen)
    np.testing.assert_allclose(one, other, atol=1e-3)
    alone = colorizer.see_reference([photos["coffee"]]).points.features
    np.testing.assert_array_equal(alone, seen[0][: len(alone)])
    assert 2 * len(alone) == len(seen[0])


def test_a_small_mirrored_copy_gives_a_photo_its_colors(colorizer, photos):
    photo = photos["coffee"]
    copy = colorizer.open_reference(np.ascontiguousarray(photo[::2, ::-2]))
    prediction = colorizer.predict(photo)
    ab = prediction.decode_ab(reference=copy)
    apart = np.linalg.norm(ab - measure_ab(photo, *ab.shape[:2]), axis=-1)
    assert apart.mean() < 2
    assert colorizer.see_reference(copy).pictures == ()
    by_features = prediction.decode_ab(reference=colorizer.see_reference(copy))
    assert np.abs(by_features - ab).max() > 5


def test_keywords_change_options(colorizer, photo):
    options = ColorOptions(vibrance=2.0, cleanup=False)
    expected = colorizer.colorize(photo, vibrance=0.5, cleanup=False)
    np.testing.assert_array_equal(colorizer.colorize(photo, options, vibrance=0.5), expected)
    with pytest.raises(DeepkoalError, match=r"expected deepkoal\.guidance\.ColorOptions, got"):
        colorizer.colorize(photo, {"vibrance": 2.0})


def test_a_photo_leaves_the_memory_with_its_last_name(colorizer, photo, photos):
    reference = colorizer.open_reference(photos["chelsea"])
    gc.collect()
    gc.disable()  # what a cycle held would stay until the collector runs
    try:
        prediction = colorizer.predict(photo)
        prediction.render(reference=reference, hints=[Hint(1, 2, "red")])
        prediction.variations(2)
        prediction.uncertainty()
        planes = weakref.ref(prediction.l)
        del prediction
        assert planes() is None
    finally:
        gc.enable()


# --- former names ------------------------------------------------------------------------------


def test_former_names_work_for_one_release(colorizer, photo):
    expected = colorizer.colorize(photo, cleanup=False)
    with pytest.warns(DeprecationWarning, match="open is now predict") as caught:
        prediction = colorizer.open(photo)
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="read_ab is now decode_ab"):
        ab = prediction.read_ab(vibrance=1.2)
    np.testing.assert_array_equal(ab, prediction.decode_ab(vibrance=1.2))
    for color in list_ways(colorizer, photo):
        with pytest.warns(DeprecationWarning, match="tidy= is now cleanup="):
            assert np.abs(color(tidy=False).astype(int) - expected).max() <= 1
    decoding = DecodingConfig(temperature=0.5)
    with pytest.warns(DeprecationWarning, match="reading= is now decoding="):
        former = Colorizer(colorizer.network, working_size=64, reading=decoding)
    assert former.decoding is decoding
    with pytest.warns(DeprecationWarning, match="engine= is now backend="):
        assert Colorizer.from_preset("koala-lite", engine="litert").backend.kind == "litert"
    with pytest.warns(DeprecationWarning, match="engine is now backend"):
        assert former.engine is former.backend
    with pytest.raises(AttributeError, match="no attribute 'motor'"):
        former.motor  # noqa: B018
