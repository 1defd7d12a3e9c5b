"""What is printed withstands every file name, terminal and encoding."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import skimage.data
from PIL import Image

from deepkoal.cli import main
from deepkoal.cli.console import report_some
from deepkoal.errors import DeepkoalError, check_range, printable

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LATIN_1, UTF_8 = b"caf\xe9.png", "Käthe 1931.png".encode()
CONTROL, BREAK = b"\x1b[31mred\x07.png", b"a\nb\r.png"


@pytest.fixture
def odd(tmp_path):
    """A folder of four photos under odd names, and a damaged one under an odd name."""
    folder = tmp_path / "old disk"
    folder.mkdir()
    photo = Image.fromarray(skimage.data.chelsea()[100:164, 100:196])
    for name in (LATIN_1, UTF_8, CONTROL, BREAK):
        photo.save(folder / os.fsdecode(name))
    (folder / os.fsdecode(b"gesch\xfctzt\n.png")).write_bytes(b"no picture")
    return folder


class _Terminal(io.TextIOWrapper):
    def isatty(self):
        return True


def give_stdout(monkeypatch, encoding, kind=io.TextIOWrapper):
    """Replace stdout; return the bytes that it was given."""
    data = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", kind(data, encoding=encoding))
    return data


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_folder_run_survives_every_name(model, odd, tmp_path, monkeypatch, capsys, encoding):
    stdout, out = give_stdout(monkeypatch, encoding), tmp_path / "out"
    command = ["colorize", "--model", model, str(odd), "-o", str(out), "--colored", "recolor"]
    assert main(command) == 1
    written = {os.fsencode(path.name) for path in out.iterdir()}
    assert written == {LATIN_1, UTF_8, CONTROL, BREAK}
    umlaut = {"utf-8": "ä".encode(), "ascii": b"\\xe4", "latin-1": b"\xe4"}[encoding]
    names = [rb"a\nb\r.png", CONTROL, LATIN_1, b"K" + umlaut + b"the 1931.png"]
    lines = stdout.getvalue().splitlines()
    assert sorted(lines) == sorted(os.fsencode(out) + b"/" + name for name in names)
    failure, summary = capsys.readouterr().err.splitlines()
    assert r"gesch\xfctzt\n.png: not a picture" in failure
    assert summary == "deepkoal: 4 photos colored; 1 could not be colored, listed above"


def test_terminal_is_given_no_control_characters(model, odd, tmp_path, monkeypatch, capsys):
    stdout = give_stdout(monkeypatch, "utf-8", _Terminal)
    assert main(["colorize", "--model", model, str(odd), "-o", str(tmp_path / "out")]) == 1
    text = stdout.getvalue().decode()
    assert r"\x1b[31mred\x07.png" in text
    assert r"caf\xe9.png" in text
    assert all(character.isprintable() or character == "\n" for character in text)


def test_evaluate_names_what_it_left_out(model, odd, tmp_path, monkeypatch):
    stdout, file = give_stdout(monkeypatch, "ascii"), tmp_path / "card.json"
    options = ["--figures", "fidelity", "--json", str(file)]
    assert main(["evaluate", str(odd), "--model", model, *options]) == 0
    last = stdout.getvalue().decode("ascii").splitlines()[-1]
    assert last.startswith("unreadable: ")
    assert r"gesch\xfctzt\n.png" in last
    card = json.loads(file.read_text(encoding="utf-8"))
    assert r"gesch\xfctzt\n.png" in card["unreadable"][0]


def test_presets_in_a_folder_of_an_odd_name(tmp_path, monkeypatch):
    folder = tmp_path / os.fsdecode(b"mod\xe8les") / "mine"
    folder.mkdir(parents=True)
    config = {"summary": "ü", "network": "lite", "working_size": 64, "decoding": {}}
    config |= {"license": "CC0", "sha256": None}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "weights.safetensors").touch()
    monkeypatch.setenv("DEEPKOAL_MODELS", str(folder.parent))
    stdout = give_stdout(monkeypatch, "ascii")
    assert main(["presets"]) == 0
    assert stdout.getvalue().splitlines()[1].endswith(rb" \xfc")


def test_wrong_usage_with_an_odd_name_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["colorize", os.fsdecode(b"\xe9.png"), "-o", os.fsdecode(b"\xe9\n.xyz")]) == 2
    line, end = capsys.readouterr().err.split("\n")
    assert end == ""
    assert line.startswith(r"deepkoal: \xe9\n.xyz ends in no format")


@pytest.mark.parametrize("out", ["results.v1/", "results.v1\\", "results.v1\\\\"])
def test_name_that_ends_in_any_systems_separator_is_a_folder(
    model, odd, tmp_path, monkeypatch, out
):
    monkeypatch.chdir(tmp_path)
    photo = odd / os.fsdecode(UTF_8)
    assert main(["colorize", "--model", model, str(photo), "-o", out]) == 0
    assert [path.name for path in Path("results.v1").iterdir()] == [photo.name]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain é 写真\u3000.png", "plain é 写真\u3000.png"),
        ("C:\\photos", "C:\\photos"),
        ("\udce9", r"\xe9"),
        ("\ud800", r"\ud800"),
        ("a\tb\nc\x00\x7f\x9b", r"a\tb\nc\x00\x7f\x9b"),
        ("\u2028\u202egpj.png", r"\u2028\u202egpj.png"),
    ],
)
def test_printable(text, expected):
    assert printable(text) == expected
    assert printable(text).encode()


@pytest.mark.parametrize("value", [0, 101, float("nan"), "50", None, True, 50.0])
def test_range_refuses_all_but_whole_numbers_within(value):
    with pytest.raises(DeepkoalError, match="expected quality as a whole number in 1…100, got"):
        check_range(value, "quality", 1, 100, whole=True)


def test_range_takes_its_ends_and_numpys_numbers():
    import numpy as np

    for value in (1, 100, np.uint8(7)):
        check_range(value, "quality", 1, 100, whole=True)
    check_range(np.float32(0.5), "share", 0)
    with pytest.raises(ValueError, match=r"expected share as a number of at least 0, got 'x'"):
        check_range(float("nan"), "share", 0, given="x", error=ValueError)


@pytest.mark.parametrize(
    ("closed", "arguments", "status"),
    [
        ("<&- >&- 2>&-", ["presets"], 0),
        (">&-", ["colorize", "missing", "-o", "out"], 1),
        (">&-", ["colorize", "photo.png", "-o", "-", "--format", "png"], 2),
    ],
)
def test_closed_streams_are_opened_on_nothing(tmp_path, closed, arguments, status):
    Image.fromarray(skimage.data.camera()[::16, ::16]).save(tmp_path / "photo.png")
    command = [sys.executable, "-m", "deepkoal.cli", *arguments]
    run = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *command],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr.count("\n")) == (status, min(status, 1))


def test_of_many_messages_the_first_ten_are_printed(capsys):
    report_some([f"line {number}" for number in range(12)])
    lines = capsys.readouterr().err.splitlines()
    assert lines == [*(f"deepkoal: line {number}" for number in range(10)), "deepkoal: and 2 more"]
    report_some(["one"])
    assert capsys.readouterr().err == "deepkoal: one\n"
