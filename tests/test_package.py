import importlib.metadata
import inspect
import subprocess
import sys

import pytest

import deepkoal

PUBLIC_NAMES = {
    "Colorizer": inspect.isclass,
    "DeepkoalError": inspect.isclass,
    "Hint": inspect.isclass,
    "Palette": inspect.isclass,
    "SemanticEmbedder": inspect.isclass,
    "__version__": lambda version: isinstance(version, str),
    "evaluate": inspect.isfunction,
    "export_saved_model": inspect.isfunction,
    "fine_tune": inspect.isfunction,
    "list_palettes": inspect.isfunction,
    "models": inspect.ismodule,
    "prepare": inspect.isfunction,
    "read_image": inspect.isfunction,
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
