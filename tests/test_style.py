"""Styles: colors by transport, texture by optimization, and the command that gives them."""

import json
import sys

import keras
import numpy as np
import pytest
import skimage.data
from PIL import Image

import deepkoal as dk
from deepkoal.cli import main
from deepkoal.color import rgb_to_lab
from deepkoal.inference.options_file import read_options
from deepkoal.rendering.composition import lightness
from deepkoal.style import restyling
from deepkoal.style.color_transport import ColorTable
from deepkoal.style.paintings import PAINTINGS, SIDE
from deepkoal.style.texture_losses import (
    LEAST_SPREAD,
    GramTarget,
    draw_filters,
    measure_patches,
    measure_texture,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PHOTO = np.ascontiguousarray(skimage.data.coffee()[::5, ::5])
PICTURE = np.ascontiguousarray(skimage.data.astronaut()[::4, ::4])


def mean_ab(rgb):
    return rgb_to_lab(rgb / np.float32(255))[..., 1:].mean((0, 1))


# ---------------------------------------------------------------- colors


def test_colors_become_those_of_the_painting():
    styled = dk.stylize(PHOTO, PICTURE, scope="color", strength=1.0)
    before, wanted, after = map(mean_ab, (PHOTO, PICTURE, styled))
    assert np.linalg.norm(after - wanted) < 0.35 * np.linalg.norm(before - wanted)
    assert np.abs(lightness(styled) - lightness(PHOTO)).max() < 1  # within a level


def test_a_picture_in_its_own_style_stays_as_it_is():
    table = ColorTable.match(PICTURE, PICTURE)
    shift = table.shift(np.asarray(rgb_to_lab(PICTURE / np.float32(255)), np.float32))
    assert np.abs(shift).mean() < 1


def test_half_of_the_strength_goes_half_of_the_way():
    half, whole = (dk.stylize(PHOTO, "klimt", scope="color", strength=x) for x in (0.4, 0.8))
    moved = [mean_ab(styled) - mean_ab(PHOTO) for styled in (half, whole)]
    np.testing.assert_allclose(2 * moved[0], moved[1], atol=1.5)
    assert np.array_equal(dk.stylize(PHOTO, "klimt", strength=0), PHOTO)


@pytest.mark.parametrize("kind", ["grey", "16 bits", "one pixel", "flat"])
def test_any_photo_takes_colors(kind):
    photo = {
        "grey": PHOTO[..., 1],
        "16 bits": PHOTO.astype(np.uint16) * 257,
        "one pixel": PHOTO[:1, :1],
        "flat": np.full((40, 30, 3), 128, np.uint8),
    }[kind]
    styled = dk.stylize(photo, "hokusai", scope="color")
    assert styled.shape == (*photo.shape[:2], 3)
    assert styled.dtype == photo.dtype
    if kind == "16 bits":
        eight = dk.stylize(PHOTO, "hokusai", scope="color")
        assert np.abs(styled / 257 - eight).max() < 1.01
    if kind == "grey":
        assert np.ptp(styled, axis=2).max() > 10  # toned by lightness


# ---------------------------------------------------------------- texture


@pytest.fixture(scope="module")
def textured():
    """PHOTO with the texture of an engraving, after a few steps, and what was counted."""
    counted = []
    rgb = restyling.stylize(
        PHOTO, "durer", scope="texture", steps=12, size=64, progress=lambda: counted.append(1)
    )
    return rgb, len(counted)


def test_texture_comes_nearer_and_colors_stay(textured):
    rgb, counted = textured
    assert counted == 12
    small, after = (np.array(Image.fromarray(x).resize((78, 52))) / 255 for x in (PHOTO, rgb))
    style = dk.Style.named("durer").rgb[:100, :100] / 255
    pictures = [x.mean(axis=2).astype(np.float32) for x in (small, style, after)]
    gram, patches, change = measure_texture(*pictures[:2], pictures[2:])[0]
    assert gram < 0.9
    assert patches < 0.9
    assert 0.001 < change < 1.5
    assert np.abs(lightness(rgb) - lightness(PHOTO)).mean() > 1
    drift = mean_ab(rgb) - mean_ab(PHOTO)
    assert np.linalg.norm(drift) < 6  # what sRGB cannot show at another lightness gives way


def test_the_gram_loss_is_gatys_formula():
    rng = np.random.default_rng(0)
    painting, picture = (
        rng.normal(size=(1, *side, 3)).astype("float32") for side in ((6, 5), (4, 8))
    )
    target = GramTarget([keras.ops.convert_to_tensor(painting)])
    own = painting.reshape(-1, 3)
    spread = own.std(0) + LEAST_SPREAD * own.std(0).mean()

    def gram(x):
        units = (x.reshape(-1, 3) - own.mean(0)) / spread
        units = np.column_stack([units, np.ones(len(units))])
        return units.T @ units / len(units)

    wanted = np.mean((gram(picture) - gram(painting)) ** 2) / np.mean(gram(painting) ** 2)
    found, none = (
        float(target.measure([keras.ops.convert_to_tensor(x)])) for x in (picture, painting)
    )
    assert found == pytest.approx(wanted, rel=1e-4)
    assert none == pytest.approx(0, abs=1e-9)


def test_patches_are_compared_by_rank_wherever_they_lie():
    rng = np.random.default_rng(0)
    noise = rng.random((1, 64, 64, 1)).astype("float32")
    filters = keras.ops.convert_to_tensor(draw_filters(rng))

    def measure(picture):
        pair = (keras.ops.convert_to_tensor(x.astype("float32")) for x in (picture, noise))
        return float(measure_patches(*pair, filters))

    assert measure(noise) == 0
    assert measure(noise + 0.3) == pytest.approx(0, abs=1e-6)  # tone is not compared
    moved = measure(np.roll(noise, 32, axis=1))
    assert moved < 0.05 * measure(0.5 * noise)  # marks elsewhere are alike, paler ones are not


# ---------------------------------------------------------------- styles


def test_styles_that_come_along_are_pictures_apart():
    styles = dk.list_styles()
    assert [style.name for style in styles] == list(PAINTINGS)
    for style in styles:
        assert style.rgb.shape == (SIDE, SIDE, 3)
        assert style.rgb.std() > 20
        assert style.title
        assert style.facts
    means = np.array([style.rgb.mean((0, 1)) for style in styles])
    apart = np.linalg.norm(means[:, None] - means, axis=-1) + 1000 * np.eye(len(means))
    assert apart.min() > 10


@pytest.mark.parametrize(
    ("style", "options", "words"),
    [
        ("dali", {}, "no style 'dali'; there are seurat"),
        ("missing.jpg", {}, "missing.jpg"),
        (7, {}, "expected a style"),
        (PICTURE[:20], {}, "at least 64 pixels"),
        (PICTURE / 255, {}, "expected a style as uint8"),
        ("klimt", {"scope": "colour"}, "expected a scope of color, texture, both"),
        ("klimt", {"strength": 1.2}, "0…1"),
        ("klimt", {"strength": float("nan")}, "0…1"),
        ("klimt", {"steps": 0}, "1…10000"),
        ("klimt", {"size": 5000}, "64…2048"),
    ],
)
def test_what_is_no_style_is_refused_in_a_line(style, options, words):
    with pytest.raises(dk.DeepkoalError, match=words) as caught:
        dk.stylize(PHOTO, style, **options)
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- the command


@pytest.fixture
def photo(tmp_path):
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_photos_of_a_folder_are_styled_and_the_broken_one_is_named(photo, tmp_path, capsys):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no photo")
    command = ["stylize", str(tmp_path), "-o", str(tmp_path / "out"), "--style", "monet"]
    assert main([*command, "--style-scope", "color"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [str(tmp_path / "out" / "photo.png")]
    assert "broken.jpg" in err
    assert not (tmp_path / "out" / "broken.jpg").exists()
    made = np.array(Image.open(tmp_path / "out" / "photo.png"))
    assert np.array_equal(made, dk.stylize(PHOTO, "monet", scope="color"))
    assert main([*command, "--style-scope", "color"]) == 1
    assert "1 skipped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--style", "dali"], 2, "no style 'dali'"),
        (["--style", "missing.png"], 1, "missing.png"),
        ([], 2, "--style"),
        (["--style", "klimt", "--style-strength", "2"], 2, "0…1"),
        (["--style", "klimt", "--steps", "none"], 2, "1…10000"),
    ],
)
def test_wrong_styles_are_told_before_any_work(photo, tmp_path, capsys, arguments, status, words):
    assert main(["stylize", str(photo), "-o", str(tmp_path / "out.png"), *arguments]) == status
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


def test_colorize_gives_a_style_keeps_it_and_says_so(model, photo, tmp_path, capsys):
    Image.fromarray(PICTURE).save(tmp_path / "painting.png")
    out, look = tmp_path / "out.png", tmp_path / "look.json"
    command = ["colorize", str(photo), "-o", str(out), "--model", model]
    style = ["--style", str(tmp_path / "painting.png"), "--style-scope", "color"]
    assert main([*command, *style, "--save-options", str(look)]) == 0
    saved = json.loads(look.read_text())["options"]["style"]
    assert saved["file"] == "painting.png"
    assert saved["scope"] == "color"
    assert read_options(look).style.file == str(tmp_path / "painting.png")
    made = out.read_bytes()
    assert main(["describe", str(out)]) == 0
    assert "painting.png" in capsys.readouterr().out
    assert main([*command, "--options", str(look)]) == 0
    assert out.read_bytes() == made
    assert main(["colorize", str(photo), "-o", str(tmp_path / "bare.png"), "--model", model]) == 0
    bare = np.array(Image.open(tmp_path / "bare.png"))
    wanted = dk.stylize(bare, tmp_path / "painting.png", scope="color")
    assert np.array_equal(np.array(Image.open(out)), wanted)
    (tmp_path / "painting.png").write_bytes((tmp_path / "bare.png").read_bytes())
    capsys.readouterr()
    assert main([*command, "--options", str(look)]) == 1
    assert "has changed" in capsys.readouterr().err
    assert main([*command, "--style-scope", "color"]) == 2
    assert "--style-scope goes with --style" in capsys.readouterr().err
    assert main([*command, *style, "--layer"]) == 2


def test_colors_need_neither_keras_nor_tensorflow(photo, tmp_path):
    import subprocess

    code = (
        "import sys; from deepkoal.cli import main; "
        f"assert main(['stylize', {str(photo)!r}, '-o', {str(tmp_path / 'o.png')!r}, "
        "'--style', 'durer', '--style-scope', 'color']) == 0; "
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
