import importlib.metadata
import subprocess
import sys

import pytest

import deepkoal

PUBLIC_NAMES = {
    "Colorizer",
    "DeepkoalError",
    "SemanticEmbedder",
    "__version__",
    "evaluate",
    "export_saved_model",
    "models",
    "prepare",
    "read_image",
    "train",
    "write_image",
}


def test_public_names_are_exactly_these():
    assert set(deepkoal.__all__) == PUBLIC_NAMES
    assert len(deepkoal.__all__) == len(PUBLIC_NAMES)
    assert set(dir(deepkoal)) >= PUBLIC_NAMES - {"__version__"}


@pytest.mark.parametrize("name", sorted(PUBLIC_NAMES))
def test_public_name_resolves(name):
    assert getattr(deepkoal, name) is not None


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
