import configparser
import importlib.metadata
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest
import setuptools
import yaml
from missing import skip_or_fail

import deepkoal

ROOT = Path(__file__).parents[1]

PUBLIC_NAMES = {
    "Album": inspect.isclass,
    "Colorizer": inspect.isclass,
    "DeepkoalError": inspect.isclass,
    "Hint": inspect.isclass,
    "Palette": inspect.isclass,
    "Region": inspect.isclass,
    "RestorationOptions": inspect.isclass,
    "SemanticEmbedder": inspect.isclass,
    "Stroke": inspect.isclass,
    "Style": inspect.isclass,
    "__version__": lambda version: isinstance(version, str),
    "colorize_video": inspect.isfunction,
    "evaluate": inspect.isfunction,
    "export_saved_model": inspect.isfunction,
    "fine_tune": inspect.isfunction,
    "guidance": inspect.ismodule,
    "hints": inspect.ismodule,
    "list_palettes": inspect.isfunction,
    "list_styles": inspect.isfunction,
    "models": inspect.ismodule,
    "prepare": inspect.isfunction,
    "read_image": inspect.isfunction,
    "restore": inspect.isfunction,
    "stylize": inspect.isfunction,
    "train": inspect.isfunction,
    "write_image": inspect.isfunction,
}


def test_public_names_are_exactly_these():
    assert sorted(deepkoal.__all__) == sorted(PUBLIC_NAMES)
    assert set(dir(deepkoal)) >= set(PUBLIC_NAMES) - {"__version__"}


@pytest.mark.parametrize("name", sorted(PUBLIC_NAMES))
def test_public_name_is_of_its_kind(name):
    assert PUBLIC_NAMES[name](getattr(deepkoal, name))


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="colourise"):
        deepkoal.colourise  # noqa: B018


def test_import_loads_no_heavy_package():
    code = "import sys, deepkoal; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(result.stdout.split())
    assert "deepkoal" in loaded
    assert not loaded & {"keras", "tensorflow", "jax", "torch", "numpy", "cv2", "skimage", "PIL"}


def test_version_is_the_installed_one():
    assert importlib.metadata.version("deepkoal") == deepkoal.__version__


# ---------------------------------------------------------------- wheel, sdist, editable install

SHIPPED = {
    "efficientnet-lite0": ["*.safetensors", "*.md", "LICENSE"],
    "koala": ["*.safetensors", "*.json", "*.toml", "*.md"],
    "koala-lite": ["*.safetensors", "*.tflite", "*.json", "*.toml", "*.md"],
    "restorer": ["*.safetensors", "*.tflite", "*.json", "*.md"],
    "pix2pix": ["*.json", "*.toml", "*.md"],
}
STRAYS = (
    "models/koala-lite/1/saved_model.pb",
    "models/koala-lite/1/warm_up.json",
    "models/mine/weights.safetensors",
    "models/mine.tflite",
    "models/notes.toml",
    "deepkoal/studio/notes.toml",
)
"""What lies in a checkout that was worked in, and in no package."""


def run_python(code, *arguments, cwd):
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, check=True, capture_output=True, text=True, timeout=300
    ).stdout.strip()


def build(kind, source, out):
    """Build a `wheel`, `sdist` or `editable` of a source tree, as pip does, with no download."""
    code = f"import sys, setuptools.build_meta as b; print(b.build_{kind}(sys.argv[1]))"
    return out / run_python(code, out, cwd=source).splitlines()[-1]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what is packed, with stray files as work leaves them."""
    tree = tmp_path_factory.mktemp("checkout")
    for folder in ("deepkoal", "models"):
        ignored = shutil.ignore_patterns("__pycache__", "[0-9]*")
        shutil.copytree(ROOT / folder, tree / folder, ignore=ignored)
    for file in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tree)
    for stray in STRAYS:
        (tree / stray).parent.mkdir(parents=True, exist_ok=True)
        (tree / stray).write_text("stray")
    return tree


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory):
    """The wheel, built from the sdist, as a release's is."""
    out = tmp_path_factory.mktemp("dist")
    with tarfile.open(build("sdist", checkout, out)) as archive:
        archive.extractall(out, filter="data")
    [source] = [path for path in out.iterdir() if path.is_dir()]
    assert not [stray for stray in STRAYS if (source / stray).exists()]
    return build("wheel", source, out)


def test_wheel_holds_every_file_of_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    code = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "deepkoal").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    models = {
        f"deepkoal/shipped_models/{path.relative_to(ROOT / 'models').as_posix()}"
        for preset, patterns in SHIPPED.items()
        for path in (ROOT / "models" / preset).iterdir()
        if any(fnmatch(path.name, pattern) for pattern in patterns)
    }
    assert {f"deepkoal/shipped_models/{name}/README.md" for name in SHIPPED} <= models
    assert found == code | models


def test_every_package_is_listed_in_setup_cfg():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = config["options"]["packages"].split()
    found = setuptools.find_packages(str(ROOT), include=["deepkoal", "deepkoal.*"])
    assert sorted(listed) == sorted([*found, "deepkoal.shipped_models"])


def pip_install(*arguments, python=sys.executable):
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"),
            *("--no-deps", "--no-index", "--disable-pip-version-check"),
            *map(str, arguments),
        ],
        check=True,
        timeout=300,
    )


def run_command(command, cwd, **environment):
    """Run a command with nothing of this checkout in its environment; return its stdout."""
    own = {"DEEPKOAL_MODELS", "PYTHONPATH"}
    kept = {name: value for name, value in os.environ.items() if name not in own}
    return subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**kept, **environment},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
    ).stdout


def find_weights(listing):
    return {Path(row["weights"]).parent.parent for row in json.loads(listing) if row["weights"]}


def test_wheel_installed_into_a_folder_finds_its_weights(wheel, tmp_path):
    target = tmp_path / "target"
    pip_install("--target", target, wheel)
    command = [sys.executable, "-m", "deepkoal.cli", "presets", "--json"]
    listing = run_command(command, tmp_path, PYTHONPATH=str(target))
    assert find_weights(listing) == {target / "deepkoal" / "shipped_models"}


def make_environment(folder, distribution, *, dependencies=True):
    """Make a virtual environment of one distribution, and dependencies that are installed here."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    python = folder / "bin" / "python"
    pip_install(distribution, python=python)
    if not dependencies:
        return folder / "bin" / "deepkoal"
    # After pip, or it would find, and replace, the deepkoal that is installed here.
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    [site] = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text("\n".join(sorted(places)) + "\n")
    return folder / "bin" / "deepkoal"


def test_wheel_in_a_clean_environment_runs_the_demo(wheel, tmp_path):
    deepkoal_command = make_environment(tmp_path / "env", wheel)
    stdout = run_command([deepkoal_command, "demo"], tmp_path)
    assert "demo/contact_sheet.jpg" in stdout.splitlines()
    assert (tmp_path / "demo" / "contact_sheet.jpg").stat().st_size > 50_000
    [shipped] = find_weights(run_command([deepkoal_command, "presets", "--json"], tmp_path))
    assert shipped.is_relative_to(tmp_path / "env")


def test_editable_installation_uses_the_checkouts_weights(checkout, tmp_path):
    deepkoal_command = make_environment(tmp_path / "env", build("editable", checkout, tmp_path))
    listing = run_command([deepkoal_command, "presets", "--json"], tmp_path)
    assert find_weights(listing) == {checkout / "models"}


USER = """
import deepkoal as dk

colorizer = dk.Colorizer.from_preset("koala-lite", backend="litert")
photo = dk.read_image("old.jpg")
hints = (dk.Hint(x=x, y=20, color="#c03020") for x in (10, 20))
colorizer.colorize(photo, hints=hints, palette="autochrome")
reveal_type(colorizer.colorize_batch(part for part in (photo, photo)))
reveal_type(dk.guidance.ColorOptions(vibrance=1.2).palette)
reveal_type(dk.train)
colorizer.colorize(photo, vibrence=1.2)
"""


def test_type_checkers_find_the_types_of_an_editable_installation(checkout, tmp_path):
    distribution = build("editable", checkout, tmp_path)
    deepkoal_command = make_environment(tmp_path / "env", distribution, dependencies=False)
    (tmp_path / "user.py").write_text(USER)
    python = str(deepkoal_command.parent / "python")
    options = ["--python-executable", python, "--ignore-missing-imports", "--follow-imports=silent"]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "user.py"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    batch, palette, train, wrong, *_ = checked.stdout.splitlines()
    assert "list[" in batch
    assert "deepkoal.guidance.palette.Palette" in palette
    assert "decoding: deepkoal.guidance.decoding.DecodingConfig" in train
    assert "vibrence" in wrong


# ---------------------------------------------------------------- the tests themselves


def test_no_test_runs_without_end(pytestconfig):
    assert pytestconfig.pluginmanager.hasplugin("timeout")
    assert 0 < float(pytestconfig.getini("timeout")) <= 600


@pytest.mark.parametrize(("value", "outcome"), [("true", "Failed"), (None, "Skipped")])
def test_what_is_missing_fails_in_continuous_integration(monkeypatch, value, outcome):
    monkeypatch.delenv("CI", raising=False)
    if value:
        monkeypatch.setenv("CI", value)
    with pytest.raises(BaseException, match="no browser") as stop:
        skip_or_fail("no browser")
    assert stop.typename == outcome
    assert "CI=true" in (ROOT / ".ci" / "run").read_text()


# ---------------------------------------------------------------- what lies beside the package


def test_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == deepkoal.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {deepkoal.__version__}" in changes


def test_commit_hooks_run_what_make_runs():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    [local] = config["repos"]
    assert local["repo"] == "local", "the versions are those of .venv"
    programs = {hook["entry"].split()[0] for hook in local["hooks"]}
    assert programs == {
        f".venv/bin/{name}" for name in ("ruff", "mypy", "lint-imports", "nbstripout")
    }
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"$(BIN)/{Path(program).name}" in makefile for program in programs)


def test_the_readmes_layers_are_those_of_the_contract():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = config["importlinter:contract:layers"]["layers"].split("\n")
    layers = [
        {name for name in re.findall(r"\w+", line) if list((ROOT / "deepkoal").glob(f"{name}*"))}
        for line in lines
        if line
    ]
    rows = re.findall(r"^\| (\d) \| (.*?) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [int(number) for number, _ in rows] == [5, 4, 3, 2, 1, 0]
    assert [set(re.findall(r"`(\w+)`", names)) for _, names in rows] == layers


def test_files_that_contributors_are_sent_to_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:deepkoal|tests|docs)/[\w./]+)`", text)
    assert len(paths) > 15
    assert not [path for path in paths if not (ROOT / path).exists()]
