"""The tutorials run as they are, from the first cell to the last; one with tiny networks."""

import csv
import json
import re
import sys
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest
from PIL import ExifTags, Image

from deepkoal.image_io import read_image

TUTORIALS = Path(__file__).parent.parent / "tutorials"
SECONDS_PER_CELL = 600
TINY = f"""
import sys

sys.path.append({str(Path(__file__).parent)!r})
from tiny_networks import tiny_koala, tiny_lite

from deepkoal.pretrained import networks

def build_tiny(name, *, seed=0, embedder=None):
    return tiny_koala(seed, embedder) if name == "koala" else tiny_lite(seed)

networks.build_untrained = build_tiny
"""

EXPORTED_ONCE = """
import shutil
from pathlib import Path

import deepkoal

export = deepkoal.export_saved_model

def export_or_copy(colorizer, folder, **settings):
    first = Path(folder) / "1"
    if not first.exists():
        return export(colorizer, folder, **settings)
    return Path(shutil.copytree(first, Path(folder) / "copy")).rename(Path(folder) / "2")

deepkoal.export_saved_model = export_or_copy
"""


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Name a kernel of this very interpreter, whatever kernels the user has."""
    folder = tmp_path / "jupyter" / "kernels" / "tutorial"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "tutorial", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("MPLBACKEND")  # else pictures are drawn, but not shown
    return folder.name


def execute(name, folder, kernel, before=""):
    """Execute a notebook in a folder, after some code; the first error in a cell is raised."""
    notebook = nbformat.read(TUTORIALS / name, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(before))
    nbclient.NotebookClient(
        notebook,
        timeout=SECONDS_PER_CELL,
        kernel_name=kernel,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def list_pictures(cell):
    return [out for out in cell.outputs if "image/png" in out.get("data", {})]


def read_printed(cells):
    return "".join(
        out.text for cell in cells for out in cell.outputs if out.get("name") == "stdout"
    )


def check_pictures(cells):
    """Every cell that means to show something does."""
    showing = [cell for cell in cells if re.search(r"^(plt\.)?show\(", cell.source, re.MULTILINE)]
    assert len(showing) >= 4
    for cell in showing:
        assert list_pictures(cell), cell.source


def test_colorize_a_photo(tmp_path, kernel):
    cells = execute("01_colorize_a_photo.ipynb", tmp_path, kernel)
    check_pictures(cells)
    old, new = tmp_path / "tutorial-01" / "old.jpg", tmp_path / "tutorial-01" / "new.jpg"
    with Image.open(new) as photo:
        assert photo.getexif()[ExifTags.Base.ImageDescription] == "Chelsea the cat"
    assert read_image(new).shape == read_image(old).shape
    assert np.ptp(read_image(old), axis=2).max() == 0
    assert np.ptp(read_image(new), axis=2).mean() > 3, "nothing was colored"


def test_train_on_your_photos(tmp_path, kernel):
    # That koala-lite itself learns, and is exported, the fourth and fifth tutorial show.
    cells = execute("02_train_on_your_photos.ipynb", tmp_path, kernel, before=TINY)
    check_pictures(cells)
    printed = read_printed(cells)
    assert "interrupted\n" in printed
    assert "unreadable: broken.jpg" in printed
    out = tmp_path / "tutorial-02"
    with (out / "run" / "log.csv").open(newline="", encoding="utf-8") as log:
        rows = list(csv.DictReader(log))
    assert [row["epoch"] for row in rows] == [str(epoch) for epoch in range(len(rows))]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"]), "nothing was learned"
    assert len(list((out / "run" / "previews").iterdir())) == len(rows) > 2
    assert (out / "model" / "1" / "saved_model.pb").is_file()
    assert read_image(out / "new.png").shape == read_image(out / "old.jpg").shape


def test_guide_the_colors(tmp_path, kernel):
    cells = execute("03_guide_the_colours.ipynb", tmp_path, kernel)
    check_pictures(cells)
    assert "ms for 2 hints" in read_printed(cells)


def test_serve_it(tmp_path, kernel, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(TUTORIALS.parent))  # for the server that it starts
    # Exporting takes longest: the second version is a copy of the first. That an export has the
    # vibrance that it is given is tested in test_export.
    cells = execute("04_serve_it.ipynb", tmp_path, kernel, before=EXPORTED_ONCE)
    check_pictures(cells)
    printed = read_printed(cells)
    for words in (
        "the same bytes over both: True",
        "failed: [4]",
        'status="OK"',
        "version 2 AVAILABLE",
        "without a failure",
        "exit status 0",
    ):
        assert words in printed


def test_your_own_domain(tmp_path, kernel):
    cells = execute("05_your_own_domain.ipynb", tmp_path, kernel)
    check_pictures(cells)
    printed = read_printed(cells)
    assert "15 to learn from, 10 to judge by" in printed
    gained = re.search(r"^([+-]\d+\.\d+) dB$", printed, re.MULTILINE)
    assert gained, printed
    assert float(gained[1]) > 0.5, "little was learned"
    assert "gain" in printed
    assert "decoding.json" in printed


def test_film(tmp_path, kernel):
    cells = execute("06_film.ipynb", tmp_path, kernel)
    check_pictures(cells)
    assert "FilmReport(" in read_printed(cells)
    assert (tmp_path / "tutorial-06" / "new.mp4").stat().st_size > 1000


def test_restore_and_style(tmp_path, kernel):
    cells = execute("07_restore_and_style.ipynb", tmp_path, kernel)
    check_pictures(cells)
    printed = read_printed(cells)
    found = re.search(r"([\d.]+) dB before, ([\d.]+) by itself, ([\d.]+) told where", printed)
    before, alone, told = map(float, found.groups())
    assert alone >= before - 0.2
    assert told > before + 2
    assert "untouched elsewhere: True" in printed
    assert read_image(tmp_path / "tutorial-07" / "durer.png").shape == (256, 256, 3)
