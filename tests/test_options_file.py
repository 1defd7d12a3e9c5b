"""A look's file: what is written is read again, fits another size, and fails in words."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny_networks import red_network

from deepkoal.cli import main
from deepkoal.color import ab_bins
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import ColorOptions, Palette, list_palettes
from deepkoal.hints import Hint
from deepkoal.image_io import read_image, write_image
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.options_file import (
    PhotoIdentity,
    ReferenceFile,
    SavedOptions,
    VariationChoice,
    read_options,
    write_options,
)
from deepkoal.rendering.composition import lightness

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAMES = [palette.name for palette in list_palettes()]
shares = st.floats(0, 1000, width=32, allow_subnormal=False)
own_palettes = st.builds(
    lambda start, strength, title: Palette(
        (np.array(start + [1.0] * len(ab_bins()), "float32")[: len(ab_bins())])
        / np.sum(np.array(start + [1.0] * len(ab_bins()), "float32")[: len(ab_bins())]),
        {"#102030": 1.0},
        title=title,
        strength=strength,
    ),
    st.lists(shares, max_size=5),
    st.floats(0, 1000),
    st.text(max_size=5),
)
palettes = st.one_of(
    st.none(),
    st.sampled_from(NAMES),
    st.builds(lambda n, s: replace(Palette.named(n), strength=s), st.sampled_from(NAMES), shares),
    own_palettes,
)
hints = st.builds(
    Hint,
    st.floats(0, 639.5),
    st.floats(0, 479.5),
    st.one_of(
        st.from_regex(r"#[0-9a-f]{6}", fullmatch=True),
        st.tuples(st.floats(-128, 128), st.floats(-128, 128)),
    ),
)
options = st.builds(
    ColorOptions,
    vibrance=st.floats(0.2, 5),
    palette=palettes,
    cleanup=st.booleans(),
    hints=st.lists(hints, max_size=4),
)
variations = st.integers(1, 16).flatmap(
    lambda count: st.builds(
        VariationChoice, st.integers(0, 2**40), st.integers(0, count - 1), st.just(count)
    )
)


def same(one, other):
    if isinstance(one, Palette):
        return np.array_equal(one.probabilities, other.probabilities) and all(
            getattr(one, key) == getattr(other, key) for key in vars(one) if key != "probabilities"
        )
    return one == other


@settings(max_examples=30)
@given(options, st.none() | variations)
def test_a_look_survives_its_file(tmp_path_factory, chosen, variation):
    path = tmp_path_factory.mktemp("looks") / "look.json"
    photo = PhotoIdentity(640, 480, "ab" * 32)
    write_options(path, SavedOptions.of(chosen, photo=photo, variation=variation))
    saved = read_options(path)
    again = saved.fit(480, 640)
    for name, value in vars(chosen).items():
        expected = list(value) if name == "hints" else value
        found = getattr(again, name)
        assert same(expected, list(found) if name == "hints" else found), name
    assert (saved.photo, saved.variation) == (photo, variation)


def test_a_rotation_is_kept_where_there_is_one(tmp_path):
    path = tmp_path / "look.json"
    for rotation in (0, 270):
        write_options(path, SavedOptions(rotation=rotation))
        assert read_options(path).rotation == rotation
        assert ("rotation" in json.loads(path.read_text())["options"]) == bool(rotation)


@given(hints, st.integers(1, 5000), st.floats(-0.04, 0.04))
def test_hints_move_with_the_size_of_a_rescan_and_stay_inside(hint, width, stretch):
    height = max(1, round(width * 480 / 640 * (1 + stretch)))
    saved = SavedOptions.of(ColorOptions(hints=[hint]), photo=PhotoIdentity(640, 480))
    if not 0.953 < (width * 480) / (height * 640) < 1.049:
        return
    (moved,) = saved.fit(height, width).hints
    assert moved.x < width
    assert moved.y < height
    np.testing.assert_allclose([moved.x / width, moved.y / height], [hint.x / 640, hint.y / 480])


def test_relative_hints_fit_any_photo():
    entry = {"x": 0.25, "y": 1.0, "color": "#c03020", "relative": True}
    saved = SavedOptions.from_json({"hints": [entry]})
    (hint,) = saved.fit(100, 400).hints
    assert hint.x == 100
    assert 99.9 < hint.y < 100
    assert hint.color == "#c03020"


def test_options_are_written_in_the_same_order_by_every_process():
    plain = [each.name for each in fields(ColorOptions)]
    apart = ["palette", "reference", "variation", "hints"]
    expected = [name for name in plain if name not in apart] + [*apart[:3], "detail"]
    assert list(SavedOptions().to_json()["options"]) == expected


def test_a_photo_of_another_shape_is_refused_only_where_there_are_hints():
    photo = PhotoIdentity(640, 480)
    saved = SavedOptions.of(ColorOptions(hints=[Hint(1, 2, "red")]), photo=photo)
    with pytest.raises(DeepkoalError, match="640×480 pixels, but this one has 480×640"):
        saved.fit(640, 480)
    assert replace(saved, hints=()).fit(640, 480).hints == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as JSON"),
        ("\xff\xfe", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", "expected what --save-options writes, got a list; one of hints is for --hints"),
        ('{"hint": []}', "'hint' means nothing here; known are deepkoal, hints"),
        ('{"options": {"vibrancy": 1}}', "options: 'vibrancy' means nothing here; known are"),
        ('{"options": {"vibrance": "loud"}}', "vibrance must"),
        ('{"options": {"vibrance": NaN}}', "vibrance must"),
        ('{"options": {"cleanup": 1}}', "expected cleanup as True or False"),
        ('{"options": {"palette": "mud"}}', "no palette 'mud'"),
        ('{"options": {"palette": {"probabilities": [1]}}}', "palette's probabilities as"),
        ('{"options": {"palette": {"probabilities": "a"}}}', "palette's probabilities as"),
        ('{"options": {"variation": {"index": 2}}}', "variation's index as a whole number in 0…0"),
        (
            '{"options": {"rotation": 45}}',
            "rotation as 0, 90, 180 or 270 degrees",
        ),
        ('{"options": {"reference": {"file": 3}}}', "reference's file and sha256 as text"),
        ('{"options": {"reference": {}}}', "reference: expected file, sha256"),
        ('{"photo": {"width": 0, "height": 1}}', "a photo's width as a whole number"),
        ('{"photo": {"width": 5}}', "photo: expected height, sha256, width"),
        ('{"hints": {}, "options": {}}', None),
        ('{"hints": {"x": 1}}', "expected hints as a list"),
        ('{"hints": [5]}', "expected a hint as a JSON object"),
        ('{"hints": [{"x": 1, "y": 2}]}', "expected x, y and color"),
        ('{"hints": [{"x": 1.2, "y": 0, "color": "red", "relative": true}]}', "in 0…1, got 1.2"),
        ('{"hints": [{"x": 1, "y": 0, "color": "red", "relative": 1}]}', "true or false, got 1"),
        ('{"hints": [{"stroke": 5, "relative": true}]}', r"stroke as a list of \[x, y\], got 5"),
    ],
)
def test_a_file_of_something_else_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "look.json"
    path.write_bytes(text.encode("latin-1") if "\xff" in text else text.encode())
    if message is None:  # an empty part is as good as none
        assert read_options(path).fit(3, 4).vibrance == 1
        return
    with pytest.raises(DeepkoalError, match=message) as error:
        read_options(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_what_a_file_could_not_hold_is_not_lost_in_silence():
    colorizer = Colorizer(red_network())
    prediction = colorizer.predict(skimage.data.astronaut()[::8, ::8])
    latents = prediction.list_variations(2)[0]
    for chosen in (
        ColorOptions(variation=latents),
        ColorOptions(hints=[Hint(1, 1, "red")]),
    ):
        with pytest.raises(DeepkoalError, match="give "):
            SavedOptions.of(chosen)
    where = r"give reference=deepkoal\.inference\.options_file\.ReferenceFile\.of"
    with pytest.raises(DeepkoalError, match=where):
        SavedOptions.of(ColorOptions(reference=skimage.data.coffee()))


def test_reference_and_variation_are_applied_as_they_were(tmp_path):
    file = tmp_path / "coffee.png"
    Image.fromarray(skimage.data.coffee()[::8, ::8]).save(file)
    colorizer = Colorizer(red_network())
    prediction = colorizer.predict(skimage.data.astronaut()[::8, ::8])
    path = tmp_path / "look.json"
    choice = VariationChoice(seed=3, index=2, count=4)
    write_options(path, SavedOptions(reference=ReferenceFile.of(file), variation=choice))
    assert json.loads(path.read_text())["options"]["reference"]["file"] == "coffee.png"
    again = prediction.render(read_options(path).apply(prediction))
    expected = prediction.render(
        reference=read_image(file), variation=prediction.list_variations(4, seed=3)[1]
    )
    np.testing.assert_array_equal(again, expected)
    write_image(file, skimage.data.coffee()[::4, ::4])
    with pytest.raises(DeepkoalError, match="reference photo has changed since"):
        read_options(path).apply(prediction)


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(skimage.data.chelsea()[100:164, 100:196]).save(path)
    return path


def color(*arguments):
    return main(["colorize", *map(str, arguments)])


def test_the_command_makes_the_same_again_from_saved_options(model, photo, tmp_path):
    hints, look = tmp_path / "hints.json", tmp_path / "look.json"
    hints.write_text('[{"x": 50, "y": 20, "color": "#2040c0"}]')
    one, two, three = (tmp_path / f"{number}.png" for number in range(3))
    levers = ["--vibrance", 1.4, "--palette", "sepia", "--no-cleanup", "--hints", hints]
    assert color("--model", model, photo, "-o", one, *levers, "--save-options", look) == 0
    assert color("--model", model, photo, "-o", two, "--options", look) == 0
    assert color("--model", model, photo, "-o", three, "--options", look, "--vibrance", 0.5) == 0
    assert one.read_bytes() == two.read_bytes() != three.read_bytes()
    saved = json.loads(look.read_text())
    assert (saved["photo"]["width"], saved["photo"]["height"]) == (96, 64)


def test_a_photo_on_its_side_is_made_upright_and_again_from_saved_options(
    model, photo, tmp_path, capsys
):
    side, hints, look = tmp_path / "side.jpg", tmp_path / "hints.json", tmp_path / "look.json"
    pixels = np.rot90(skimage.data.chelsea()[100:164, 100:196])
    exif = Image.Exif()
    exif[0x0112] = 3  # half a turn, which the file asks for itself
    Image.fromarray(np.rot90(pixels, 2)).save(side, quality=100, subsampling=0, exif=exif)
    hints.write_text('[{"x": 95, "y": 20, "color": "#2040c0"}]')  # where it lies once rotated
    one, two, three = (tmp_path / f"{number}.png" for number in range(3))
    given = ["--rotate", 90, "--hints", hints, "--save-options", look]
    assert color("--model", model, side, "-o", one, *given) == 0
    assert color("--model", model, side, "-o", two, "--options", look) == 0
    assert one.read_bytes() == two.read_bytes()
    with Image.open(one) as result:
        assert (result.size, result.getexif()[0x0112]) == ((96, 64), 1)
    upright = lightness(skimage.data.chelsea()[100:164, 100:196])
    assert np.abs(lightness(read_image(one)) - upright).mean() < 2  # JPEG
    saved = json.loads(look.read_text())
    assert (saved["photo"]["width"], saved["options"]["rotation"]) == (96, 90)
    assert main(["describe", str(one)]) == 0
    assert "  rotation: 90\n" in capsys.readouterr().out
    assert color("--model", model, side, "-o", three, "--options", look, "--rotate", 0) == 1
    assert "another shape: turned or cropped" in capsys.readouterr().err


def test_variations_are_made_again_too(model, photo, tmp_path):
    look = tmp_path / "look.json"
    first, second = tmp_path / "first", tmp_path / "second"
    more = ["--variations", 3, "--seed", 7, "--save-options", look]
    assert color("--model", model, photo, "-o", f"{first}/", *more) == 0
    assert color("--model", model, photo, "-o", f"{second}/", "--options", look) == 0
    names = ["photo.look2.png", "photo.look3.png", "photo.png"]
    assert sorted(path.name for path in second.iterdir()) == names
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--options", "none.json"], 1, "none.json: cannot be read (No such file"),
        (["--options", "photo.png"], 1, "photo.png: cannot be read as JSON"),
        (["--save-options", "photo.png"], 2, "--save-options photo.png: end the name in .json"),
        (["--save-options", "no/look.json"], 2, "there is no such folder"),
    ],
)
def test_wrong_files_are_one_line(
    model, photo, tmp_path, monkeypatch, capsys, options, status, message
):
    monkeypatch.chdir(tmp_path)
    assert color("--model", model, "photo.png", "-o", "new.png", *options) == status
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new.png").exists()


def test_hints_of_a_look_are_for_one_photo(model, photo, tmp_path, capsys):
    look = tmp_path / "look.json"
    look.write_text('{"hints": [{"x": 0.5, "y": 0.5, "color": "red", "relative": true}]}')
    (tmp_path / "two.png").write_bytes(photo.read_bytes())
    status = color("--model", model, photo, tmp_path / "two.png", "--options", look)
    assert status == 2
    assert "hints are for one photo, not 2" in capsys.readouterr().err


def test_the_old_place_of_reference_files_works_with_a_warning():
    with pytest.warns(DeprecationWarning, match=r"now deepkoal\.inference\.options_file\.Ref"):
        from deepkoal.inference.saved_parts import ReferenceFile as OldReferenceFile
    assert OldReferenceFile is ReferenceFile
