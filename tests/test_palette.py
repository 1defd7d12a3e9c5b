"""Palettes: their distributions, the prior shift by hand, and their picture."""

import dataclasses
import importlib.resources
import tomllib

import cv2
import keras
import numpy as np
import pytest
import skimage.color
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from deepkoal.cli import main
from deepkoal.color import ab_bins, encode_ab
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import Palette, list_palettes, shift_prior
from deepkoal.guidance.palette import SMOOTHING
from deepkoal.image_io import read_image
from deepkoal.rendering.contact_sheets import draw_palettes

COUNT = len(ab_bins())
shares = st.lists(st.floats(0.01, 100), min_size=3, max_size=3)


def softmax(logits):
    mass = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return mass / mass.sum(axis=-1, keepdims=True)


def true_ab(rgb):
    return skimage.color.rgb2lab(np.array([[rgb]], "uint8"))[0, 0, 1:]


def move_earth(mass, other):
    signatures = [np.column_stack([p, ab_bins()]).astype("float32") for p in (mass, other)]
    return cv2.EMD(*signatures, cv2.DIST_L2)[0]


# ---------------------------------------------------------------- where palettes come from


def test_colors_are_mixed_with_grey():
    palette = Palette.from_colors(["#3060c0"])
    wanted = true_ab((0x30, 0x60, 0xC0))
    mean = palette.probabilities @ ab_bins()
    share = mean @ wanted / (wanted @ wanted)
    assert 0.35 < share < 0.5  # the mean of 0, 1/5, … 1, the paler ones oftener
    assert np.abs(mean - share * wanted).max() < 2  # on the line between
    assert palette.probabilities.dtype == np.float32
    assert palette.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_colors_without_tints_stay_where_they_are():
    palette = Palette.from_colors(["#3060c0"], tints=False)
    apart = np.hypot(*(ab_bins() - true_ab((0x30, 0x60, 0xC0))).T)
    assert palette.probabilities[apart < 20].sum() > 0.9


@settings(max_examples=20)
@given(shares, st.floats(1e-3, 1e3))
def test_shares_may_be_of_any_unit(amounts, unit):
    names = ("tomato", "#2e6fb7", "hsl(120, 40%, 50%)")
    one = Palette.from_colors(dict(zip(names, amounts, strict=True)))
    other = Palette.from_colors({name: unit * a for name, a in zip(names, amounts, strict=True)})
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
    assert list(one.colors) == ["#ff6347", "#2e6fb7", "#4db34d"]
    assert list(one.colors.values()) == pytest.approx(np.array(amounts) / sum(amounts), rel=1e-5)


@pytest.mark.parametrize(
    ("colors", "message"),
    [
        (["lime", "blurple"], "'blurple' is no color"),
        ([], "one or more colors"),
        ({"red": 0.0}, "share above 0"),
        ({"red": float("nan")}, "share above 0"),
    ],
)
def test_colors_that_make_no_palette_are_refused(colors, message):
    with pytest.raises(DeepkoalError, match=message):
        Palette.from_colors(colors)


def test_palette_of_a_photo_is_its_histogram_with_greys_counted_less():
    photo = np.zeros((96, 96, 3), np.uint8)
    photo[:, :48] = (150, 140, 150)
    photo[:, 48:] = (40, 90, 200)
    palette = Palette.from_image(photo)
    ab = skimage.color.rgb2lab(photo)[0, [0, -1], 1:].astype("float32")
    chroma = np.hypot(*ab.T)
    expected = (chroma / (chroma + 5)) @ encode_ab(ab)
    np.testing.assert_allclose(palette.probabilities, expected / expected.sum(), atol=2e-3)
    assert palette.colors == {"#285ac8": 0.5, "#968c96": 0.5}


def test_mostly_grey_photo_still_says_something():
    photo = np.repeat(skimage.data.camera()[..., None], 3, axis=2)
    photo[200:280, 200:280] = (200, 30, 40)  # 2.4 % of the photo
    palette = Palette.from_image(photo)
    assert palette.probabilities[ab_bins()[:, 0] > 20].sum() > 0.9


def test_palette_of_a_painting_shows_its_chief_colors(photos):
    palette = Palette.from_image(photos["coffee"])
    assert 2 <= len(palette.colors) <= 8
    assert sum(palette.colors.values()) == pytest.approx(1)
    amounts = list(palette.colors.values())
    assert amounts == sorted(amounts, reverse=True)
    warm = palette.probabilities @ ab_bins()
    assert (warm > 5).all()  # a brown table, a red cup


def test_grey_photo_has_no_palette():
    with pytest.raises(DeepkoalError, match="shades of grey"):
        Palette.from_image(np.repeat(skimage.data.camera()[..., None], 3, axis=2))


# ---------------------------------------------------------------- named palettes


def test_named_palettes_are_whole():
    palettes = list_palettes()
    assert len(palettes) >= 12
    assert len({palette.name for palette in palettes}) == len(palettes)
    for palette in palettes:
        assert palette.probabilities.shape == (COUNT,)
        assert palette.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert (palette.probabilities >= 0).all()
        assert palette.title
        assert palette.summary
        assert (palette.title + palette.summary).isascii()  # all the drawing's font can show
    distances = [
        np.abs(one.probabilities - other.probabilities).sum() / 2
        for i, one in enumerate(palettes)
        for other in palettes[:i]
    ]
    assert min(distances) > 0.1  # no two are the same but for their names


def test_every_named_palette_tells_its_source():
    text = (
        importlib.resources.files("deepkoal.guidance").joinpath("palettes.toml").read_text("utf-8")
    )
    entries = tomllib.loads(text)
    assert all(len(entry["source"]) > 20 for entry in entries.values())


def test_unknown_palette_names_the_known_ones():
    with pytest.raises(DeepkoalError, match=r"no palette 'sepla'; there are autochrome, .*sepia"):
        Palette.named("sepla")


@pytest.mark.parametrize("change", [{"strength": -1}, {"strength": np.nan}, {"smoothing": 0}])
def test_palette_that_could_lead_nowhere_is_refused(change):
    with pytest.raises(DeepkoalError, match=next(iter(change))):
        dataclasses.replace(Palette.named("monet"), **change)


# ---------------------------------------------------------------- the prior shift


def random_distribution(rng):
    mass = (0.01 + rng.random(COUNT) ** 4) * (rng.random(COUNT) > 0.3)
    return (mass / mass.sum()).astype("float32")


def test_shift_is_the_ratio_of_smoothed_priors():
    rng = np.random.default_rng(0)
    palette, prior = random_distribution(rng), random_distribution(rng)
    logits = rng.normal(0, 2, (4, COUNT)).astype("float32")
    shifted = shift_prior(logits, palette, prior, 0.7, 0.2)
    common = 0.2 * (palette + prior) / 2
    neither = palette + prior == 0
    assert neither.any()
    ratio = np.where(neither, 1, (palette + common) / np.where(neither, 1, prior + common))
    expected = softmax(logits) * ratio**0.7
    np.testing.assert_allclose(
        softmax(shifted), expected / expected.sum(-1, keepdims=True), rtol=1e-3
    )
    tensor = keras.ops.convert_to_tensor(logits)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(shift_prior(tensor, palette, prior, 0.7, 0.2)),
        shifted,
        atol=1e-4,
    )


def test_nothing_shifts_without_strength_or_toward_the_prior_itself():
    rng = np.random.default_rng(0)
    prior = Palette.from_image(skimage.data.astronaut()).probabilities + 1e-6
    logits = rng.normal(0, 2, (4, COUNT)).astype("float32")
    palette = Palette.named("vermeer").probabilities
    np.testing.assert_array_equal(shift_prior(logits, palette, prior, 0.0), logits)
    np.testing.assert_array_equal(shift_prior(logits, prior, prior, 1.0), logits)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1))
def test_no_color_is_ruled_out_or_forced(seed, smoothing):
    rng = np.random.default_rng(seed)
    palette, prior = random_distribution(rng), random_distribution(rng) + np.float32(1e-6)
    shift = shift_prior(np.zeros(COUNT, "float32"), palette, prior, 1.0, smoothing)
    assert np.abs(shift).max() <= np.log((2 + smoothing) / smoothing) + 1e-3


def test_output_moves_toward_every_palette(photos):
    ab, prior = true_colors(photos["rocket"]), mixed_prior(photos)
    seen = 0.4 * encode_ab(ab) + 0.6 * prior
    shares = []
    for palette in list_palettes():
        read = lead(seen, palette, prior)
        before, after = (move_earth(p.mean(0), palette.probabilities) for p in (seen, read))
        assert after < before, palette.name
        shares.append(after / before)
    assert np.mean(shares) < 0.75


def test_what_the_network_is_certain_of_moves_least(photos):
    ab, prior = true_colors(photos["rocket"]), mixed_prior(photos)
    certain, doubtful = (
        np.mean(
            [
                np.hypot(*((lead(seen, palette, prior) - seen) @ ab_bins()).T)
                for palette in list_palettes()
                if palette.smoothing == SMOOTHING  # cyanotypes and the like leave nothing else
            ]
        )
        for seen in ((1 - doubt) * encode_ab(ab) + doubt * prior for doubt in (0.05, 0.6))
    )
    assert certain < 0.6 * doubtful


def true_colors(photo):
    small = cv2.resize(photo, (24, 24), interpolation=cv2.INTER_AREA)
    return skimage.color.rgb2lab(small)[..., 1:].reshape(-1, 2).astype("float32")


def mixed_prior(photos):
    prior = np.mean([Palette.from_image(photo).probabilities for photo in photos.values()], axis=0)
    return (prior + 1e-4) / (1 + COUNT * 1e-4)


def lead(seen, palette, prior):
    return softmax(
        shift_prior(np.log(seen), palette.probabilities, prior, palette.strength, palette.smoothing)
    )


# ---------------------------------------------------------------- their picture


def test_colors_are_drawn_as_wide_as_their_shares():
    palettes = [
        Palette.from_colors({"#c03020": 3, "#2e6fb7": 1}, title="Two"),
        Palette.from_colors(["#2e8b45"]),
    ]
    sheet = draw_palettes(palettes, width=424)
    assert sheet.shape[1:] == (424, 3)
    counts = {
        color: (sheet == color).all(-1).sum()
        for color in ((0xC0, 0x30, 0x20), (0x2E, 0x6F, 0xB7), (0x2E, 0x8B, 0x45))
    }
    red, blue, green = counts.values()
    assert red == pytest.approx(3 * blue, rel=0.02)  # to a pixel's edge
    assert green == pytest.approx(red + blue, rel=0.01)
    assert green == 400 * 56
    assert (sheet[:20] < 128).any()  # the title
    assert np.argwhere((sheet == (0x2E, 0x8B, 0x45)).all(-1))[0, 0] > len(sheet) // 2


def test_presets_draws_the_palettes(tmp_path, capsys):
    path = tmp_path / "palettes.png"
    assert main(["presets", "--palettes", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}\n"
    np.testing.assert_array_equal(read_image(path), draw_palettes(list_palettes()))


def test_presets_draws_into_pictures_only(tmp_path, capsys):
    assert main(["presets", "--palettes", str(tmp_path / "palettes.pdf")]) == 2
    assert "palettes.pdf" in capsys.readouterr().err
    assert main(["presets", "--json", "--palettes"]) == 2
