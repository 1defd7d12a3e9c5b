"""Albums: what is given to one photo carries to like things in others, and to nothing else."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
from skimage import data

import deepkoal as dk
from deepkoal.cli import main
from deepkoal.cli.commands.describe import _read
from deepkoal.color import rgb_to_lab
from deepkoal.errors import DeepkoalError
from deepkoal.evaluation.metrics import psnr
from deepkoal.guidance import AffinityPoints, ColorOptions, GivenColors, carry_colors
from deepkoal.guidance.carrying import CARRYING_KERNEL, DAMPING, LEAST_AREA, LEAST_TRUST
from deepkoal.image_io import read_image, write_image
from deepkoal.inference.options_file import (
    PhotoIdentity,
    SavedOptions,
    read_options,
    write_options,
)
from deepkoal.inference.options_file.hint_entries import write_entry
from deepkoal.rendering.composition import lightness
from deepkoal.rendering.contact_sheets import desaturate

# ---------------------------------------------------------------- the carry, by hand


def places(kinds, l=50.0):
    """Places that look like one of four things each."""
    features = 2 * np.eye(4, dtype=np.float32)[kinds]
    count = len(kinds)
    return AffinityPoints(features, np.full(count, l, np.float32), np.zeros((count, 2), np.float32))


def give(kinds, weight, ab=(40.0, 10.0), things=None):
    count = len(kinds)
    return GivenColors(
        places(kinds),
        np.tile(np.array(ab, np.float32), (count, 1)),
        np.array(weight, np.float32),
        np.zeros(count, np.int64) if things is None else np.array(things),
    )


def test_like_things_take_the_color_and_unlike_ones_do_not():
    carried = carry_colors(places([0] * 5 + [1] * 5), [give([0] * 6 + [2] * 6, [1] * 6 + [0] * 6)])
    np.testing.assert_allclose(carried.trust[:5, 0], 1)
    np.testing.assert_allclose(carried.ab[:5], [[40, 10]] * 5, rtol=1e-5)
    assert carried.trust[5:].max() < 1e-3
    (share,) = carried.shares
    assert (share.source, share.thing, share.taken) == (0, 0, True)
    assert share.area == 0.5


def test_what_is_as_much_like_uncolored_things_is_left_out():
    torn = give([0] * 8, [1] * 4 + [0] * 4)
    assert carry_colors(places([0] * 5), [torn]).trust.max() == 0
    decided = give([0] * 8, [1] * 6 + [0] * 2)
    assert carry_colors(places([0] * 5), [decided]).trust.min() > 0.95


def test_photos_that_disagree_are_trusted_less():
    one, other = give([0] * 8, [1] * 8, (40, 0)), give([0] * 8, [1] * 8, (-40, 0))
    assert carry_colors(places([0] * 5), [one]).trust.min() > 0.95
    assert carry_colors(places([0] * 5), [one, other]).trust.max() == 0
    near = give([0] * 8, [1] * 8, (20, 0))
    low, high = LEAST_TRUST
    trust = 1 / (1 + DAMPING) * 400 / (400 + 100)  # 10 ab from their mean, against 20
    found = carry_colors(places([0] * 5), [one, near]).trust
    np.testing.assert_allclose(found, (trust - low) / (high - low), rtol=1e-4)


def test_a_speck_is_chance_and_is_said_to_be_left_out():
    count = int(1 / LEAST_AREA) + 50
    carried = carry_colors(places([0] + [1] * count), [give([0] * 8, [1] * 8)])
    (share,) = carried.shares
    assert not share.taken
    assert carried.trust.max() < 1e-3


def test_the_largest_thing_comes_first_and_each_is_its_own():
    given = give([0] * 4 + [1] * 4, [1] * 8, things=[0] * 4 + [1] * 4)
    carried = carry_colors(places([0] * 3 + [1] * 9), [given])
    assert [(share.thing, share.area) for share in carried.shares] == [(1, 0.75), (0, 0.25)]
    assert CARRYING_KERNEL.position == (np.inf,), "between photos position has no meaning"


# ---------------------------------------------------------------- photos


@pytest.fixture(scope="module")
def lite():
    return dk.Colorizer.from_preset("koala-lite", backend="litert")


@pytest.fixture(scope="module")
def crops():
    """Two crops of one photo, which have a part in common, and an unrelated photo."""
    coffee = data.coffee()[::2, ::2]
    height, width = (int(0.7 * side) for side in coffee.shape[:2])
    return coffee[:height, :width], coffee[-height:, -width:], data.rocket()[::2, ::2]


def hint_truly(photo, places):
    lab = rgb_to_lab(photo.astype(np.float32) / 255)
    return [
        dk.Hint(x, y, tuple(map(float, lab[y - 3 : y + 3, x - 3 : x + 3, 1:].mean((0, 1)))))
        for x, y in places
    ]


SPREAD = [(x, y) for x in (20, 65, 110, 155, 195) for y in (20, 70, 120)]


def test_hints_on_one_crop_color_the_other_and_leave_an_unrelated_photo_alone(lite, crops):
    first, second, unrelated = crops
    album = dk.Album(lite)
    album.learn(first, ColorOptions(hints=hint_truly(first, SPREAD)), "first.png")
    before, after = lite.colorize(second), album.color(second, name="second.png")
    assert psnr(after[0], second) > psnr(before, second) + 1
    assert any(carry.taken and carry.source == "first.png" for carry in after[1])
    assert "→ second.png" in str(after[1][0])
    harm = psnr(lite.colorize(unrelated), unrelated) - psnr(album.color(unrelated)[0], unrelated)
    assert harm <= 0.2
    again, found = album.color(first, name="first.png")
    np.testing.assert_array_equal(again, lite.colorize(first))
    assert found == [], "a photo takes nothing from itself"


def test_a_colored_photo_and_a_look_carry_to_what_is_alike_all_over(lite, crops):
    first, second, unrelated = crops
    album = dk.Album(lite)
    album.learn(first, ColorOptions(reference=first, vibrance=0.5), "first.png")
    colored, carries = album.color(second, name="second.png")
    assert psnr(colored, second) > psnr(lite.colorize(second), second) + 1
    assert [carry.thing for carry in carries] == ["colors", "look"]
    assert "look" not in [carry.thing for carry in album.color(unrelated)[1]]
    own = ColorOptions(vibrance=1.5, hints=[dk.Hint(30, 30, "teal")])
    told, _ = album.carry(lite.predict(second), own, "second.png")
    assert told.vibrance == 1.5
    assert told.hints == own.hints, "what a photo was told itself goes before"


def test_a_network_without_features_has_no_albums():
    class Backend:
        kind, name, outputs = "litert", "koala", ("ab_norm",)

    with pytest.raises(DeepkoalError, match="albums need a network with features"):
        dk.Album(dk.Colorizer(Backend()))


# ---------------------------------------------------------------- the command


@pytest.fixture
def album(tmp_path, crops, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "album").mkdir()
    for name, photo in zip(("first", "second", "other"), crops, strict=True):
        write_image(tmp_path / "album" / f"{name}.png", desaturate(photo))
    hints = hint_truly(crops[0], SPREAD[::2])
    height, width = crops[0].shape[:2]
    saved = SavedOptions(
        hints=[write_entry(hint) for hint in hints], photo=PhotoIdentity(width, height)
    )
    write_options(tmp_path / "album" / "first.png.json", saved)
    return tmp_path / "album"


RUN = ["colorize", "album", "--album", "-o", "out", "--backend", "litert"]


def test_an_album_is_colored_reported_and_gone_on_with(album, crops, lite, capsys):
    (album / "other.png.json").write_text('{"title": "of another program"}')
    assert main(RUN) == 0
    stdout, stderr = capsys.readouterr()
    assert "out/second.png" in stdout
    assert "out/album-report.txt\nout/album-report.jpg" in stdout
    assert "other.png.json: passed over" in stderr
    assert "first.png.json" not in stderr
    text = Path("out/album-report.txt").read_text()
    assert "of album/first.png → album/second.png: #" in text
    assert read_image("out/album-report.jpg").shape[1] > 900
    content, _ = _read(Path("out/second.png"), "second.png")
    assert any("of first.png → second.png: #" in line for line in content["album"])
    assert content["hints"] == []
    second = crops[1]
    assert psnr(read_image("out/second.png"), second) > psnr(lite.colorize(second), second) + 1
    Path("out/other.png").unlink()
    assert main(RUN) == 0
    stdout, stderr = capsys.readouterr()
    assert "out/other.png" in stdout
    assert "out/second.png" not in stdout
    assert "1 photo colored; 2 skipped" in stderr
    assert Path("out/album-report.txt").read_text() == text, "what the first run found is kept"
    later = Path("out/other.png").stat().st_mtime_ns + 10**9
    os.utime("album/first.png.json", ns=(later, later))
    assert main(RUN) == 0
    assert "3 photos colored" in capsys.readouterr().err, "other hints: all anew"


def test_a_photo_of_an_album_is_rotated_as_its_own_options_say(album, crops):
    first = album / "first.png"
    upright = read_image(first)
    write_image(first, np.ascontiguousarray(np.rot90(upright)))
    options = album / "first.png.json"
    write_options(options, dataclasses.replace(read_options(options), rotation=90))
    assert main(RUN) == 0
    result = read_image("out/first.png")
    assert np.abs(lightness(result) - lightness(upright)).max() < 2
    assert read_image("out/second.png").shape == crops[1].shape
    assert "of album/first.png → album/second.png: #" in Path("out/album-report.txt").read_text()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "expected an options file beside at least one photo"),
        ("{", "first.png.json: cannot be read as JSON"),
        (json.dumps([{"x": 1, "y": 1, "color": "red"}]), "first.png.json: expected what --save-op"),
        (json.dumps({"hints": [{"x": 1}]}), "first.png.json: "),
        (json.dumps({"hints": [{"x": 9999, "y": 1, "color": "red"}]}), "lies outside the photo"),
    ],
)
def test_an_album_without_usable_options_is_refused_in_one_line(album, capsys, content, expected):
    file = album / "first.png.json"
    file.unlink() if content is None else file.write_text(content)
    assert main(RUN) == 1
    stderr = capsys.readouterr().err
    assert expected in stderr
    assert stderr.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize("arguments", [["album/first.png"], ["album", "--variations", "3"]])
def test_an_album_is_of_several_photos_in_one_version(album, capsys, arguments):
    assert main(["colorize", *arguments, "--album", "-o", "out/", "--backend", "litert"]) == 2
    assert "--album is for several photos" in capsys.readouterr().err
