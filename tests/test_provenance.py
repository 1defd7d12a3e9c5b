"""What a result's own metadata say of how it was made, and that the photo's own stay beside it."""

import io
import json

import pytest
import skimage.data
from PIL import Image

import deepkoal
from deepkoal.cli import main
from deepkoal.image_io import read_photo
from deepkoal.image_io.metadata.xmp import XmpPacket
from deepkoal.inference.options_file import hash_file
from deepkoal.inference.provenance import SOURCE_TYPE, add_provenance, read_provenance

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
DC = "http://purl.org/dc/elements/1.1/"
MEDIA = "http://ns.adobe.com/xap/1.0/mm/"
EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"


@pytest.fixture
def photo(tmp_path):
    """A JPEG file that says who made it, and that it was scanned."""
    packet = XmpPacket()
    packet.set("dc", DC, "creator", "Ada")
    packet.append("xmpMM", MEDIA, "History", {("stEvt", EVENT, "softwareAgent"): "VueScan 9"})
    path = tmp_path / "photo.jpg"
    Image.fromarray(skimage.data.camera()[::8, ::6]).save(path, xmp=packet.tobytes())
    return path


def color(model, *arguments):
    return main(["colorize", "--model", model, *map(str, arguments)])


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
def test_a_result_says_how_it_was_made_and_keeps_what_was_said(model, photo, tmp_path, ending):
    out = tmp_path / f"new.{ending}"
    assert color(model, photo, "-o", out, "--vibrance", 1.3) == 0
    xmp = read_photo(out).metadata.xmp
    packet = XmpPacket(xmp)
    assert packet.get(EXT, "DigitalSourceType") == SOURCE_TYPE
    assert packet.get(DC, "creator") == "Ada"
    agents = [each[EVENT, "softwareAgent"] for each in packet.list_structures(MEDIA, "History")]
    assert agents == ["VueScan 9", f"deepkoal {deepkoal.__version__}"]
    made = read_provenance(xmp)
    assert made["options"]["vibrance"] == 1.3
    assert made["photo"] == {"width": 86, "height": 64, "sha256": hash_file(photo)}
    assert made["network"]["sha256"] == hash_file(model)


@pytest.mark.parametrize("verb", ["colorize", "restore"])
def test_a_result_of_standard_input_says_of_which_bytes(
    model, photo, monkeypatch, capsysbinary, verb
):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(photo.read_bytes())))
    network = ["--model", model] if verb == "colorize" else []
    assert main([verb, "-", "-o", "-", *network]) == 0
    made = read_provenance(read_photo(capsysbinary.readouterr().out).metadata.xmp)
    assert made["photo"]["sha256"] == hash_file(photo)


def test_no_provenance_adds_nothing(model, photo, tmp_path):
    out = tmp_path / "new.jpg"
    assert color(model, photo, "-o", out, "--no-provenance") == 0
    packet = XmpPacket(read_photo(out).metadata.xmp)
    assert packet.get(EXT, "DigitalSourceType") is None
    assert len(packet.list_structures(MEDIA, "History")) == 1
    assert packet.get(DC, "creator") == "Ada"


def test_each_variation_says_which_it_is(model, photo, tmp_path):
    assert color(model, photo, "-o", f"{tmp_path}/out/", "--variations", 3, "--seed", 5) == 0
    for index, name in enumerate(("photo.jpg", "photo.look2.jpg", "photo.look3.jpg")):
        made = read_provenance(read_photo(tmp_path / "out" / name).metadata.xmp)
        assert made["options"]["variation"] == {"seed": 5, "index": index, "count": 3}


def test_describe_prints_it_and_its_json_makes_the_same_again(
    model, photo, tmp_path, monkeypatch, capsys
):
    hints = tmp_path / "hints.json"
    hints.write_text('[{"x": 50, "y": 20, "color": "#2040c0"}]')
    old = tmp_path / "old.json"
    old.write_text('{"deepkoal": "0.0.1"}')  # which options came from, not what makes the result
    out, again, look = tmp_path / "new.png", tmp_path / "again.png", tmp_path / "look.json"
    assert (
        color(model, photo, "-o", out, "--options", old, "--palette", "sepia", "--hints", hints)
        == 0
    )
    capsys.readouterr()
    assert main(["describe", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{out}: made by deepkoal {deepkoal.__version__}"
    assert "  palette: sepia" in lines
    assert any("#2040c0" in line for line in lines)
    stdin = io.TextIOWrapper(io.BytesIO(out.read_bytes()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert main(["describe", "-"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        lines[0].replace(str(out), "standard input"),
        *lines[1:],
    ]
    assert main(["describe", "-", "-"]) == 2
    assert "give it once" in capsys.readouterr().err
    assert main(["describe", "--json", str(out)]) == 0
    look.write_text(capsys.readouterr().out)
    assert color(model, photo, "-o", again, "--options", look) == 0
    assert again.read_bytes() == out.read_bytes()


def test_describe_needs_no_pixel_of_a_file_cut_short(model, photo, tmp_path, capsys):
    out = tmp_path / "new.jpg"
    assert color(model, photo, "-o", out) == 0
    out.write_bytes(out.read_bytes()[:-700])
    capsys.readouterr()
    assert main(["describe", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"{out}: made by deepkoal")


def test_describe_says_where_nothing_is_said(photo, tmp_path, capsys):
    assert main(["describe", str(photo), str(tmp_path / "none.jpg")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "photo.jpg: does not say that deepkoal made it" in err
    assert "none.jpg: no such file" in err


def test_a_damaged_note_is_named_and_a_damaged_packet_replaced(photo, tmp_path, capsys):
    packet = XmpPacket()
    event = {"softwareAgent": "deepkoal 9.0", "parameters": "{cut"}
    fields = {("stEvt", EVENT, key): value for key, value in event.items()}
    packet.append("xmpMM", MEDIA, "History", fields)
    damaged = tmp_path / "damaged.jpg"
    Image.fromarray(skimage.data.camera()[::8, ::6]).save(damaged, xmp=packet.tobytes())
    assert main(["describe", str(damaged)]) == 1
    assert "its note of how deepkoal made it is damaged" in capsys.readouterr().err
    assert read_provenance(b"<no xml") is None


def test_very_many_hints_are_counted_rather_than_kept(photo):
    from deepkoal.guidance import ColorOptions
    from deepkoal.hints import Hint
    from deepkoal.inference.options_file import PhotoIdentity, SavedOptions

    many = [Hint(index % 80, 1.5, "#2040c0") for index in range(2000)]
    look = SavedOptions.of(ColorOptions(hints=many), photo=PhotoIdentity(86, 64))
    made = add_provenance(read_photo(photo), look)
    assert len(made.metadata.xmp) < 30_000
    assert json.loads(json.dumps(read_provenance(made.metadata.xmp)))["hints_left_out"] == 2000
