"""The pages for people hold: examples run, commands parse, links lead somewhere."""

import functools
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from skimage import data
from tiny_networks import tiny_embedder

from deepkoal import models
from deepkoal.cli import main
from deepkoal.cli.arguments.parser import Parser
from deepkoal.evaluation.figures.cost import count_multiply_adds
from deepkoal.image_io import read_image, write_image
from deepkoal.inference import ready_network
from deepkoal.models.efficientnet import efficientnet_lite0

ROOT = Path(__file__).parent.parent
NEEDS_A_SERVER = "http://127.0.0.1:8501"  # tests/test_serving_process.py runs such examples
PAGES = sorted(
    path
    for folder, pattern in (
        (".", "*.md"),
        ("benchmarks", "*.md"),
        ("data", "README.md"),
        ("docs", "*.md"),
        ("models", "*/README.md"),
        ("models", "README.md"),
        ("tutorials", "*.md"),
        ("tutorials", "*.ipynb"),
    )
    for path in (ROOT / folder).glob(pattern)
)


def read_page(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def list_blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def list_commands(page):
    """Return the commands of a page's console blocks, as lists of arguments."""
    lines = [line for block in list_blocks(page, "console") for line in block.splitlines()]
    typed = " && ".join(line[2:].partition(" # ")[0] for line in lines if line.startswith("$ "))
    return [shlex.split(command) for command in typed.split(" && ") if command]


def list_mentions(page):
    """Return the `deepkoal …` named in running text, as lists of arguments."""
    prose = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    return [shlex.split(span) for span in re.findall(r"`(deepkoal [^`]+)`", prose)]


def list_verbs(page):
    verbs = [argv[1:] for argv in list_commands(page) if Path(argv[0]).name == "deepkoal"]
    return verbs + [argv[1:] for argv in list_mentions(page)]


def name_page(path):
    return path.relative_to(ROOT).as_posix()


def pages_with(find):
    found = [path for path in PAGES if find(read_page(path))]
    return pytest.mark.parametrize("path", found, ids=name_page)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in a folder with the photo that the examples color."""
    grey = data.chelsea()[..., 1]
    write_image(tmp_path / "old.jpg", np.dstack([grey] * 3))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_pages_are_found():
    pages = {name_page(path) for path in PAGES}
    assert {"README.md", "tutorials/01_colorize_a_photo.ipynb", "models/koala/README.md"} <= pages


@pytest.fixture(scope="module")
def loaded_once():
    """Presets are loaded by the first page that asks for them."""
    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(ready_network.load_from_preset)
        patch.setattr(ready_network, "load_from_preset", once)
        yield


@pages_with(lambda page: list_blocks(page, "python") and NEEDS_A_SERVER not in page)
def test_python_examples_run(path, folder, loaded_once):
    names = {}
    for block in list_blocks(read_page(path), "python"):
        exec(compile(block, str(path), "exec"), names)
    if path == ROOT / "README.md":
        photo, rgb = names["photo"], names["rgb"]
        assert rgb.dtype == np.uint8
        assert rgb.shape == photo.shape
        assert np.ptp(rgb, axis=2).mean() > 3, "nothing was colored"
        np.testing.assert_array_equal(read_image("new.png"), rgb)
        assert [many.shape for many in names["many"]] == [photo.shape, photo[:200].shape]
        assert len(names["rgbs"]) == 3


def test_the_estimates_are_what_their_code_prints(capsys):
    page = read_page(ROOT / "docs" / "scale.md")
    names = {}
    for block in list_blocks(page, "python"):
        exec(compile(block, "scale.md", "exec"), names)
    assert set(capsys.readouterr().out.splitlines()) <= set(page.splitlines())
    lite, koala = models.lite(efficientnet_lite0()), models.koala(tiny_embedder(dim=1000))
    unused = count_multiply_adds(koala.get_layer("embedding"), 224, 224)
    for name, network, size in (
        ("koala at 224²", koala, 224),
        ("koala-lite at 128²", lite, 128),
        ("koala-lite at 256²", lite, 256),
    ):
        counted = count_multiply_adds(network, size, size) - (network is koala) * unused
        assert sum(names["NETWORKS"][name]) == pytest.approx(counted, rel=5e-3)


def test_first_command_runs(folder, capsys):
    commands = list_commands(read_page(ROOT / "README.md"))
    argv = next(argv for argv in commands if "colorize" in argv)
    assert main(argv[1:]) == 0
    assert capsys.readouterr().out == "new.jpg\n"
    assert read_image("new.jpg").shape == read_image("old.jpg").shape


@pages_with(list_verbs)
def test_commands_parse(path, monkeypatch):
    parse_all = Parser.parse_all

    def only_parse(parser, argv):
        parse_all(parser, argv)
        raise SystemExit(0)

    monkeypatch.setattr(Parser, "parse_all", only_parse)
    for argv in list_verbs(read_page(path)):
        only_verb = len(argv) == 1  # a verb that is named, not used
        assert main([*argv, "--help"] if only_verb else argv) == 0, f"deepkoal {shlex.join(argv)}"


def test_parsing_notices_wrong_options(capsys):
    assert main(["colorize", "old.jpg", "--no-such-option"]) == 2
    assert "--no-such-option" in capsys.readouterr().err


def test_options_in_the_table_exist(capsys):
    rows = re.findall(r"^\| `deepkoal .*", read_page(ROOT / "README.md"), re.MULTILINE)
    assert len(rows) >= 7
    for row in rows:
        verb = row.split("`")[1].split()[1]
        assert main([verb, "--help"]) == 0
        offered = re.findall(r"--[\w-]+", capsys.readouterr().out)
        assert set(re.findall(r"--[\w-]+", row)) <= set(offered), row


@pages_with(list_commands)
def test_make_targets_and_scripts_exist(path):
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for program, *arguments in list_commands(read_page(path)):
        if program == "make":
            assert arguments[0] in targets
        elif Path(program).name == "python" and arguments[0] != "-m":
            script = ROOT / arguments[0]
            assert script.is_file() or (script / "__main__.py").is_file()


@pages_with(lambda page: "](" in page)
def test_links_lead_somewhere(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", read_page(path)):
        if not link.startswith(("http://", "https://", "#")):
            assert (path.parent / link.partition("#")[0]).exists(), link
