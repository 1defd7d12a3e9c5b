"""A user's hints: what counts as one, how far its color reaches, and that its place obeys it."""

import dataclasses
import json
import math

import cv2
import keras
import numpy as np
import pytest
from fields import evaluate
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from deepkoal import guidance
from deepkoal.color import rgb_to_lab
from deepkoal.errors import DeepkoalError
from deepkoal.evaluation.metrics import ciede2000
from deepkoal.guidance import AffinityPoints, DecodingConfig, Kernel, make_affinity_points, spread
from deepkoal.hints import (
    Hint,
    Region,
    Stroke,
    describe_hint,
    find_contradictions,
    list_hints,
    parse_hint,
    read_hints,
    resize_hint,
)
from deepkoal.hints.arrays import cover_regions
from deepkoal.hints.paths import GROUPS
from deepkoal.hints.reach import (
    TOGETHER,
    Comparison,
    Reach,
    believe,
    contradict,
    loosen,
    measure_reach,
    spread_confirmed,
)
from deepkoal.hints.rows import HintRows, read_rows, write_rows
from deepkoal.hints.things import weigh_things
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.hint_gamut import list_unshowable
from deepkoal.inference.prediction.core import PredictionCore
from deepkoal.rendering.upsampling import find_pixels, fit_chroma, touch_chroma

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def lite():
    return Colorizer.from_preset("koala-lite", backend="litert")


# --- what a hint is ----------------------------------------------------------------------------


def test_they_are_found_where_they_were_with_a_warning():
    with pytest.warns(DeprecationWarning, match=r"guidance\.read_hints is now deepkoal\.hints\."):
        assert guidance.read_hints is read_hints
    with pytest.raises(AttributeError, match="no attribute 'raed_hints'"):
        guidance.raed_hints  # noqa: B018


@pytest.mark.parametrize("color", ["#c03020", "#C03020", "rgb(192, 48, 32)", "hsl(6, 71%, 44%)"])
def test_a_color_may_be_written_as_in_css(color):
    expected = rgb_to_lab(np.array([192, 48, 32], "float32") / 255)[1:]
    np.testing.assert_allclose(Hint(1, 2, color).ab, expected, atol=0.5)


@pytest.mark.parametrize(
    "color", ["reddish", "#12", "", None, 3, (1.0,), (1.0, math.nan), (0, 300)]
)
def test_what_is_no_color_is_refused(color):
    with pytest.raises(DeepkoalError, match="is no color"):
        Hint(0, 0, color)


@pytest.mark.parametrize("x", [-1, math.nan, math.inf, "3", None, True])
def test_what_is_no_coordinate_is_refused(x):
    with pytest.raises(DeepkoalError, match="a hint's x must be a number from 0 up"):
        Hint(x, 0, "red")


numbers = st.floats(0, 1e6)
colors = st.one_of(
    st.from_regex(r"#[0-9a-f]{6}", fullmatch=True),
    st.tuples(st.floats(-128, 128), st.floats(-128, 128)),
)


@given(st.lists(st.builds(Hint, numbers, numbers, colors), max_size=5))
def test_hints_survive_their_file(tmp_path_factory, hints):
    path = tmp_path_factory.mktemp("hints") / "hints.json"
    path.write_text(json.dumps([vars(hint) for hint in hints]))
    assert read_hints(path) == hints


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "cannot be read as JSON"),
        ('{"x": 1}', "expected a list, got dict"),
        ("[1]", "hint 1: expected x, y and color, got 1"),
        ('[{"x": 1, "y": 2}]', r"hint 1: expected x, y and color, got \['x', 'y'\]"),
        ('[{"x": 1, "y": 2, "color": "mud"}]', "hint 1: 'mud' is no color"),
        ('[{"x": NaN, "y": 2, "color": "red"}]', "hint 1: a hint's x must be a number"),
    ],
)
def test_a_file_of_something_else_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "hints.json"
    path.write_text(text)
    with pytest.raises(DeepkoalError, match=message) as error:
        read_hints(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(DeepkoalError, match=r"none\.json: cannot be read \(No such file"):
        read_hints(tmp_path / "none.json")


POLYGON = ((10.0, 10.0), (30.0, 10.0), (30.0, 40.0))


@pytest.mark.parametrize(
    "hint",
    [
        Hint(3, 4, "own"),
        Hint(0.25, 1.0, "grey", relative=True),
        Stroke([(1, 2), (30, 4)], (12.0, -30.0)),
        Stroke([(5, 5)], "own"),
        Region(POLYGON, "#c03020"),
        Region([(0, 0), (1, 0), (0, 1)], "grey", relative=True),
    ],
)
def test_every_kind_of_hint_survives_json(hint):
    entry = json.loads(json.dumps(describe_hint(hint)))
    assert parse_hint(entry, "here") == hint


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"stroke": [], "color": "red"}, "here: a stroke is a list of 1 to 10000 points"),
        ({"stroke": [[1, "2"]], "color": "red"}, "here: a stroke is a list of"),
        ({"region": [[1, 2], [3, 4]], "color": "red"}, "here: a region is a list of 3 to 10000"),
        ({"region": "all", "color": "red"}, "here: a region is a list of"),
        ({"x": 1, "y": 2, "stroke": [[1, 2]], "color": "red"}, "here: expected x, y and color"),
        ({"x": 2, "y": 0, "color": "red", "relative": True}, r"must lie in 0…1, not 2, 0"),
        ({"x": 1, "y": 0, "color": "red", "relative": 1}, "relative must be true or false: 1"),
    ],
)
def test_json_of_something_else_is_refused_in_one_line(entry, message):
    with pytest.raises(DeepkoalError, match=message) as error:
        parse_hint(entry, "here")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("mask", [np.zeros((4, 4), bool), np.ones((4, 4, 3), bool)])
def test_a_mask_of_nothing_is_refused(mask):
    with pytest.raises(DeepkoalError, match="a region's mask is boolean"):
        Region(mask, "red")


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(DeepkoalError, match="mask of 40×20 pixels is not of the photo's shape"):
        list_hints([Region(np.ones((20, 40), bool), "red")], 40, 40)


def test_a_hint_moves_with_its_photo_and_stays_inside():
    assert resize_hint(Hint(99.9, 49.99, "red"), (50, 100), (5, 10)).x < 10
    moved = resize_hint(Region(POLYGON, "red"), (50, 100), (100, 50))
    assert moved.points == ((5, 20), (15, 20), (15, 80))


def test_a_polygon_and_its_mask_cover_the_same_and_leave_holes_open():
    y, x = np.mgrid[:48, :64]
    ring = (np.hypot(y - 24, x - 32) < 20) & (np.hypot(y - 24, x - 32) > 10)
    (cover,) = cover_regions(list_hints([Region(ring, "red")], 48, 64), (48, 64), (48, 64))
    assert np.abs(cover - ring).mean() < 0.02
    square = Region([(16, 12), (48, 12), (48, 36), (16, 36)], "red")
    (cover,) = cover_regions(list_hints([square], 48, 64), (48, 64), (12, 16))
    np.testing.assert_allclose(cover[3:9, 4:12], 1, atol=1e-6)
    assert cover.sum() == pytest.approx(48)


# --- how far it reaches ------------------------------------------------------------------------

KERNEL = Kernel((0.5, 1.0), (10.0, 20.0), (0.2, 0.4), (0.7, 0.3), noise=0.25)


def test_places_of_a_grid_lie_at_the_middles_of_its_cells():
    points = make_affinity_points(
        np.zeros((2, 8, 3), "float32"), np.arange(16, dtype="float32").reshape(2, 8)
    )
    np.testing.assert_allclose(
        points.position[[0, 1, 8]], [[0.125, 0.125], [0.125, 0.375], [0.375, 0.125]]
    )
    assert points.l.tolist() == list(range(16))
    assert points.features.shape == (16, 3)


def test_affinity_is_a_mixture_of_gaussians():
    one = AffinityPoints(np.array([[0.0, 0.0]]), np.array([50.0]), np.array([[0.5, 0.5]]))
    other = AffinityPoints(np.array([[0.3, 0.4]]), np.array([60.0]), np.array([[0.5, 0.9]]))
    parts = [0.25 / 0.5 + 100 / 200 + 0.16 / 0.08, 0.25 / 2 + 100 / 800 + 0.16 / 0.32]
    expected = 0.7 * math.exp(-parts[0]) + 0.3 * math.exp(-parts[1])
    np.testing.assert_allclose(KERNEL.compare(one, other), [[expected]])
    far = 0.7 * math.exp(-1.0) + 0.3 * math.exp(-0.25)
    np.testing.assert_allclose(KERNEL.compare(one, other, near=False), [[far]])


def random_places(count, seed=0):
    rng = np.random.default_rng(seed)
    return AffinityPoints(
        rng.normal(0, 0.4, (count, 4)).astype("float32"),
        rng.uniform(0, 100, count).astype("float32"),
        rng.random((count, 2)).astype("float32"),
    )


def test_one_hint_changes_its_place_by_all_but_the_noise_and_others_by_their_affinity():
    points = random_places(30)
    hint_points = points.take(np.array([7]))
    change = spread(points, hint_points, np.array([[10.0, -20.0]], "float32"), KERNEL)
    np.testing.assert_allclose(change[7], [8, -16], rtol=1e-4)
    expected = KERNEL.compare(points, hint_points) / 1.25 * [10, -20]
    np.testing.assert_allclose(change, expected, atol=1e-4)


def test_hints_that_agree_count_once():
    points = random_places(30)
    residual = np.array([[10.0, -20.0]], "float32")
    quiet = Kernel(**{**vars(KERNEL), "noise": 1e-3})
    once = spread(points, points.take(np.array([7])), residual, quiet)
    thrice = spread(points, points.take(np.array([7, 7, 7])), residual.repeat(3, 0), quiet)
    np.testing.assert_allclose(thrice, once, atol=0.02)


def test_the_backend_spreads_as_numpy_does():
    residuals = np.random.default_rng(2).normal(0, 50, (3, 2)).astype("float32")
    points, hint_points = random_places(20), random_places(3, seed=1)
    tensors = [
        AffinityPoints(*(keras.ops.convert_to_tensor(part) for part in vars(each).values()))
        for each in (points, hint_points)
    ]
    spread_there = spread(*tensors, keras.ops.convert_to_tensor(residuals), KERNEL)
    here = spread(points, hint_points, residuals, KERNEL)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(spread_there), here, atol=1e-2)


# --- that its place obeys ----------------------------------------------------------------------


@given(st.floats(0, 39.99), st.floats(0, 59.99))
def test_a_touched_field_gives_the_color_at_its_place_and_is_unchanged_far_away(x, y):
    rng = np.random.default_rng(0)
    l = rng.uniform(10, 90, (60, 40)).astype("float32")
    field = rng.normal(0, 1, (6, 4, 4)).astype("float32")
    wanted = np.array([[30, -40]], "float32")
    touched = touch_chroma(field, *find_pixels(np.array([[x, y]]), l), wanted)
    before, after = (evaluate(each, l) for each in (field, touched))
    np.testing.assert_allclose(after[int(y), int(x)], [30, -40], atol=1e-3)
    rows, columns = np.nonzero(np.abs(after - before).max(-1) > 1e-4)
    assert np.abs(rows - y).max() <= 21
    assert np.abs(columns - x).max() <= 21


def test_unlike_colors_next_to_each_other_are_all_met():
    rng = np.random.default_rng(0)
    l = rng.uniform(10, 90, (60, 60)).astype("float32")
    field = rng.normal(0, 0.1, (17, 17, 4)).astype("float32")
    places = np.array([[40, 10], [41, 10], [20, 20], [20, 23], [23, 20], [50, 50]])
    wanted = rng.normal(0, 20, (6, 2)).astype("float32")
    touched = touch_chroma(field, *find_pixels(places, l), wanted)
    got = evaluate(touched, l)[places[:, 1], places[:, 0]]
    assert np.linalg.norm(got - wanted, axis=1).max() < 2.5
    np.testing.assert_allclose(got[-1], wanted[-1], atol=1e-2)
    crowd = np.argwhere(np.ones((20, 20))) + 20  # more than there are cells
    asked = rng.normal(0, 20, (400, 2)).astype("float32")
    crowded = touch_chroma(field, *find_pixels(crowd, l), asked)
    assert np.abs(evaluate(crowded, l)).max() < 500


def test_of_hints_at_one_pixel_the_last_alone_counts_and_another_color_is_said():
    red, blue, grey = (Hint(10.2, 7, "red"), Hint(10.9, 7.5, "blue"), Hint(3, 3, "grey"))
    both, alone = (list_hints(each, 20, 20) for each in ([red, grey, blue], [grey, blue]))
    for name, part in vars(alone).items():
        np.testing.assert_array_equal(getattr(both, name), part)
    line = Stroke([(10, 7)], "green")
    hints = [red, line, red, blue, Hint(0.53, 0.36, "own", relative=True)]
    assert find_contradictions(hints, 20, 20) == [(red, blue), (blue, hints[-1])]


def test_a_photo_obeys_a_hint_at_its_own_pixel(lite, photos):
    prediction = lite.predict(photos["chelsea"])
    hint = Hint(200, 150, (25.0, 30.0))
    rgb = prediction.render(hints=[hint])
    asked = np.concatenate([prediction.l[150, 200:201], hint.ab])
    got = rgb_to_lab(rgb[150, 200].astype("float32") / 255)
    assert np.linalg.norm(got - asked) < 5
    asked_rgb = cv2.cvtColor(asked[None, None].astype("float32"), cv2.COLOR_LAB2RGB)
    assert ciede2000(rgb[150:151, 200:201], (asked_rgb * 255).round().astype("uint8")) < 5


def test_a_hint_colors_the_object_it_lies_on_and_stops_at_its_edges(lite, photos):
    # A cup on a table, and a cat: their photos side by side, as two objects with a known border.
    halves = [cv2.resize(photos[name], (192, 256)) for name in ("coffee", "chelsea")]
    prediction = lite.predict(np.concatenate(halves, axis=1))
    plain = prediction.decode_ab()
    change = np.linalg.norm(
        prediction.decode_ab(hints=[Hint(290, 130, (-40.0, 40.0))]) - plain, axis=-1
    )
    middle = change.shape[1] // 2
    assert change[:, middle + 2 :].mean() > 8 * change[:, : middle - 2].mean()


@pytest.mark.parametrize("size", [(1, 300), (427, 640)])
def test_a_border_that_is_none_moves_no_hint(size):
    l, outputs = np.zeros(size, "f4"), {"features": np.zeros((16, 136, 2), "f4")}
    points = np.random.default_rng(0).random((500, 2)) * size[::-1]
    whole = np.array([0, 1, 0, 1], "f4")
    cells = [
        PredictionCore(l, outputs, DecodingConfig(), border).find_hint_cells(points)
        for border in (None, whole)
    ]
    np.testing.assert_array_equal(*cells)


@given(
    side=st.integers(2, 1200),
    grid=st.integers(1, 97),
    number=st.integers(0, 97),
    nudge=st.sampled_from([0, 1e-12, 1e-7, 1e-4]).flatmap(lambda x: st.sampled_from([-x, x])),
    border=st.sampled_from([None, (0.0, 1.0), (0.1, 0.93)]),
)
def test_a_place_at_a_cells_edge_is_in_the_same_cell_as_a_request_has_it(
    side, grid, number, nudge, border
):
    begin, end = (np.round(np.float32(border or (0, 1)) * side)).astype(int)
    edge = float(begin + (end - begin) * min(number, grid) / grid * (1 + nudge))
    edge = min(max(edge, 0.0), math.nextafter(side, 0))
    asked = np.float32([[edge, 0.0]])
    if asked[0, 0] >= side:
        return  # which a server refuses
    served, own = keras.ops.convert_to_tensor, np.asarray
    cells = []
    for make, points in (
        (own, list_hints([Hint(edge, 0, "red")], 1, side).points),
        (served, asked),
    ):
        outputs = {"features": make(np.zeros((1, grid, 1), "f4"))}
        given = None if border is None else make(np.float32([0, 1, *border]))
        core = PredictionCore(make(np.zeros((1, side), "f4")), outputs, DecodingConfig(), given)
        cells.append(int(core.find_hint_cells(make(points))[0]))
    assert cells[0] == cells[1]


def test_hints_outside_the_photo_are_refused(lite, photos):
    prediction = lite.predict(photos["chelsea"])
    height, width = photos["chelsea"].shape[:2]
    for x, y in ((width, 0), (0, height)):
        with pytest.raises(DeepkoalError, match=f"outside the photo of {width}×{height} pixels"):
            prediction.render(hints=[Hint(x, y, "red")])


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        (Stroke([(-9, 3), (3, -9)], "red"), "the stroke at x -9, y 3 lies outside the photo"),
        (Stroke([(20, 3)], "red"), "lies outside"),
        (Region([(-9, 3), (3, -9), (-9, -9)], "red"), "the region at .* lies outside"),
        (Region([(1, 1), (5, 5), (9, 9)], "red"), "the region at x 1, y 1 holds no pixel"),
        (Region([(5, 5), (5.1, 5), (5.1, 5.2)], "red"), "holds no pixel"),
        (Stroke([(-9, 3), (9, 3), (9, 50)], "red"), None),
        (Stroke([(19.5, -5), (19.5, 50)], "red"), None),
        (Region([(-50, -50), (90, -50), (90, 90), (-50, 90)], "red"), None),
        (Region([(2, 2), (9, 9), (9, 2), (2, 9)], "red"), None),  # crosses itself
        (Region([(5, 5), (6, 5), (6, 6), (5, 6)], "red"), None),
    ],
)
def test_an_outline_has_to_hold_some_of_its_photo(hint, message):
    if message is None:
        assert list_hints([hint], 10, 20)
        return
    with pytest.raises(DeepkoalError, match=message) as error:
        list_hints([hint], 10, 20)
    assert "\n" not in str(error.value)


def test_things_are_told_apart_by_the_output_that_a_network_has_for_it(lite, photos):
    prediction = lite.predict(photos["rocket"])
    features = prediction.outputs["features"]
    halves = np.zeros((*features.shape[:2], 2), np.float32)  # two things, each the same all over
    halves[:, : features.shape[1] // 2] = 10
    outputs = {**prediction.outputs, "features": np.zeros_like(features), "things": halves}
    prediction = dataclasses.replace(prediction, outputs=outputs)
    hints = list_hints([Hint(20, 30, (0.0, -60.0))], *prediction.l.shape)
    without, whole = (prediction._measure_reach(hints, share).weights for share in (0.0, 1.0))
    middle = without.shape[1] // 2
    assert without[:, middle + 3 :].mean() > 0.01
    assert whole[:, middle + 3 :].max() == 0
    assert whole[:, : middle - 3].mean() == pytest.approx(without[:, : middle - 3].mean(), rel=0.01)


@pytest.mark.parametrize(
    ("apart", "own", "share"),
    [
        ([90], [0], 1),
        ([5], [0], 0),
        ([90, 90, 90, 5], [0] * 4, 0.875),  # three of four contradict the guess, wholly from 0.8 on
        ([90, 5, 5, 5], [0] * 4, 0),
        ([90, 5, 5, 5], [0, 1, 1, 1], 1),  # what is to stay as it is says nothing of its color
        ([5, 5], [1, 1], 0),
        ([], [], 0),
    ],
)
def test_things_count_where_hints_contradict_the_guess(apart, own, share):
    arrays, here = _point_away(apart, own)
    assert weigh_things(contradict(arrays, here)) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(
    ("others", "share"),
    [([], 0.04), ([90] * 3, 0.04), ([2] * 3, 0.53), ([2] * 9, 0.74), ([2] * 4 + [90] * 4, 0.04)],
)
def test_a_surprise_is_believed_elsewhere_among_hints_that_confirm_the_guess(others, share):
    arrays, here = _point_away([40, *others])
    loosened = loosen(arrays, contradict(arrays, here))
    assert believe(arrays, here, loosened)[0, 0] == pytest.approx(share, abs=0.05)


def test_a_confirmed_guess_moves_in_proportion_to_the_deviation_there():
    arrays, here = _point_away([5])
    reach = Reach(None, None, np.full((3, 1), 0.5, np.float32), np.zeros(3, np.float32))
    deviation = np.float32([[10], [20], [5]])
    change = spread_confirmed(reach, arrays, here, 1.0, deviation, np.array([1]))
    np.testing.assert_allclose(change[:, 1], [1.25, 2.5, 0.625], rtol=0.01)


def test_hints_that_confirm_let_a_surprise_move_like_places(lite, photos, monkeypatch):
    prediction = lite.predict(photos["coffee"])
    height, width = prediction.l.shape
    guess = prediction.decode_ab()
    scale = np.array(guess.shape[:2]) / prediction.l.shape

    def place(x, y, far):
        row, column = (np.array([y, x]) * scale).astype(int)
        a, b = guess[row, column].tolist()
        return Hint(x, y, (a, b + far))

    spots = [(width * x, height * y) for x in (0.1, 0.5, 0.9) for y in (0.1, 0.5, 0.9)]
    confirming = [place(x, y, 1) for x, y in spots]
    surprise = place(width * 0.3, height * 0.7, 40)

    def move(hints):
        kept, moved = (
            (monkeypatch.setattr("deepkoal.hints.reach.TOGETHER", share), decode(hints))[1]
            for share in (0.0, TOGETHER)
        )
        return np.linalg.norm(moved - kept, axis=-1).max()

    def decode(hints):
        return prediction.decode_ab(hints=hints)

    assert move([surprise]) < 0.5
    assert move([surprise, *confirming]) > 3


def test_a_small_difference_moves_less_of_what_the_network_is_sure_of(lite, photos):
    prediction = lite.predict(photos["rocket"])
    a, b = prediction.decode_ab()[10, 10].tolist()
    scale = np.array(prediction.l.shape) / prediction.decode_ab().shape[:2]
    hint = Hint(10.5 * scale[1], 10.5 * scale[0], (a, b + 8))

    def move(sharper):
        outputs = dict(prediction.outputs)
        outputs["logits"] = outputs["logits"].copy()
        outputs["logits"][outputs["logits"].shape[0] // 2 :] *= sharper
        seen = dataclasses.replace(prediction, outputs=outputs)
        change = seen.decode_ab(hints=[hint], cleanup=False) - seen.decode_ab(cleanup=False)
        return np.linalg.norm(change, axis=-1)[-change.shape[0] // 3 :].mean()

    assert move(3.0) < 0.8 * move(1.0)


def test_where_no_distribution_is_predicted_the_deviation_is_the_same_everywhere(photos):
    l = np.full((32, 48), 50, np.float32)
    outputs = {
        "ab_norm": np.zeros((8, 12, 2), np.float32),
        "features": np.zeros((8, 12, 4), np.float32),
    }
    seen = PredictionCore(l, outputs, DecodingConfig(1.0))
    np.testing.assert_array_equal(seen.deviation, np.ones((8, 12, 1)))


def _point_away(apart, own=None):
    count = len(apart)
    here = np.full((count, 2), 3, np.float32)
    away = np.stack([np.zeros(count), np.asarray(apart)], axis=-1).astype("float32")
    arrays = list_hints([Hint(1, 1, (0, 0))], 8, 8)
    own = np.zeros(count) if own is None else np.asarray(own)
    return dataclasses.replace(arrays, ab=here + away, own=own.astype("float32")), here


def test_without_hints_nothing_is_spread(lite, photos):
    prediction = lite.predict(photos["rocket"])
    np.testing.assert_array_equal(prediction.render(hints=[]), prediction.render())
    field = fit_chroma(prediction.l, prediction.decode_ab())
    assert field.shape[-1] == 4


def measure(rows, columns, cells, make=np.asarray):
    """The reach of hints at these cells of a small photo of noise."""
    rng = np.random.default_rng(1)
    coarse = rng.normal(0, 0.2, (rows, columns, 4)).astype("float32")
    coarse_l = rng.uniform(40, 60, (rows, columns)).astype("float32")
    points = make_affinity_points(make(coarse), make(coarse_l))
    cells = make(np.array(cells, np.int32))
    things = Comparison(make(coarse), make(np.ones(4, np.float32)))
    return measure_reach(things, make(coarse_l), points, cells, cells, Kernel())


@pytest.mark.parametrize("count", [GROUPS, 5 * GROUPS - 3])
def test_of_any_number_of_hints_each_is_the_nearest_at_its_place(count):
    cells = np.random.default_rng(2).permutation(18 * 20)[:count]
    reach = measure(18, 20, cells)
    weights, nearest = (each.reshape(360, -1)[cells] for each in (reach.weights, reach.nearest))
    assert weights.shape[1] == GROUPS
    best = np.take_along_axis(nearest, weights.argmax(1)[:, None], axis=1)[:, 0]
    np.testing.assert_array_equal(best, np.arange(count))


def test_the_backend_reaches_as_numpy_does():
    cells = np.random.default_rng(2).permutation(18 * 20)[: 3 * GROUPS - 5]
    here, there = measure(18, 20, cells), measure(18, 20, cells, keras.ops.convert_to_tensor)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(there.nearest), here.nearest)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(there.weights), here.weights, rtol=1e-3, atol=1e-4
    )


# --- that it fills its thing, and nothing else -------------------------------------------------


def move(prediction, hints):
    """How far each pixel's color moves, (H, W), in ab units."""
    fields = [prediction.render(hints=given) for given in ((), hints)]
    before, after = (rgb_to_lab(rgb.astype("float32") / 255)[..., 1:] for rgb in fields)
    return np.linalg.norm(after - before, axis=-1)


def test_a_suit_is_filled_by_one_hint_and_the_rest_does_not_move(lite, photos):
    prediction = lite.predict(photos["astronaut"])
    after = prediction.render(hints=[Hint(100, 350, (5.0, -45.0))])
    ab = rgb_to_lab(after.astype("float32") / 255)[..., 1:]
    suit = np.s_[290:480, 60:220]
    assert np.mean(np.linalg.norm(ab[suit] - [5, -45], axis=-1) < 10) > 0.6  # with patch and seams
    change = move(prediction, [Hint(100, 350, (5.0, -45.0))])
    assert change[:150, 180:].mean() < 1.5  # wall, face, hair and shuttle
    assert np.percentile(change[:150, 180:], 95) < 4


def test_hints_on_skin_do_not_move_the_wall(lite, photos):
    skin = [Hint(x, y, "#d8a888") for x, y in ((200, 90), (225, 150), (250, 110))]
    change = move(lite.predict(photos["astronaut"]), skin)
    assert change[:200, 310:380].mean() < 2.5


def test_what_is_kept_stays(lite, photos):
    prediction = lite.predict(photos["astronaut"])
    suit = Hint(100, 350, (5.0, -45.0))
    kept = Region([(60, 400), (220, 400), (220, 500), (60, 500)], "own")
    assert move(prediction, [suit])[410:490, 70:210].mean() > 20
    assert move(prediction, [suit, kept])[420:480, 80:200].mean() < 1
    grey = prediction.render(hints=[Region(kept.area, "grey")])[430:470, 90:190]
    assert np.ptp(grey.astype(int), axis=-1).mean() < 3


def test_a_stroke_colors_as_its_points_do(lite, photos):
    prediction = lite.predict(photos["chelsea"])
    stroke = move(prediction, [Stroke([(150, 150), (200, 160)], (40.0, -30.0))])
    assert stroke[150:158, 150:190].mean() > 15


def test_a_color_that_its_place_cannot_show_is_said_with_the_nearest_that_it_can(lite, photos):
    prediction = lite.predict(photos["astronaut"])
    white, cloth = (345.0, 300.0), (100.0, 350.0)
    y, x = np.unravel_index(prediction.l.argmax(), prediction.l.shape)
    sea = Hint(float(x), float(y), "#0040a0")
    ((hint, shown),) = list_unshowable(
        prediction, [sea, Hint(*cloth, "#808890"), Hint(*white, "own")]
    )
    assert hint == sea
    rgb = prediction.render(hints=[sea])[y, x]
    near = [int(shown[at : at + 2], 16) for at in (1, 3, 5)]
    assert np.abs(rgb.astype(int) - near).max() <= 2


# Kinds of photos on which hints once failed, drawn or composed: a hint on one thing took others
# like it along, left its own thing patchy, or turned the ground to its color.


def lay(scene, outline, values):
    """Draw values, (H, W), within an outline; return where that is."""
    mask = cv2.fillPoly(np.zeros(scene.shape, np.uint8), [np.array(outline)], 1) > 0
    np.copyto(scene, values, where=mask)
    return mask


def to_grey_photo(scene):
    soft = cv2.GaussianBlur(scene.astype(np.float32), (0, 0), 0.8)
    return np.dstack([np.clip(soft, 0, 255).astype(np.uint8)] * 3)


def test_one_dancers_skirt_is_filled_and_a_like_one_far_away_does_not_move(lite):
    rng, size = np.random.default_rng(3), (360, 560)
    rows, columns = np.mgrid[: size[0], : size[1]]
    noise = rng.normal(0, 4, size)
    scene = 0.55 * cv2.resize(data.gravel(), size[::-1]).astype(np.float32) + 35
    scene[:170] = 0.5 * cv2.resize(data.brick(), (size[1], 170)) + 20
    skirts = []
    for x in (110, 430):
        folds = 190 + 22 * np.cos(38 * (columns - x) / np.maximum(rows - 60, 1) + x) + noise
        outline = [(x - 22, 130), (x + 22, 130), (x + 85, 300), (x - 85, 300)]
        skirts.append(lay(scene, outline, folds))
        lay(scene, [(x - 24, 100), (x + 24, 100), (x + 22, 130), (x - 22, 130)], 70 + noise)
        lay(scene, cv2.ellipse2Poly((x, 75), (17, 22), 0, 0, 360, 10), 170 + noise)
    prediction, hint = lite.predict(to_grey_photo(scene)), Hint(110, 220, "#b8c8f8")
    after = rgb_to_lab(prediction.render(hints=[hint]).astype("float32") / 255)[..., 1:]
    assert np.mean(np.linalg.norm(after - hint.ab, axis=-1)[skirts[0]] < 10) > 0.9
    change = move(prediction, [hint])
    assert change[skirts[1]].mean() < 2
    around = cv2.dilate((skirts[0] | skirts[1]).astype(np.uint8), np.ones((11, 11), np.uint8)) == 0
    assert change[around].mean() < 1.5
    assert np.percentile(change[around], 95) < 4


@pytest.fixture(scope="module")
def cameraman(lite, photos):
    return lite.predict(np.dstack([data.camera()] * 3))


LAWN, FACE = np.s_[300:500, 400:500], np.s_[160:200, 228:252]


def test_a_coat_takes_one_color_all_over_and_the_lawn_none(cameraman):
    hint = Hint(110, 260, (8.0, -25.0))
    after = rgb_to_lab(cameraman.render(hints=[hint]).astype("float32") / 255)[..., 1:]
    coat = lay(np.zeros((512, 512)), [(40, 250), (110, 150), (160, 140), (190, 250), (100, 420)], 0)
    assert np.mean(np.linalg.norm(after - hint.ab, axis=-1)[coat] < 15) > 0.8
    change = move(cameraman, [hint])
    assert change[LAWN].mean() < 1.5
    assert change[FACE].mean() < 4
    assert change[:60].mean() < 1.5  # the sky


def test_hints_on_skin_do_not_turn_a_lawn_brown(cameraman):
    skin = [Hint(x, y, "#d8a888") for x, y in ((240, 185), (262, 172), (188, 150))]
    change = move(cameraman, skin)
    assert change[LAWN].mean() < 2
    assert change[400:500, 180:290].mean() < 2  # between the tripod's legs
    assert change[:60].mean() < 1


def test_a_jacket_is_filled_and_what_is_kept_on_and_around_it_stays(lite):
    rng, size = np.random.default_rng(4), (420, 480)
    rows, columns = np.mgrid[: size[0], : size[1]]
    noise, grass = rng.normal(0, 4, size), cv2.resize(data.grass(), size[::-1]).astype(np.float32)
    scene = 190 + rows / 12 + noise
    spruce = [(60, 20), (84, 80), (70, 80), (117, 245), (103, 245), (135, 400), (-15, 400)]
    trees = lay(scene, spruce, 30 + 0.5 * grass)
    lay(scene, [(0, 385), (480, 385), (480, 420), (0, 420)], 110 + 0.3 * grass)
    weave = 95 + 6 * np.sign(np.sin(0.9 * rows) * np.sin(0.9 * columns)) + 14 * np.cos(columns / 26)
    outline = [(190, 150), (290, 150), (345, 185), (365, 390), (115, 390), (135, 185)]
    jacket = lay(scene, outline, weave + noise)
    for center, axes in (((240, 95), (40, 52)), ((200, 310), (38, 20))):  # a face, a hand
        hand = lay(scene, cv2.ellipse2Poly(center, axes, 20, 0, 360, 10), 162 + noise)
    hints = [Hint(270, 300, (8.0, -35.0)), Hint(200, 310, "own"), Hint(240, 402, "own")]
    prediction = lite.predict(to_grey_photo(scene))
    after = rgb_to_lab(prediction.render(hints=hints).astype("float32") / 255)[..., 1:]
    inside = cv2.erode((jacket & ~hand).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert np.mean(np.linalg.norm(after - hints[0].ab, axis=-1)[inside] < 15) > 0.75
    change = move(prediction, hints)
    inner = cv2.erode(hand.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert change[inner].mean() < 1
    assert change[390:].mean() < 1.5  # the lawn, off its edge
    assert change[trees & (columns < 100)].mean() < 4


# --- rows, as requests to served models have them ----------------------------------------------


def test_hints_come_back_from_rows():
    hints = [
        Stroke([(0.25, 0.5), (0.5, 0.75), (0.5, 1)], "#c03020", relative=True),
        Hint(30.25, 50, (20.0, -30.5)),
        Region([(120, 10), (200, 15), (230, 100)], "grey"),
        Hint(1, 1, "own"),
    ]
    assert read_rows(write_rows(hints)) == hints
    assert read_rows(write_rows(hints, (128, 256))) == hints, "nothing of the stroke is idle"
    assert write_rows([Hint(1, 1, "Tomato"), Hint(1, 1, " OWN")]).colors == ["#ff6347", "own"]
    line = Stroke([(x, 5) for x in range(50)], "red")
    assert write_rows([line], (40, 60)).points.tolist() == [[0, 5], [49, 5]]


def test_a_mask_comes_back_from_rows_as_an_outline_with_its_holes():
    mask = np.zeros((48, 64), bool)
    mask[8:40, 8:40], mask[16:24, 16:24], mask[30:40, 50:60] = True, False, True
    (region,) = read_rows(write_rows([Region(mask, "red")], (48, 64)))
    for hint in (region, Region(mask, "red")):
        (cover,) = cover_regions(list_hints([hint], 48, 64), (48, 64), (48, 64))
        assert np.abs(cover - mask).mean() < 0.02
    with pytest.raises(DeepkoalError, match="not of the photo's shape"):
        write_rows([Region(mask, "red")], (64, 48))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"marks": [0, 0, 1]}, "as many hint_points as hint_marks"),
        ({"marks": [1, 0]}, "do not fall, or -1, got 0 after 1"),
        ({"marks": [0, 2]}, "got 2 after 0"),
        ({"marks": [0, 0]}, "expected 1 for a hint, got 2"),
        ({"kinds": ["hint", "line"]}, "expected hint, stroke, region .* got 'line'"),
        ({"colors": ["red", "1,x"]}, "'1,x' is no color"),
        ({"relative": [False, True]}, r"must lie in 0…1"),
    ],
)
def test_rows_that_are_no_hints_are_refused(changed, message):
    given = {
        "points": np.float32([[1, 1], [2, 2]]),
        "marks": [0, 1],
        "kinds": ["hint", "stroke"],
        "colors": ["red", "blue"],
        "relative": [False, False],
    }
    with pytest.raises(DeepkoalError, match=message):
        read_rows(HintRows(**{**given, **changed}))
