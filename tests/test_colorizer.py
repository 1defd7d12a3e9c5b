"""Photos of any size through a network and back: lightness kept, batches, and what is refused."""

import dataclasses
import json

import cv2
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_networks import randomize, tiny_embedder, tiny_encoder, tiny_lite

from deepkoal import models
from deepkoal.errors import DeepkoalError, WeightsError
from deepkoal.evaluation.metrics import colorfulness
from deepkoal.guidance import DecodingConfig, Palette
from deepkoal.hints import Hint
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction.working_size import fit_working_size
from deepkoal.models.weights import save_weights
from deepkoal.pretrained import presets
from deepkoal.rendering.composition import lightness
from deepkoal.rendering.resampling import resize

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def vivid(network, scale):
    """Random weights tell almost nothing: make their differences count."""
    layer = network.get_layer("logits" if "logits" in network.output else "decoder_5")
    layer.kernel.assign(layer.kernel * scale)
    return network


@pytest.fixture(scope="module")
def colorizer():
    return Colorizer(
        vivid(tiny_lite(), 8), working_size=64, decoding=DecodingConfig(temperature=0.4)
    )


@pytest.fixture(scope="module")
def koala_colorizer():
    network = randomize(models.koala(tiny_embedder()), seed=0)
    return Colorizer(vivid(network, 3), working_size=64)


def one_line(error):
    message = str(error.value)
    assert "\n" not in message
    return message


def assert_same_lightness(rgb, photo):
    """Within 1 of 100, but where a step of 1 in 255 is more than that: near black."""
    before, after = lightness(photo), lightness(rgb)
    bright = before > 8
    assert np.abs(after - before)[bright].max(initial=0) < 1
    assert np.abs(after - before).max() < 2


# --- any photo ---------------------------------------------------------------------------------

SIZES = [(1, 1), (1, 40), (40, 1), (2, 3), (31, 33), (64, 64), (100, 200), (3, 300), (300, 3)]


@pytest.mark.parametrize("size", SIZES)
def test_a_photo_of_any_size_keeps_its_size_and_lightness(colorizer, photos, size):
    photo = np.ascontiguousarray(photos["astronaut"][: size[0], 60 : 60 + size[1]])
    rgb = colorizer.colorize(photo)
    assert rgb.shape == (*size, 3)
    assert rgb.dtype == np.uint8
    assert_same_lightness(rgb, photo)


def test_the_same_photo_at_another_size_has_the_same_colors(photos):
    photo = cv2.resize(photos["astronaut"], (1200, 900), interpolation=cv2.INTER_CUBIC)
    large = Colorizer.from_preset("koala-lite", backend="litert").predict(photo)
    small = dataclasses.replace(large, l=resize(large.l, 300, 400))
    options = [{"hints": [Hint(40 * scale, 120 * scale, "teal")]} for scale in (3, 1)]
    options = [{**each, "vibrance": 1.5, "palette": Palette.named("vermeer")} for each in options]
    apart = np.abs(large.decode_ab(**options[0]) - small.decode_ab(**options[1]))
    assert apart.max() < 6  # at the edge of what a hint fills
    assert apart.mean() < 0.1
    reduced = cv2.resize(large.render(**options[0]), (400, 300), interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.astype(int) - small.render(**options[1])).mean() < 2


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
@pytest.mark.parametrize("network", ["colorizer", "koala_colorizer"])
def test_a_photo_is_colored_and_keeps_its_lightness(network, photos, name, request):
    photo = photos[name]
    rgb = request.getfixturevalue(network).colorize(photo)
    assert rgb.shape == photo.shape
    assert colorfulness(rgb) > 5
    assert_same_lightness(rgb, photo)


def test_only_lightness_is_used(colorizer, photos):
    photo = photos["chelsea"]
    # Red and blue exchanged have another lightness; a grey photo is its own, in two or three axes.
    grey = np.ascontiguousarray(photo[..., 1])
    expected = colorizer.colorize(grey)
    np.testing.assert_array_equal(colorizer.colorize(np.stack([grey] * 3, axis=-1)), expected)
    assert colorfulness(expected) > 5


def test_a_view_of_a_photo_is_as_good_as_a_copy(colorizer, photos):
    for view in (photos["rocket"][:, ::-1], photos["rocket"][::3, ::2]):
        expected = colorizer.colorize(np.ascontiguousarray(view))
        np.testing.assert_array_equal(colorizer.colorize(view), expected)


@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_stay(colorizer, level):
    photo = np.full((40, 50), level, np.uint8)
    np.testing.assert_array_equal(colorizer.colorize(photo), np.stack([photo] * 3, axis=-1))


def test_a_network_sees_the_photo_small_and_the_coarse_color_covers_it(colorizer, photos):
    prediction = colorizer.predict(photos["coffee"])  # 400 × 600: a working size of 56 × 80
    assert prediction.l.shape == (400, 600)
    assert prediction.outputs["logits"].shape == (14, 20, 227)
    assert prediction.outputs["features"].shape == (14, 20, 8)
    assert prediction.decode_ab().shape == (14, 20, 2)


def test_mirrored_edges_do_not_reach_the_result():
    # A network that repeats L: what the colorizer hands out is L itself, uncut and in place.
    l_norm = keras.Input((None, None, 1))
    ab_norm = keras.layers.Concatenate()([l_norm, l_norm])
    echo = Colorizer(keras.Model(l_norm, {"ab_norm": ab_norm}), working_size=40)
    photo = np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)
    prediction = echo.predict(photo)
    expected = lightness(photo) / 50 - 1
    np.testing.assert_allclose(prediction.outputs["ab_norm"][..., 1], expected, atol=1e-5)


# --- several photos ----------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["colorizer", "koala_colorizer"])
def test_a_batch_is_its_photos_one_by_one(network, photos, request):
    colorizer = request.getfixturevalue(network)
    batch = [
        photos["astronaut"][:200, :200],
        photos["coffee"][:100, :300],
        photos["chelsea"][:120, :120, 0],
        photos["rocket"][100:300, 100:300],
        photos["coffee"][100:101, :7],
    ]
    together = colorizer.colorize_batch(batch, vibrance=1.2)
    assert len(together) == 5
    for photo, rgb in zip(batch, together, strict=True):
        alone = colorizer.colorize(photo, vibrance=1.2)
        assert rgb.shape == alone.shape
        assert np.abs(rgb.astype(int) - alone).max() <= 1


def test_more_photos_than_a_pass_takes_stay_in_order(colorizer):
    levels = range(10, 250, 12)
    batch = [np.full((8, 8), level, np.uint8) for level in levels]
    for photo, rgb in zip(batch, colorizer.colorize_batch(batch), strict=True):
        assert_same_lightness(rgb, photo)
    assert colorizer.colorize_batch([]) == []


# --- vibrance ----------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["colorizer", "koala_colorizer"])
def test_more_vibrance_is_more_colorful(network, photos, request):
    prediction = request.getfixturevalue(network).predict(photos["astronaut"])
    measured = [
        colorfulness(prediction.render(vibrance=vibrance)) for vibrance in (0.2, 0.5, 1, 1.5, 2.5)
    ]
    assert (np.diff(measured) > 0).all()
    np.testing.assert_array_equal(prediction.render(), prediction.render(vibrance=1.0))


@pytest.mark.parametrize("vibrance", [0.0, float("nan"), 6.0, -1.0])
def test_vibrance_beyond_its_range_is_refused(colorizer, photos, vibrance):
    photo = photos["astronaut"]
    for color in (
        lambda: colorizer.colorize(photo, vibrance=vibrance),
        lambda: colorizer.colorize_batch([photo], vibrance=vibrance),
        lambda: colorizer.predict(photo[:8, :8]).render(vibrance=vibrance),
    ):
        with pytest.raises(DeepkoalError, match=r"vibrance must lie in 0\.2…5"):
            color()


# --- what is no photo --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("photo", "described"),
    [
        (np.zeros((8, 8, 3), np.float32), "got float32 (8, 8, 3)"),
        (np.zeros((8, 8, 4), np.uint8), "got uint8 (8, 8, 4)"),
        (np.zeros((8, 8, 1), np.uint8), "got uint8 (8, 8, 1)"),
        (np.zeros((2, 8, 8, 3), np.uint8), "got uint8 (2, 8, 8, 3)"),
        (np.zeros(8, np.uint8), "got uint8 (8,)"),
        (np.zeros((0, 8, 3), np.uint8), "got uint8 (0, 8, 3)"),
        (np.zeros((8, 8), np.uint8).view(np.matrix), "got matrix"),
        ("photo.jpg", "got str"),
        ([[0, 0], [0, 0]], "got list"),
        (bytearray(192), "got bytearray"),
    ],
)
def test_what_is_no_photo_is_described(colorizer, photo, described):
    for color in (colorizer.colorize, colorizer.predict, lambda p: colorizer.colorize_batch([p])):
        with pytest.raises(DeepkoalError) as error:
            color(photo)
        assert described in one_line(error)
        assert "expected a photo as uint8 or uint16 (H, W, 3) or (H, W)" in one_line(error)


# --- working size ------------------------------------------------------------------------------


@given(st.integers(1, 40000), st.integers(1, 40000), st.sampled_from([32, 64, 128, 224, 512]))
def test_the_working_size_is_of_constant_area_and_the_photos_aspect(height, width, side):
    rows, columns = fit_working_size(np.array([height, width]), side)
    assert rows % 8 == columns % 8 == 0
    assert min(rows, columns) >= 32
    assert [columns, rows] == fit_working_size(np.array([width, height]), side).tolist()
    aspect = min(max(height / width, 1 / 8), 8)
    for got, exact in ((rows, side * aspect**0.5), (columns, side / aspect**0.5)):
        assert got == 32 or abs(got - exact) <= 4


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(500, 500, (128, 128)), (300, 400, (112, 144)), (1, 8, (48, 360)), (1, 100, (48, 360))],
)
def test_the_working_size_by_hand(height, width, expected):
    assert tuple(fit_working_size(np.array([height, width]), 128)) == expected


@settings(max_examples=10)
@given(st.integers(1, 90), st.integers(1, 90))
def test_any_size_goes_through_koala(koala_colorizer, height, width):
    photo = np.random.default_rng(height).integers(0, 256, (height, width), np.uint8)
    assert_same_lightness(koala_colorizer.colorize(photo), photo)


# --- files -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lite_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("networks") / "best.keras"
    tiny_lite().save(path)
    return path


def test_a_file_or_its_folder_is_loaded(lite_file, photos):
    photo = photos["coffee"][:50, :70]
    preset = presets.load_preset("koala-lite")
    decoding = DecodingConfig.from_config(preset.decoding)
    for path in (lite_file, str(lite_file), lite_file.parent):
        loaded = Colorizer.from_file(path)
        assert loaded.working_sizes == tuple(preset.working_size) == (96, 256)
        assert loaded.decoding.temperature == decoding.temperature
    expected = Colorizer(tiny_lite(), working_size=[96, 256], decoding=decoding)
    np.testing.assert_array_equal(loaded.colorize(photo), expected.colorize(photo))


def test_a_runs_network_works_at_sizes_in_proportion_to_its_crops(lite_file, tmp_path):
    (tmp_path / "best.keras").write_bytes(lite_file.read_bytes())
    (tmp_path / "run.json").write_text(json.dumps({"recipe": {"size": 96}}))
    # The preset has 96 and 256, and crops of 128.
    assert Colorizer.from_file(tmp_path).working_sizes == (72, 192)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"recipe": {"size": null}}'])
def test_a_damaged_run_file_is_named(lite_file, tmp_path, content):
    (tmp_path / "best.keras").write_bytes(lite_file.read_bytes())
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(WeightsError) as error:
        Colorizer.from_file(tmp_path)
    assert one_line(error).startswith(f"{tmp_path / 'run.json'} is damaged")


def test_a_missing_network_is_named(tmp_path):
    for path, file in ((tmp_path, tmp_path / "best.keras"), (tmp_path / "a.keras",) * 2):
        with pytest.raises(WeightsError) as error:
            Colorizer.from_file(path)
        assert one_line(error).startswith(f"{file}: no such file; give a .keras file")


def test_a_damaged_network_is_named(lite_file, tmp_path):
    whole = lite_file.read_bytes()
    for name, content in {
        "cut.keras": whole[: len(whole) // 2],
        "empty.keras": b"",
        "text.keras": b"not a network",
        "text.txt": b"not a network",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError) as error:
            Colorizer.from_file(tmp_path / name)
        assert one_line(error).startswith(f"{tmp_path / name} cannot be loaded as a network")


def test_another_network_is_refused(tmp_path):
    inputs = keras.Input((8,))
    keras.Model(inputs, keras.layers.Dense(1)(inputs), name="other").save(tmp_path / "o.keras")
    with pytest.raises(
        WeightsError, match=r"o\.keras holds other, not one of koala, lite, pix2pix; "
    ):
        Colorizer.from_file(tmp_path / "o.keras")


def test_a_network_with_code_in_it_is_refused(tmp_path):
    inputs = keras.Input((None, None, 1))
    outputs = keras.layers.Lambda(lambda x: x * 2)(inputs)
    keras.Model(inputs, {"ab_norm": outputs}, name="lite").save(tmp_path / "code.keras")
    with pytest.raises(WeightsError, match=r"code\.keras cannot be loaded as a network"):
        Colorizer.from_file(tmp_path / "code.keras")


def test_a_preset_is_loaded_with_its_settings(tmp_path, monkeypatch, photos):
    monkeypatch.setenv("DEEPKOAL_MODELS", str(tmp_path))
    monkeypatch.setattr(models, "efficientnet_lite0", tiny_encoder)
    network = randomize(models.lite(tiny_encoder()), seed=0)
    (tmp_path / "mine").mkdir()
    digest = save_weights(network, tmp_path / "mine" / "weights.safetensors")
    config = {
        "summary": "a test",
        "network": "lite",
        "working_size": 72,
        "decoding": {"temperature": 0.5},
        "license": "MIT",
        "sha256": digest,
    }
    (tmp_path / "mine" / "config.json").write_text(json.dumps(config))
    loaded = Colorizer.from_preset("mine")
    assert (loaded.working_size, loaded.decoding.temperature) == (72, 0.5)
    expected = Colorizer(
        network, working_size=72, decoding=DecodingConfig(temperature=0.5)
    ).colorize(photos["rocket"])
    # The file holds half precision.
    assert np.abs(loaded.colorize(photos["rocket"]).astype(int) - expected).max() <= 1


def test_koalas_shipped_weights_color_with_no_network(photos):
    colorizer = Colorizer.from_preset("koala")
    assert colorizer.network.get_layer("embedding").identity == "efficientnet-lite0:imagenet"
    colored = colorizer.colorize(photos["coffee"])
    assert np.ptp(colored, axis=2).mean() > 3
    assert_same_lightness(colored, photos["coffee"])
