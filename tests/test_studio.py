"""The studio: what its server answers and refuses, and the page in a real browser."""

import asyncio
import base64
import contextlib
import gc
import inspect
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from local_server import serve
from PIL import Image
from tiny_networks import tiny_koala, tiny_lite

import deepkoal as dk
from deepkoal.cli import main
from deepkoal.cli.arguments.style import Restyler
from deepkoal.cli.commands import studio as studio_command
from deepkoal.color import colorfulness
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import ColorOptions, DecodingConfig, Palette
from deepkoal.hints import Hint, Stroke
from deepkoal.image_io import SAMPLES, Photo, decode_photo, encode_photo, read_sample
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.hint_gamut import list_unshowable
from deepkoal.inference.options_file import PhotoIdentity, read_options
from deepkoal.inference.options_file.hint_entries import write_entry
from deepkoal.inference.options_file.saved_options import SavedOptions
from deepkoal.inference.provenance import read_provenance
from deepkoal.rendering.composition import lightness
from deepkoal.rendering.contact_sheets import desaturate
from deepkoal.restoration import RestorationOptions
from deepkoal.serving.http.rest_api import build_app
from deepkoal.studio import create_studio
from deepkoal.studio.photos.drawing import PREVIEW_PIXELS, PREVIEW_SIDE
from deepkoal.studio.photos.lru_store import GoneError, LruStore
from deepkoal.studio.photos.result_file import write_result
from deepkoal.studio.session import Session

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@contextlib.contextmanager
def serve_client(*arguments, **options):
    """Serve a studio; give a client of it."""
    with (
        serve(create_studio(*arguments, **options)) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def colorizer():
    prior = np.full(227, 1 / 227, np.float32)
    return Colorizer(tiny_lite(), working_size=64, decoding=DecodingConfig(prior=prior))


@pytest.fixture(scope="module")
def client(colorizer):
    with serve_client(colorizer) as client:
        yield client


@pytest.fixture(scope="module")
def grey():
    """A grey photo of 300×200 pixels."""
    return desaturate(np.ascontiguousarray(read_sample(SAMPLES[2]).rgb[:200, :300]))


@pytest.fixture(scope="module")
def opened(client, grey):
    """What the server tells of that photo, opened as a PNG file."""
    return client.post("/api/photos?name=old.png", content=encode_photo(grey, "PNG")).json()


def see(answer):
    """Return the pixels of a picture that was answered."""
    assert answer.status_code == 200, answer.text
    return decode_photo(answer.content).rgb


def error_of(answer):
    (line,) = answer.json()["error"].splitlines()
    return line


# --- opening -----------------------------------------------------------------------------------


def test_a_photo_is_opened_and_colored_as_the_library_does(client, colorizer, opened, grey):
    assert opened | {"id": ""} == {"id": "", "name": "old.png", "width": 300, "height": 200}
    assert client.get(f"/api/photos/{opened['id']}").json() == opened
    colored = see(client.post(f"/api/photos/{opened['id']}/preview", json={}))
    expected = colorizer.colorize(grey)
    assert np.abs(colored.astype(int) - expected).mean() < 3  # JPEG
    before = see(client.get(f"/api/photos/{opened['id']}/before"))
    assert np.abs(before.astype(int) - grey).mean() < 3


def test_samples_are_offered_and_opened_without_their_colors(client):
    about = client.get("/api/about").json()
    files = [sample["file"] for sample in about["samples"]]
    assert sorted(files) == sorted(sample.file for sample in SAMPLES)
    file = SAMPLES[1].file
    assert colorfulness(see(client.get(f"/api/samples/{file}"))) < 1
    sample = client.post(f"/api/samples/{file}").json()
    assert (sample["width"], sample["height"]) == read_sample(SAMPLES[1]).rgb.shape[1::-1]
    assert colorfulness(see(client.get(f"/api/photos/{sample['id']}/before"))) < 1
    assert "no sample photo 'other.png'" in error_of(client.post("/api/samples/other.png"))


def test_a_studio_may_begin_with_a_photo(colorizer, grey):
    with serve_client(colorizer, (encode_photo(grey, "JPEG"), "a.jpg")) as client:
        first = client.get("/api/about").json()["photo"]
        assert client.get(f"/api/photos/{first}").json()["name"] == "a.jpg"
    with pytest.raises(DeepkoalError, match=r"b\.jpg: .* empty"):
        create_studio(colorizer, (b"", "b.jpg"))


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "is empty"),
        (b"<html>no such page</html>", "a web page"),
        (b"\xff\xd8\xff\xe0 cut short", "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "damaged"),
    ],
)
def test_what_is_no_photo_is_refused_in_a_line(client, data, cause):
    for kind in ("photos", "references"):
        answer = client.post(f"/api/{kind}?name=../up/my%20photo.jpg", content=data)
        assert answer.status_code == 400
        assert error_of(answer).startswith("my photo.jpg: ")
        assert cause in error_of(answer)


def test_too_large_a_file_is_refused_before_it_is_read(colorizer):
    with serve_client(colorizer, max_bytes=100_000) as client:
        answer = client.post("/api/photos", content=bytes(200_000))
        assert answer.status_code == 413
        assert "has 0.2 MB, the studio takes 0.1" in error_of(answer)
        assert client.post("/api/photos", content=iter([b"no length"])).status_code == 411


def test_of_many_photos_the_last_used_are_kept():
    shelf = LruStore("photo", 3, 100)
    for name in "abc":
        shelf.put(name, name.upper(), 10)
    assert shelf.get("a") == "A"
    shelf.put("d", "D", 10)
    with pytest.raises(GoneError, match=r"photo is no longer at hand.* last 3 .*open it again"):
        shelf.get("b")
    shelf.put("e", "E", 85)  # takes the place of two
    assert [shelf.get(key) for key in "de"] == ["D", "E"]
    for gone in "ac":
        with pytest.raises(GoneError):
            shelf.get(gone)
    shelf.put("alone", "large", 1000)
    assert shelf.get("alone") == "large"
    assert len(shelf) == 1


# --- options -------------------------------------------------------------------------------------


def test_every_part_of_a_look_is_read_as_the_library_does(client, colorizer, opened, grey, photos):
    reference = client.post(
        "/api/references?name=r.png", content=encode_photo(photos["chelsea"], "PNG")
    ).json()
    assert reference["picture"].startswith("data:image/jpeg;base64,")
    seen = colorizer.predict(grey)
    red, seeded = "#d02030", seen.list_variations(6, seed=3)
    looks = [
        ({"vibrance": 2.5}, {"vibrance": 2.5}),
        (
            {"hints": [{"x": 40, "y": 150, "color": red}]},
            {"hints": [Hint(40, 150, red)]},
        ),
        ({"palette": "sepia"}, {"palette": Palette.named("sepia")}),
        (
            {"reference": reference["id"]},
            {"reference": colorizer.open_reference(photos["chelsea"])},
        ),
        ({"variation": {"seed": 3, "index": 2}}, {"variation": seeded[1]}),
        (levers := {"warmth": 0.4, "saturation": {"blue": 2.0, "red": 0.5}}, levers),
    ]
    plain = see(client.post(f"/api/photos/{opened['id']}/file", json={}))
    np.testing.assert_array_equal(plain, seen.render())
    for asked, options in looks:
        full = see(client.post(f"/api/photos/{opened['id']}/file", json=asked))
        np.testing.assert_array_equal(full, seen.render(**options))
        assert (full != plain).any(), asked


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vibrance": 9}, "vibrance must lie in"),
        ({"vibrance": "much"}, "vibrance must"),
        ({"detail": 100}, "detail must be auto or a multiple of 8"),
        ({"palette": "plaid"}, "no palette 'plaid'; there are"),
        ({"hints": [{"x": 300, "y": 0, "color": "red"}]}, "outside the photo of 300×200"),
        ({"hints": [{"x": -1, "y": 0, "color": "red"}]}, "from 0 up"),
        ({"hints": [{"x": 1, "y": 0, "color": "redd"}]}, "'redd' is no color"),
        ({"hints": [{"x": 1, "y": 1, "color": "red"}] * 201}, "body.hints"),
        ({"variation": {"seed": 0, "index": 6}}, "there is no variation 6 among 6"),
        ({"variation": {"seed": 0, "index": 0}}, "body.variation.index"),
        ({"hints": [{"stroke": [[400, 1], [500, 1]], "color": "red"}]}, "outside the photo"),
        ({"haze": 1}, "the option 'haze' is not known"),
        ({"warmth": 2}, "warmth as a number in -1…1"),
        ({"saturation": {"teal": 1}}, "expected saturation as factors by hue"),
        ({"style": {"name": "banksy"}}, "no style 'banksy'; there are seurat"),
        ({"style": {"name": "monet", "strength": 2}}, "a style's strength as a number in 0…1"),
        ({"style": {"name": "monet", "file": "a.png"}}, "expected a style's name or its file"),
        ({"style": {"strength": 0.5}}, "expected a style's name or its file"),
        ({"style": {"name": "monet", "path": "a.png"}}, "body.style.path"),
    ],
)
def test_a_look_that_is_none_is_refused_in_a_line(client, opened, options, message):
    for result in ("preview", "file"):
        answer = client.post(f"/api/photos/{opened['id']}/{result}", json=options)
        assert answer.status_code == 400
        assert message in error_of(answer)


def test_a_photo_is_repaired_where_that_is_asked_for(client, colorizer, opened, grey):
    asked = {"restoration": {"strength": 0, "tone": "auto", "local_contrast": 1}}
    path = f"/api/photos/{opened['id']}"
    restored = colorizer.with_restoration(0.0, tone="auto", local_contrast=1.0)
    full = see(client.post(f"{path}/file", json=asked))
    np.testing.assert_array_equal(full, restored.colorize(grey))
    assert np.abs(lightness(full) - lightness(grey)).max() > 3
    window = {"options": asked, "box": {"left": 9, "top": 7, "width": 90, "height": 60}, "scale": 1}
    pictures = client.post(f"{path}/window", json=window).json()
    before, after = (
        decode_photo(base64.b64decode(pictures[each].partition(",")[2])).rgb
        for each in ("before", "after")
    )
    assert np.abs(lightness(before) - lightness(grey[7:67, 9:99])).mean() < 1
    assert np.abs(lightness(after) - lightness(full[7:67, 9:99])).mean() < 1
    saved = client.post(f"{path}/session", json={"options": asked})
    applied = client.post(f"{path}/session/apply", content=saved.content).json()
    assert applied["restoration"]["local_contrast"] == 1
    wrong = client.post(f"{path}/preview", json={"restoration": {"strength": 2}})
    assert "expected restoration's strength as a number in 0…1" in error_of(wrong)


def read_lines(answer):
    return [json.loads(line) for line in answer.iter_lines()]


def test_a_style_is_painted_step_by_step_as_the_command_paints_it(
    client, colorizer, opened, grey, monkeypatch
):
    def paint(grey, style, options, progress):  # what takes long, and has tests of its own
        for _ in range(options.steps):
            progress()
        return 30 * np.sin(40 * grey)

    for place in ("studio.photos.painting", "style.restyling"):
        monkeypatch.setattr(f"deepkoal.{place}.paint_texture", paint)
    given = {"style": {"name": "durer", "scope": "both", "steps": 2, "size": 64}, "warmth": 0.5}
    path = f"/api/photos/{opened['id']}"
    first = client.post(f"{path}/preview", json=given)
    assert first.headers["x-texture"] == "missing"
    with client.stream("POST", f"{path}/texture", json=given) as answer:
        steps = [{"step": step, "of": 2} for step in range(3)]
        assert read_lines(answer) == [*steps, {"done": True}]
    again = {**given, "vibrance": 1.2}  # other colors, the same brushwork
    assert client.post(f"{path}/preview", json=again).headers["x-texture"] == "there"
    shown = client.post(f"{path}/preview", json=given)
    assert shown.headers["x-texture"] == "there"
    assert (see(shown) != see(first)).any()
    file = client.post(f"{path}/file", json=given)
    session = client.post(f"{path}/session", json={"options": given}).json()
    choice = SavedOptions.from_json(session).style
    restyled = Restyler(choice)(colorizer.colorize(grey, warmth=0.5))
    np.testing.assert_array_equal(see(file), restyled)
    assert np.abs(see(shown).astype(int) - restyled).mean() < 3  # JPEG
    told = read_provenance(decode_photo(file.content).metadata.xmp)
    assert told["options"] == session["options"]
    assert told["options"]["style"]["steps"] == 2
    window = {"options": given, "box": {"left": 0, "top": 0, "width": 300, "height": 200}}
    pictures = client.post(f"{path}/window", json={**window, "scale": 1}).json()
    after = decode_photo(base64.b64decode(pictures["after"].partition(",")[2])).rgb
    assert np.abs(lightness(after) - lightness(restyled)).mean() < 2


def test_painting_ends_when_nobody_waits_for_it(client, opened, monkeypatch):
    ended = threading.Event()

    def paint(grey, style, options, progress):
        try:
            while True:
                time.sleep(0.01)
                progress()
        finally:
            ended.set()

    monkeypatch.setattr("deepkoal.studio.photos.painting.paint_texture", paint)
    path, given = f"/api/photos/{opened['id']}/texture", {"style": {"name": "durer"}}
    with client.stream("POST", path, json=given) as answer:
        lines = answer.iter_lines()
        assert [json.loads(next(lines))["step"] for _ in range(3)] == [0, 1, 2]
    assert ended.wait(60)

    def fail(grey, style, options, progress):
        raise DeepkoalError("no paint; open it with --paint")

    monkeypatch.setattr("deepkoal.studio.photos.painting.paint_texture", fail)
    with client.stream("POST", path, json=given) as answer:
        assert read_lines(answer)[1:] == [{"error": "no paint"}]
    plain = {"style": {"name": "durer", "scope": "color"}}
    with client.stream("POST", path, json=plain) as answer:
        assert read_lines(answer) == [{"step": 0, "of": 0}, {"done": True}]
    with client.stream("POST", "/api/photos/none/texture", json=given) as answer:
        assert answer.status_code == 404


def test_styles_are_listed_and_drawn(client):
    names = [style["name"] for style in client.get("/api/about").json()["styles"]]
    assert len(names) == 6
    picture = see(client.get("/api/styles/durer"))
    assert picture.shape[0] == picture.shape[1]
    assert "no style 'mud'" in error_of(client.get("/api/styles/mud"))


def test_a_picture_of_ones_own_is_a_style_as_the_command_has_it(
    client, colorizer, opened, grey, photos, tmp_path
):
    data = encode_photo(photos["chelsea"], "PNG")
    added = client.post("/api/styles?name=../mine.png", content=data).json()
    assert added["picture"].startswith("data:image/jpeg;base64,")
    given = {"style": {"file": added["name"], "sha256": added["id"], "scope": "color"}}
    path = f"/api/photos/{opened['id']}"
    file = client.post(f"{path}/file", json=given)
    restyled = dk.stylize(colorizer.colorize(grey), photos["chelsea"], scope="color")
    np.testing.assert_array_equal(see(file), restyled)
    session = tmp_path / "session.json"
    session.write_bytes(client.post(f"{path}/session", json={"options": given}).content)
    (tmp_path / "mine.png").write_bytes(data)  # beside it, where the command looks for it
    choice = read_options(session).style
    np.testing.assert_array_equal(Restyler(choice)(colorizer.colorize(grey)), restyled)
    known = {"style": {"file": str(tmp_path / "mine.png"), "sha256": "none"}}
    for asked in ("preview", "texture"):  # a path of this computer is never opened
        answer = client.post(f"{path}/{asked}", json=known)
        assert answer.status_code == 404
        assert "this style is no longer at hand" in error_of(answer)
    small = encode_photo(photos["chelsea"][:40, :40].copy(), "PNG")
    refused = client.post("/api/styles?name=small.png", content=small)
    assert "small.png: expected a style's picture of at least 64 pixels" in error_of(refused)


def test_a_photo_that_lies_on_its_side_is_seen_colored_and_saved_upright(client, colorizer, grey):
    exif = Image.Exif()
    exif[0x0112] = 6  # which turns it by 90 degrees already
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG", exif=exif)
    opened = client.post("/api/photos?name=side.png", content=file.getvalue()).json()
    assert (opened["width"], opened["height"]) == (200, 300)
    path, upright = f"/api/photos/{opened['id']}", np.ascontiguousarray(grey[::-1, ::-1])
    hint = {"x": 290, "y": 190, "color": "#a03020"}  # outside of the photo as it was opened
    given = {"rotation": 90, "hints": [hint], "warmth": 0.3}
    answer = client.post(f"{path}/file", json=given)
    hints = [Hint(290, 190, "#a03020")]
    expected = colorizer.predict(upright).render(hints=hints, warmth=0.3)
    np.testing.assert_array_equal(see(answer), expected)
    assert Image.open(io.BytesIO(answer.content)).getexif()[0x0112] == 1
    shown = see(client.post(f"{path}/preview", json=given))
    assert np.abs(shown.astype(int) - expected).mean() < 3  # JPEG
    window = {"options": given, "box": {"left": 200, "top": 100, "width": 100, "height": 100}}
    pictures = client.post(f"{path}/window", json={**window, "scale": 1}).json()
    before = decode_photo(base64.b64decode(pictures["before"].partition(",")[2])).rgb
    assert np.abs(before.astype(int) - upright[100:, 200:]).mean() < 3
    place = {"x": 290, "y": 190}
    assert client.get(f"{path}/colors", params={**place, "rotation": 90}).json()["colors"]
    assert "outside the photo" in error_of(client.get(f"{path}/colors", params=place))
    doubt = client.post(f"{path}/doubt", json={"hints": [hint], "rotation": 90}).json()
    picture = decode_photo(base64.b64decode(doubt["picture"].partition(",")[2])).rgb
    assert picture.shape[:2] == (200, 300)
    told = read_provenance(decode_photo(answer.content).metadata.xmp)
    assert told["options"]["rotation"] == 90
    session = client.post(f"{path}/session", json={"options": given})
    saved = SavedOptions.from_json(session.json())
    assert (saved.rotation, saved.photo.width, saved.photo.height) == (90, 300, 200)
    applied = client.post(f"{path}/session/apply", content=session.content).json()
    assert (applied["rotation"], applied["hints"]) == (90, [hint])
    again = client.post(f"{path}/file", json={"rotation": 90, "hints": [hint], "warmth": 0.3})
    np.testing.assert_array_equal(see(again), expected)
    wrong = client.post(f"{path}/preview", json={"rotation": 45})
    assert "body.rotation" in error_of(wrong)


def test_a_download_waits_for_no_photo_of_its_album(client, opened, grey):
    other = client.post("/api/photos?name=b.png", content=encode_photo(grey[::-1].copy(), "PNG"))
    entry = {"photo": other.json()["id"], "options": {"rotation": 180, "vibrance": 2}}
    file = client.post(f"/api/photos/{opened['id']}/file", json={"album": [entry]})
    assert see(file).shape == grey.shape


def test_what_is_gone_is_said_to_be(client, opened):
    answer = client.post("/api/photos/none/preview", json={})
    assert answer.status_code == 404
    assert "this photo is no longer at hand" in error_of(answer)
    answer = client.post(f"/api/photos/{opened['id']}/preview", json={"reference": "none"})
    assert answer.status_code == 404
    assert "this reference photo is no longer at hand" in error_of(answer)


def test_thumbnails_show_the_variations_of_a_look(client, opened):
    wanted = [
        {"variation": None},
        {"variation": {"seed": 0, "index": 1}},
        {"variation": {"seed": 7, "index": 5}},
        {"detail": 96},
        {"vibrance": 2},
    ]
    path = f"/api/photos/{opened['id']}/thumbnails"
    pictures = client.post(path, json={"looks": wanted}).json()["pictures"]
    assert len(set(pictures)) == 5
    assert all(picture.startswith("data:image/jpeg;base64,") for picture in pictures)
    sepia = client.post(path, json={"options": {"palette": "sepia"}, "looks": wanted}).json()
    assert not set(sepia["pictures"]) & set(pictures)


def test_doubt_and_its_suggestions_follow_the_hints(client, opened):
    path = f"/api/photos/{opened['id']}/doubt"
    before = client.post(path, json={}).json()
    assert before["picture"].startswith("data:image/png;base64,")
    assert len(before["points"]) == 5
    place = before["points"][0]
    assert 0 <= place["x"] < 300
    assert 0 <= place["y"] < 200
    after = client.post(path, json={"hints": [{**place, "color": "red"}]}).json()
    assert after["picture"] != before["picture"]
    assert place not in after["points"]


def test_likely_colors_are_told_for_a_place(client, opened):
    path = f"/api/photos/{opened['id']}/colors"
    colors = client.get(path, params={"x": 299.9, "y": 199.9}).json()["colors"]
    assert 2 <= len(colors) == len(set(colors)) <= 6
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in colors)
    assert "outside the photo" in error_of(client.get(path, params={"x": 300, "y": 0}))


def test_the_nearest_color_is_told_where_a_place_cannot_show_the_one_asked_for(
    client, colorizer, opened, grey
):
    prediction = colorizer.predict(grey)
    y, x = map(int, np.unravel_index(prediction.l.argmax(), prediction.l.shape))
    given = [Hint(x, y, "#0040a0"), Stroke([(x, y), (x, y)], "own"), Hint(x, y, "grey")]
    ((_, shown),) = list_unshowable(prediction, given)
    hints = [write_entry(hint) for hint in given]
    path = f"/api/photos/{opened['id']}/nearest"
    assert client.post(path, json={"hints": hints}).json() == {"nearest": [shown, None, None]}


def test_a_network_without_a_distribution_colors_and_says_what_it_cannot(grey):
    with serve_client(Colorizer(tiny_koala(), working_size=64)) as client:
        assert client.get("/api/about").json()["distribution"] is False
        photo = client.post("/api/photos", content=encode_photo(grey, "PNG")).json()["id"]
        see(client.post(f"/api/photos/{photo}/preview", json={"vibrance": 2}))
        answer = client.post(f"/api/photos/{photo}/preview", json={"palette": "sepia"})
        assert "knows one color for each place" in error_of(answer)


# --- sizes and files ---------------------------------------------------------------------------


def test_a_large_photo_is_shown_smaller_in_the_colors_of_its_file(colorizer, photos):
    small = Image.fromarray(photos["astronaut"][..., 1])
    large = np.dstack([np.asarray(small.resize((1500, 1800), Image.Resampling.BICUBIC))] * 3)
    session = Session(colorizer)
    photo = session.photos.get(session.open(encode_photo(large, "JPEG"), "large.jpg"))
    options = {"hints": [Hint(1499.9, 1799.9, "tomato"), Hint(600, 700, "teal")], "vibrance": 1.5}
    options = ColorOptions(**options)
    shown = photo.render(options)
    assert shown.shape[0] * shown.shape[1] <= PREVIEW_PIXELS
    look = SavedOptions.of(options, photo=PhotoIdentity(1500, 1800))
    finished = decode_photo(write_result(photo, options, look).data).rgb
    assert finished.shape == large.shape
    height, width = shown.shape[:2]
    reduced = Image.fromarray(finished).resize((width, height), Image.Resampling.BOX)
    assert np.abs(np.asarray(reduced).astype(int) - shown).mean() < 2


def test_a_strip_longer_than_jpeg_can_be_is_opened_colored_and_finished(client):
    strip = np.dstack([np.tile(np.arange(70_000) % 251, (10, 1)).astype(np.uint8)] * 3)
    photo = client.post("/api/photos?name=strip.png", content=encode_photo(strip, "PNG")).json()
    assert (photo["width"], photo["height"]) == (70_000, 10)
    shown = see(client.post(f"/api/photos/{photo['id']}/preview", json={}))
    assert max(shown.shape) == PREVIEW_SIDE
    hint = {"x": 69_999.5, "y": 9.5, "color": "teal"}
    finished = client.post(f"/api/photos/{photo['id']}/file", json={"hints": [hint]})
    assert see(finished).shape == strip.shape
    thumbnails = client.post(f"/api/photos/{photo['id']}/thumbnails", json={"looks": [{}]})
    assert thumbnails.status_code == 200


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("JPEG", "a.jpeg", "a.colored.jpeg"),
        ("PNG", "photo", "photo.colored.png"),
        ("TIFF", "wrong.jpg", "wrong.colored.tif"),
        ("GIF", "Ömi 1.gif", "Ömi 1.colored.png"),
    ],
)
def test_a_download_is_of_the_photos_own_size_and_format(client, grey, kind, name, expected):
    data = encode_photo(grey, kind)
    photo = client.post("/api/photos", params={"name": name}, content=data).json()
    answer = client.post(f"/api/photos/{photo['id']}/file", json={})
    disposition = answer.headers["content-disposition"]
    assert disposition == f"attachment; filename*=UTF-8''{quote(expected)}"
    assert Image.open(io.BytesIO(answer.content)).format == {"GIF": "PNG"}.get(kind, kind)
    assert see(answer).shape == grey.shape


@pytest.mark.parametrize(
    ("asked", "suffix"),
    [
        ({"format": "PNG"}, "png"),
        ({"format": "JPEG", "quality": 60}, "jpg"),
        ({"format": "WEBP", "quality": 60}, "webp"),
        ({"format": "TIFF"}, "tif"),
    ],
)
def test_a_download_is_of_the_format_and_quality_that_were_chosen(client, grey, asked, suffix):
    kinds = [each["name"] for each in client.get("/api/about").json()["formats"]]
    assert asked["format"] in kinds
    deep = grey.astype(np.uint16) * 257
    data = encode_photo(deep, "PNG", Photo(deep, np.full(grey.shape[:2], 40_000, np.uint16)))
    key = client.post("/api/photos?name=old.png", content=data).json()["id"]
    path = f"/api/photos/{key}/file"
    answer = client.post(path, params=asked, json={})
    assert answer.headers["content-disposition"].endswith(f"''old.colored.{suffix}")
    written = decode_photo(answer.content, depth="auto")
    assert Image.open(io.BytesIO(answer.content)).format == asked["format"]
    lost = {"JPEG": "16 bits, alpha", "WEBP": "16 bits"}.get(asked["format"], "")
    assert answer.headers["x-not-kept"] == lost
    assert (written.rgb.dtype == np.uint16) == ("16 bits" not in lost)
    assert (written.alpha is None) == ("alpha" in lost)
    if "quality" in asked:
        finer = client.post(path, params={**asked, "quality": 90}, json={})
        assert len(answer.content) < len(finer.content)


def test_a_download_of_no_format_or_quality_is_refused_in_a_line(client, opened):
    path = f"/api/photos/{opened['id']}/file"
    for asked, message in (
        ({"format": "BMP"}, "expected a format of JPEG, PNG, WEBP, TIFF, got 'BMP'"),
        ({"format": "JPEG", "quality": 101}, "quality"),
        ({"form": "JPEG"}, "query.form"),
    ):
        answer = client.post(path, params=asked, json={})
        assert answer.status_code == 400
        assert message in error_of(answer)


def test_a_download_says_how_it_was_made_as_a_session_does(client, grey):
    data = encode_photo(grey, "JPEG")
    key = client.post("/api/photos?name=a.jpg", content=data).json()["id"]
    given = {"vibrance": 1.5, "detail": 160, "hints": [{"x": 5, "y": 7, "color": "#804020"}]}
    answer = client.post(f"/api/photos/{key}/file", json=given)
    told = read_provenance(decode_photo(answer.content).metadata.xmp)
    options = told["options"]
    assert (options["vibrance"], options["detail"], told["hints"]) == (1.5, 160, given["hints"])
    session = client.post(f"/api/photos/{key}/session", json={"options": given}).json()
    assert session["options"] == options
    assert session["hints"] == told["hints"]
    assert session["photo"] == told["photo"]


def test_a_download_carries_metadata_and_alpha(client, grey):
    exif = Image.Exif()
    exif[0x010E] = "Grandmother, 1931"
    file = io.BytesIO()
    Image.fromarray(np.dstack([grey, np.full(grey.shape[:2], 77, np.uint8)])).save(
        file, "PNG", exif=exif
    )
    key = client.post("/api/photos", content=file.getvalue()).json()["id"]
    photo = decode_photo(client.post(f"/api/photos/{key}/file", json={}).content)
    assert (photo.alpha == 77).all()
    assert b"Grandmother, 1931" in photo.exif
    assert np.abs(lightness(photo.rgb) - lightness(grey)).max() < 1
    shown = client.post(f"/api/photos/{key}/preview", json={})
    assert (decode_photo(shown.content).alpha == 77).all()


# --- what others may not -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "photos.example"},  # a name made to point here
        {"host": "127.0.0.1.photos.example:8600"},
        {"host": ""},
        {"origin": "https://photos.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
    ],
)
def test_other_pages_are_refused(client, headers):
    for method, path in (("GET", "/"), ("GET", "/api/about"), ("POST", "/api/samples/coffee.png")):
        answer = client.request(method, path, headers=headers)
        assert answer.status_code == 403
        assert "the studio" in error_of(answer)


def test_the_own_page_is_answered_under_both_its_names(client):
    port = client.base_url.port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        headers = {"host": host, "origin": f"http://{host}"}
        assert client.post("/api/samples/coffee.png", headers=headers).status_code == 201


@pytest.mark.parametrize("path", ["/", "/api/about", "/none", "/api/photos/none"])
def test_every_answer_forbids_what_is_not_served_here(client, path):
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
    assert "http" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def list_routes(app):
    """Return all routes that answer with a function, those of included routers too."""
    found = []
    for route in app.routes:
        found += list_routes(route) if getattr(route, "routes", None) else [route]
    return [route for route in found if hasattr(route, "endpoint")]


def test_no_handler_takes_a_parameter_that_nobody_declared(colorizer, tmp_path):
    """A default argument is a parameter of the query, and `answer=answer` what it answers."""
    apps = [create_studio(colorizer).app, build_app(SimpleNamespace())]
    routes = [route for app in apps for route in list_routes(app)]
    assert len(routes) > 30
    for route in routes:
        for name, parameter in inspect.signature(route.endpoint).parameters.items():
            assert parameter.annotation is not parameter.empty, (route.path, name)
            assert parameter.default in (parameter.empty, "photo"), (route.path, name)


def test_files_of_the_page_answer_the_same_whatever_is_asked_for(client):
    files = ["/", "/studio.js", "/server.js", "/studio.css", "/icon.svg"]
    for path in files:
        plain = client.get(path)
        for name in ("answer", "data", "media_type", "path", "self"):
            asked = client.get(path, params={name: "<script>alert(1)</script>"})
            assert (asked.status_code, asked.content) == (200, plain.content)
            assert asked.headers["content-type"] == plain.headers["content-type"]


def test_any_header_is_answered(colorizer):
    """Also headers that no HTTP library sends: straight to the app."""

    async def ask(app, headers):
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "headers": headers,
        }
        await app(scope, receive, send)
        return sent[0]["status"]

    app = create_studio(colorizer)
    for host in (b"[", b"[::1", b"]", b"127.0.0.1:x", b"[v1.x]", b"\xff", b"127.0.0.1]"):
        status = asyncio.run(ask(app, [(b"host", host)]))
        assert status == (200 if host == b"127.0.0.1:x" else 403), host
    for origin in (b"[", b"http://[", b"\xff"):
        headers = [(b"host", b"127.0.0.1"), (b"origin", origin)]
        assert asyncio.run(ask(app, headers)) == 403


@pytest.mark.parametrize("name", [os.fsdecode(b"caf\xe9.png"), "a\ud800b\n\x00.png", "é😀.png"])
def test_a_photo_of_any_name_is_opened_and_downloaded(colorizer, grey, name):
    with serve_client(colorizer, (encode_photo(grey, "PNG"), name)) as client:
        key = client.get("/api/about").json()["photo"]
        shown = client.get(f"/api/photos/{key}").json()["name"]
        assert shown == re.sub("[\ud800-\udfff]", "\ufffd", name)
        answer = client.post(f"/api/photos/{key}/file", json={})
        assert answer.status_code == 200
        expected = quote(shown.replace(".png", ".colored.png"), safe="")
        assert answer.headers["content-disposition"].endswith(expected)
    with pytest.raises(DeepkoalError, match="empty"):
        create_studio(colorizer, (b"", name))


def test_any_text_in_a_request_is_answered(client, opened):
    odd = "\ud800"
    path = f"/api/photos/{opened['id']}/preview"
    bodies = [
        {odd: 1},
        {"palette": odd},
        {"reference": odd},
        {"hints": [{"x": 1, "y": 1, "color": odd}]},
    ]
    for body in bodies:
        answer = client.post(path, content=json.dumps(body))
        assert answer.status_code in (400, 404), body
        assert error_of(answer)
    for query in ("%ff%fe", "%ed%a0%80.png"):
        answer = client.post(f"/api/photos?name={query}", content=b"none")
        assert (answer.status_code, bool(error_of(answer))) == (400, True)
        assert client.get(f"/api/photos/{query}").status_code == 404


def test_what_was_worked_out_of_a_photo_is_kept_for_the_next_request(colorizer, grey):
    session, data = Session(colorizer), encode_photo(grey, "PNG")
    faded = RestorationOptions(strength=0, tone="auto")
    key = session.open(data, "old.png")
    for find in (session.photos.get, lambda key: session.find(key, faded)):
        preview = find(key).preview
        assert session.open(data, "old.png") == key
        assert find(key).preview is preview
    session.open(data, "new.png")
    assert session.find(key, faded).name == "new.png"


def test_a_photo_that_is_forgotten_leaves_nothing_to_the_collector(colorizer, grey):
    session = Session(colorizer)
    key = session.open(encode_photo(grey, "PNG"), "old.png")
    photo = session.photos.get(key)
    photo.render(ColorOptions(variation=photo.list_variations(6, 3)[0]))
    kept = weakref.ref(photo)
    gc.collect()
    gc.disable()
    try:
        session.photos = LruStore("photo", 1, 1)
        del photo
        assert kept() is None
    finally:
        gc.enable()


def test_nothing_but_the_page_is_served(client):
    for path in ("/app.py", "/../app.py", "/%2e%2e/app.py", "/..%2fcli/main.py", "/docs"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "Not Found" in error_of(answer)
    page = client.get("/").text
    parts = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(parts) >= 4
    for part in parts:
        assert client.get(f"/{part}").status_code == 200
    assert not re.search(r"https?:|//\w", page)


# --- the command -------------------------------------------------------------------------------


def test_the_command_serves_until_it_is_interrupted(tmp_path, grey):
    (tmp_path / "old.png").write_bytes(encode_photo(grey, "PNG"))
    argv = ["studio", "old.png", "--port", "0", "--no-browser", "--backend", "litert"]
    # On LiteRT it opens without Keras, which takes seconds to import.
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "keras.py").write_text("raise AssertionError('Keras was imported')")
    paths = os.pathsep.join(map(str, (tmp_path / "blocked", Path(__file__).parents[1])))
    process = subprocess.Popen(
        [sys.executable, "-m", "deepkoal.cli", *argv],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address), process.stderr.read()
        first = httpx.get(f"{address}api/about", timeout=60).json()["photo"]
        assert httpx.get(f"{address}api/photos/{first}").json()["name"] == "old.png"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (0, "")
    assert err == "deepkoal: the studio is open; Ctrl+C ends it\ndeepkoal: the studio is closed\n"


def test_the_command_serves_a_network_of_ones_own(model, grey, monkeypatch, capsys):
    answered = []

    async def ask(app, listener):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            photo = (await client.post("/api/photos", content=encode_photo(grey, "PNG"))).json()
            path = f"/api/photos/{photo['id']}/file"
            answered.append(await client.post(path, json={"vibrance": 1.5}))

    monkeypatch.setattr(studio_command, "_serve", ask)
    assert main(["studio", "--model", model, "--port", "0", "--no-browser"]) == 0
    assert capsys.readouterr().err.endswith("deepkoal: the studio is closed\n")
    expected = dk.Colorizer.from_file(model).colorize(grey, vibrance=1.5)
    np.testing.assert_array_equal(see(answered[0]), expected)


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["studio", "--no-browser", "--port", port]) == 1
        assert re.search(f":{port}: .* choose another port with --port", capsys.readouterr().err)
    assert main(["studio", "--no-browser", str(tmp_path / "none.jpg")]) == 1
    assert "none.jpg: cannot be read (No such file" in capsys.readouterr().err
    assert main(["studio", "--port", "70000"]) == 2
