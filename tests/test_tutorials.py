"""The tutorials run as they are, from the first cell to the last; one with tiny networks.

The first runs in a kernel of Jupyter, the others in this process, for the sake of time.
"""

import csv
import json
import re
import shutil
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import nbclient
import nbformat
import numpy as np
import pytest
import tensorflow as tf
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib_inline.backend_inline import configure_inline_support
from PIL import ExifTags, Image
from serving_parts import export_tiny, save_pixel
from tiny_networks import tiny_koala, tiny_lite
from traitlets.config import Config

import deepkoal
from deepkoal import export_saved_model
from deepkoal.image_io import read_image
from deepkoal.pretrained import networks

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

TUTORIALS = Path(__file__).parent.parent / "tutorials"
SECONDS_PER_CELL = 600
INLINE = "module://matplotlib_inline.backend_inline"


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


def execute(name, folder, kernel):
    """Execute a notebook in a folder, in a kernel of its own; the first error is raised."""
    notebook = nbformat.read(TUTORIALS / name, as_version=4)
    nbclient.NotebookClient(
        notebook,
        timeout=SECONDS_PER_CELL,
        kernel_name=kernel,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def ipython(tmp_path_factory):
    """IPython in this process, which need not import TensorFlow anew for every notebook."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # IPython puts its own
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
        plt.switch_backend(INLINE)
        configure_inline_support(shell, INLINE)
        # Optimizing a graph takes longer than running it a few times.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
        yield shell
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
        plt.switch_backend("Agg")
        InteractiveShell.clear_instance()


@pytest.fixture
def shell(ipython, tmp_path, monkeypatch):
    """IPython that knows nothing of other notebooks, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    ipython.reset()
    return ipython


def execute_here(name, shell):
    """Execute a notebook cell by cell, with what each shows; the first error is raised."""
    notebook = nbformat.read(TUTORIALS / name, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in cells:
        with capture_output() as captured:
            done = shell.run_cell(cell.source)
        done.raise_error()
        shown = [{"data": output.data} for output in captured.outputs]
        cell.outputs = [{"name": "stdout", "text": captured.stdout}, *shown]
    return cells


def list_pictures(cell):
    return [out for out in cell.outputs if "image/png" in out.get("data", {})]


def read_printed(cells):
    return "".join(
        out["text"] for cell in cells for out in cell.outputs if out.get("name") == "stdout"
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


def build_tiny(name, *, seed=0, embedder=None):
    return tiny_koala(seed, embedder) if name == "koala" else tiny_lite(seed)


def test_train_on_your_photos(tmp_path, shell, monkeypatch):
    # That koala-lite itself learns, and is exported, the fourth and fifth tutorial show; that an
    # export colors as its network does, test_export.
    monkeypatch.setattr(networks, "build_untrained", build_tiny)
    monkeypatch.setattr(deepkoal, "export_saved_model", lambda _, folder: export_tiny(folder))
    cells = execute_here("02_train_on_your_photos.ipynb", shell)
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


def test_guide_the_colors(tmp_path, shell):
    cells = execute_here("03_guide_the_colours.ipynb", shell)
    check_pictures(cells)
    assert "ms for 2 hints" in read_printed(cells)


def export_once(colorizer, folder, **settings):
    """Export, at first, without the requests that a server begins with; then a grey pixel."""
    first, second = Path(folder) / "1", Path(folder) / "2"
    if first.exists():
        return save_pixel(folder / "pixel").rename(second)
    shutil.rmtree(export_saved_model(colorizer, folder, **settings) / "assets.extra")
    return first


def test_serve_it(tmp_path, shell, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(TUTORIALS.parent))  # for the server that it starts
    # Exporting, loading and warming up take longest: the second version is a pixel, and the first
    # does not warm up. Vibrance is tested in test_export, warming up in test_serving.
    monkeypatch.setattr(deepkoal, "export_saved_model", export_once)
    cells = execute_here("04_serve_it.ipynb", shell)
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


def test_your_own_domain(tmp_path, shell):
    cells = execute_here("05_your_own_domain.ipynb", shell)
    check_pictures(cells)
    printed = read_printed(cells)
    assert "15 to learn from, 5 to judge by" in printed
    gained = re.search(r"^([+-]\d+\.\d+) dB$", printed, re.MULTILINE)
    assert gained, printed
    assert float(gained[1]) > 0.5, "little was learned"
    assert "gain" in printed
    assert "decoding.json" in printed


def test_film(tmp_path, shell):
    cells = execute_here("06_film.ipynb", shell)
    check_pictures(cells)
    assert "FilmReport(" in read_printed(cells)
    assert (tmp_path / "tutorial-06" / "new.mp4").stat().st_size > 1000


def test_restore_and_style(tmp_path, shell):
    cells = execute_here("07_restore_and_style.ipynb", shell)
    check_pictures(cells)
    printed = read_printed(cells)
    found = re.search(r"([\d.]+) dB before, ([\d.]+) by itself, ([\d.]+) told where", printed)
    before, alone, told = map(float, found.groups())
    assert alone >= before - 0.2
    assert told > before + 2
    assert "untouched elsewhere: True" in printed
    assert read_image(tmp_path / "tutorial-07" / "durer.png").shape == (256, 256, 3)
