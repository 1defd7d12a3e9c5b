"""What is written beside a result, and which photos are left as they are."""

import numpy as np
import pytest
import skimage.data
from PIL import Image

from deepkoal.cli import main
from deepkoal.color.tint import is_colored, measure_colors
from deepkoal.image_io import read_image, read_photo
from deepkoal.rendering.color_layer import make_color_layer
from deepkoal.rendering.mark import draw_mark

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

GREY = skimage.data.camera()[::2, ::2]


def tone(dark, light, grey=GREY):
    share = grey[..., None] / 255
    return np.rint((1 - share) * np.array(dark) + share * np.array(light)).astype(np.uint8)


def add_noise(rgb, deviation):
    noise = np.random.default_rng(0).normal(0, deviation, rgb.shape)
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


BLACK_AND_WHITE = {
    "grey": np.dstack([GREY] * 3),
    "chroma noise": add_noise(np.dstack([GREY] * 3), 20),
    "sepia": tone((35, 20, 10), (255, 240, 205)),
    "strong sepia": tone((60, 25, 5), (250, 220, 160)),
    "cyanotype": tone((15, 30, 80), (235, 245, 250)),
    "selenium": tone((40, 25, 35), (245, 242, 240)),
    "flat": np.full((40, 60, 3), 128, np.uint8),
    "one pixel": np.full((1, 1, 3), (200, 30, 30), np.uint8),
    "16 bits": np.dstack([GREY] * 3).astype(np.uint16) * 257,
}


@pytest.mark.parametrize("kind", BLACK_AND_WHITE)
def test_a_tint_is_no_color(kind):
    assert not is_colored(BLACK_AND_WHITE[kind])


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_a_color_photo_is_one_also_when_pale(name):
    rgb = getattr(skimage.data, name)()
    assert is_colored(rgb)
    assert is_colored(rgb.astype(np.uint16) * 257)
    grey = rgb.mean(axis=2, keepdims=True)
    paler = measure_colors((grey + 0.5 * (rgb - grey)).astype(np.uint8))
    assert 3 < paler < measure_colors(rgb)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_the_layer_over_the_photo_is_the_result(kind):
    top = np.iinfo(kind).max
    rng = np.random.default_rng(0)
    before = rng.integers(0, top, (300, 40, 1), endpoint=True).repeat(3, 2).astype(kind)
    after = rng.integers(0, top, (300, 40, 3), endpoint=True).astype(kind)
    after[:50] = before[:50]
    layer, alpha = make_color_layer(before, after)
    share = alpha[..., None].astype(float) / top
    composed = np.rint(share * layer + (1 - share) * before)
    assert np.abs(composed - after).max() <= 1
    assert (alpha[:50] == 0).all()


@pytest.mark.parametrize("size", [(3, 2), (40, 300), (400, 600)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_mark_lies_in_the_corner(size, kind):
    rgb = np.full((*size, 3), np.iinfo(kind).max // 2, kind)
    marked = draw_mark(rgb)
    assert marked.shape == rgb.shape
    assert marked.dtype == kind
    if size[0] >= 40:
        assert (marked != rgb).any()
        upper_left = (slice(size[0] // 2), slice(size[1] // 2))
        np.testing.assert_array_equal(marked[upper_left], rgb[upper_left])


@pytest.fixture
def photos(tmp_path):
    """A folder of a grey and a color photo."""
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(GREY[:64, :96]).save(folder / "grey.png")
    Image.fromarray(skimage.data.coffee()[::8, ::8]).save(folder / "color.png")
    return folder


def color(model, *arguments):
    return main(["colorize", "--model", model, *map(str, arguments)])


def test_color_photos_of_a_folder_are_kept_as_they_are(model, photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert color(model, photos, "-o", out) == 0
    assert (out / "color.png").read_bytes() == (photos / "color.png").read_bytes()
    assert (out / "grey.png").read_bytes() != (photos / "grey.png").read_bytes()
    assert "color.png: in color already, kept as it is" in capsys.readouterr().err
    assert color(model, photos, "-o", tmp_path / "jpg", "--format", "jpg") == 0
    kept = read_image(tmp_path / "jpg" / "color.jpg").astype(int)
    assert np.abs(kept - read_image(photos / "color.png")).mean() < 5


def test_a_color_photo_of_a_folder_is_rotated_and_nothing_else(model, photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert color(model, photos, "-o", out, "--rotate", 270) == 0
    np.testing.assert_array_equal(
        read_image(out / "color.png"), np.rot90(read_image(photos / "color.png"))
    )
    assert read_image(out / "grey.png").shape == (96, 64, 3)
    assert "color.png: in color already, only rotated by 270 degrees" in capsys.readouterr().err


def test_a_color_photo_kept_without_what_lies_beside_results_is_done(
    model, photos, tmp_path, capsys
):
    arguments = (photos, "-o", tmp_path / "out", "--layer", "--compare")
    assert color(model, *arguments) == 0
    capsys.readouterr()
    assert color(model, *arguments) == 0
    assert "0 photos colored; 2 skipped" in capsys.readouterr().err
    (tmp_path / "out" / "grey.layer.png").unlink()
    assert color(model, *arguments) == 0
    assert "1 photo colored; 1 skipped" in capsys.readouterr().err


def test_what_the_results_format_does_not_keep_is_said(model, tmp_path, capsys):
    photo = tmp_path / "scan.png"
    Image.fromarray(GREY[:32, :32].astype(np.uint16) * 257).save(photo)
    assert color(model, photo, "-o", tmp_path / "scan.jpg") == 0
    said = f"deepkoal: {photo}: written as JPEG, which does not keep its 16 bits"
    assert capsys.readouterr().err.splitlines() == [said]


def test_color_photos_are_left_out_or_recolored_as_asked(model, photos, tmp_path, capsys):
    out, anew, named = tmp_path / "out", tmp_path / "anew", tmp_path / "named.png"
    assert color(model, photos, "-o", out, "--colored", "skip") == 0
    assert [path.name for path in out.iterdir()] == ["grey.png"]
    assert "color.png: in color already, left out" in capsys.readouterr().err
    assert color(model, photos, "-o", anew, "--colored", "recolor") == 0
    assert color(model, photos / "color.png", "-o", named) == 0
    assert (anew / "color.png").read_bytes() == named.read_bytes()
    assert named.read_bytes() != (photos / "color.png").read_bytes()


def test_doubt_and_layer_lie_beside_the_result(model, photos, tmp_path, capsys):
    out = tmp_path / "new.png"
    assert color(model, photos / "grey.png", "-o", out, "--doubt", "--layer") == 0
    written = capsys.readouterr().out.splitlines()
    assert written == [
        f"{tmp_path}/{name}" for name in ("new.png", "new.doubt.png", "new.layer.png")
    ]
    doubt = read_image(tmp_path / "new.doubt.png")
    assert doubt.shape == (64, 96, 3)
    layer = read_photo(tmp_path / "new.layer.png")
    share = layer.alpha[..., None] / 255
    composed = np.rint(share * layer.rgb + (1 - share) * GREY[:64, :96, None])
    assert np.abs(composed - read_image(out)).max() <= 1


def test_what_makes_no_sense_together_is_refused(model, photos, tmp_path, capsys):
    grey = photos / "grey.png"
    assert color(model, grey, "-o", "-", "--layer") == 2
    assert "what is written beside it" in capsys.readouterr().err
    assert color(model, grey, "-o", tmp_path / "a.png", "--detail", "20") == 2
    assert "expected a whole number in 32…1024, got '20'" in capsys.readouterr().err
