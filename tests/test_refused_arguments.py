"""Arguments that cannot be meant as they stand, and places that are not there: told at once."""

import importlib

import numpy as np
import pytest
from PIL import Image

import deepkoal as dk
from deepkoal.cli import main
from deepkoal.data import prepare
from deepkoal.errors import DeepkoalError, RecordsError
from deepkoal.guidance import Palette
from deepkoal.hints import Hint, Region, check_kind, read_hints
from deepkoal.image_io import read_image
from deepkoal.image_io.formats.kinds import is_address
from deepkoal.pretrained.recipe import Recipe
from deepkoal.restoration import RestorationOptions
from deepkoal.style import Style


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["colorise", "a.jpg"], "did you mean colorize?"),
        (["colorize", "a.jpg", "--vibrence", "1"], "--vibrence 1; did you mean --vibrance?"),
        (["colorize", "a.jpg", "--palete=sepia"], "did you mean --palette?"),
        (["pseudocolor", "a.png", "-o", "b.png", "--map", "viridi"], "did you mean viridis?"),
        (["colorize", "a.jpg", "-o", ""], "argument 4, after '-o', is empty"),
        (["colorize", "a.jpg", "--out="], "argument 3, after '--out', is empty"),
        (["restore", ""], "argument 2, after 'restore', is empty"),
        (["colorize", "a.jpg", "--saturation", "blue"], "expected HUE=FACTOR,HUE=FACTOR"),
        (["colorize", "a.jpg", "-o", "s3://bucket/new"], "-o s3://bucket/new: an address"),
        (["restore", "a.jpg", "-o", "https://host/new.jpg"], "-o https://host/new.jpg: an address"),
        (["prepare", "photos", "s3://bucket/records"], "got the address 's3://bucket/records'"),
        (["train", "photos", "--run", "s3://bucket/run"], "got the address 's3://bucket/run'"),
        (["export", "gs://bucket/model"], "got the address 'gs://bucket/model'"),
        (["export", "koala.tflit"], "did you mean koala.tflite? (a folder of this name: --format"),
        (["demo", "-o", "https://host/demo"], "got the address 'https://host/demo'"),
        (["colorize", "a.jpg", "--steps", "5"], "--steps goes with --style NAME or PICTURE"),
        (["presets", "--styles", "styles.pdf"], "--styles styles.pdf: end the name in .jpg"),
        (["presets", "--palettes", "none/p.png"], "--palettes none/p.png: there is no such folder"),
        (["pseudocolor", "a.png", "-o", "none/b.png"], "-o none/b.png: there is no such folder"),
        (["evaluate", "photos", "--json", "none/a.json"], "--json none/a.json: there is no such"),
        (["evaluate", "photos", "--json", "-"], "--json -: is not written to standard output"),
    ],
)
def test_arguments_are_refused_before_any_work_with_what_was_meant(
    arguments, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["colorize", "a.jpg", "--model", "none"], "none: no such file; give a .keras file"),
        (["colorize", "a.jpg", "--model", "text.txt"], "(its name ends in '.txt'); give a .keras"),
        (["train", ".", "--from", "none"], "none: no such file, and no preset of that name"),
        (["train", "none"], "none: cannot be listed (No such file or directory)"),
        (["train", ".", "--recipe", "none.toml"], "none.toml: "),
        (["prepare", "text.txt", "records"], "text.txt: cannot be listed (Not a directory)"),
        (["evaluate", "none"], "none: cannot be listed (No such file or directory)"),
    ],
)
def test_what_is_not_there_is_named_before_tensorflow_starts(
    arguments, said, tmp_path, monkeypatch, capsys
):
    (tmp_path / "text.txt").write_text("text")
    Image.new("L", (8, 8)).save(tmp_path / "a.jpg")
    monkeypatch.chdir(tmp_path)
    for place in (
        "arguments.model_options",
        "training_run",
        "commands.prepare",
        "commands.evaluate",
    ):
        module = importlib.import_module(f"deepkoal.cli.{place}")
        monkeypatch.setattr(module, "start_tensorflow", lambda: pytest.fail("TensorFlow started"))
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["colorize", "in", "-o", "in"], "-o in is the photos' own folder"),
        (["restore", "in", "-o", "in/."], "-o in is the photos' own folder"),
        (["stylize", "in", "-o", "in", "--style", "monet"], "-o in is the photos' own folder"),
        (["prepare", "in", "in"], "RECORDS in is the photos' own folder"),
        (["prepare", "in", "other/../in"], "RECORDS other/../in is the photos' own folder"),
        (["evaluate", "in", "--page", "in/sub/page.jpg"], "among the photos of in"),
        (["video", "in", "-o", "in"], "in is the film itself"),
        (["video", "in", "-o", "in/a.png", "--preview", "1"], "-o in/a.png lies among the photos"),
        (["video", "in", "-o", "in", "--export-keyframes"], "-o in is the photos' own folder"),
    ],
)
def test_nothing_is_written_among_the_photos_that_are_given(
    arguments, said, tmp_path, monkeypatch, capsys
):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "in" / "a.png")
    monkeypatch.chdir(tmp_path)
    before = (tmp_path / "in" / "a.png").read_bytes()
    assert main(arguments) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert (tmp_path / "in" / "a.png").read_bytes() == before
    assert len(list(tmp_path.rglob("*"))) == 4


@pytest.mark.parametrize(
    "command", [["colorize"], ["colorize", "--album"], ["restore"], ["stylize", "--style=monet"]]
)
@pytest.mark.parametrize("out", ["file/sub", "/proc/none"])
def test_a_folder_that_takes_no_files_is_told_once_before_any_work(
    command, out, tmp_path, monkeypatch, capsys
):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("L", (8, 8)).save(tmp_path / "in" / name)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.chdir(tmp_path)
    assert main([*command, "in", "-o", out]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{out}: nothing can be written there (No" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "in"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", ".", "--json", "/proc/none.json"],
        ["presets", "--styles", "/proc/none.png"],
        ["export", "/proc/none.tflite"],
        ["export", "/proc/none/1"],
        ["colorize", "a.png", "-o", "b.png", "--save-options", "/proc/none.json"],
    ],
)
def test_a_place_that_takes_no_files_is_told_before_any_work(
    arguments, tmp_path, monkeypatch, capsys
):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "nothing can be written there (No" in line


def test_records_among_the_photos_are_refused_in_python_too(tmp_path):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    with pytest.raises(RecordsError, match="is the photos' own folder"):
        prepare(tmp_path, str(tmp_path))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Palette([]), r"probabilities as float32 \(227,\), got \[\]; Palette.named"),
        (lambda: Palette("sepia"), "got 'sepia'; Palette.named"),
        (lambda: Style("monet"), "expected a style, which Style.named .* got str"),
        (lambda: RestorationOptions(holes=np.ones((4, 4))), r"got float64 \(4, 4\); a mask goes"),
        (lambda: read_image(""), "got an empty one"),
        (lambda: read_image("https://host/a.jpg"), "https://host/a.jpg: an address, and nothing"),
        (lambda: dk.Colorizer.from_preset(None), "no preset None; there are"),
    ],
)
def test_what_is_made_of_another_kind_says_what_makes_it(build, message):
    with pytest.raises(DeepkoalError, match=message):
        build()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_as_editors_and_shells_of_windows_write_them_are_read(tmp_path, encoding):
    hints, recipe = tmp_path / "hints.json", tmp_path / "recipe.toml"
    hints.write_text('[{"x": 1, "y": 2, "color": "red"}]', encoding=encoding)
    assert [(hint.x, hint.y) for hint in read_hints(hints)] == [(1, 2)]
    recipe.write_text("epochs = 3", encoding="utf-8-sig")  # TOML is UTF-8
    assert Recipe.read(recipe).epochs == 3


@pytest.mark.parametrize(
    "build",
    [
        lambda array: Region(array, "red"),  # a mask, but for its type
        lambda array: Hint(1, 1, array),
        lambda array: check_kind([array]),
    ],
)
def test_an_array_in_a_hints_place_is_named_on_one_line(build):
    with pytest.raises(DeepkoalError) as error:
        build(np.ones((50, 50), np.uint8))
    assert "\n" not in str(error.value)
    assert "array([[1, 1," in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("s3://b/c", True), ("memory://x", True), ("C://photos", False), ("a/b://c", False)],
)
def test_a_scheme_makes_an_address_and_a_drive_does_not(text, expected):
    assert is_address(text) is expected
