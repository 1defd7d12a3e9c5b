"""Settings that every test shares. They are made before anything imports Keras or TensorFlow."""

import atexit
import gc
import os
import random
import shutil
import sys
import tempfile
import unittest.mock
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

# The processes that these tests start would compile every module anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Imports make a million objects that stay: `pytest_collection_finish` ends this.
gc.disable()

IS_XDIST_WORKER = "PYTEST_XDIST_WORKER" in os.environ

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["MPLBACKEND"] = "Agg"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
if IS_XDIST_WORKER:
    # The workers share the cores: more threads than cores only wait for each other.
    workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    os.environ["TF_NUM_INTRAOP_THREADS"] = threads
    os.environ["TF_NUM_INTEROP_THREADS"] = threads
    os.environ["OMP_NUM_THREADS"] = threads
else:
    # Neither the user's keras.json nor weights downloaded earlier may decide a test. The workers
    # inherit the folder.
    os.environ["KERAS_HOME"] = tempfile.mkdtemp(prefix="keras-home-")
    atexit.register(shutil.rmtree, os.environ["KERAS_HOME"], ignore_errors=True)
    # What one test's process has compiled with JAX those of other tests find, see `quick_jax`.
    os.environ["COMPILED_ONCE"] = os.path.join(os.environ["KERAS_HOME"], "jax")  # noqa: PTH118
    # Likewise with an export that several files need, see `export_tiny`.
    os.environ["EXPORTED_ONCE"] = os.path.join(os.environ["KERAS_HOME"], "tiny-export")  # noqa: PTH118

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from deepkoal.memory import count_cores  # noqa: E402

if TYPE_CHECKING:
    from jax_forks import JaxForks

hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")


SLOW = (
    "test_studio_page",
    "test_training",
    "test_tutorials",
    "test_devices",
    "test_export",
    "test_site",
    "test_bulk",
    "test_backends",
    "test_cli",
    "test_gpu_campaign",
    "test_serving_process",
    "test_fine_tuning",
    "test_style",
    "test_package",
    "test_readme",
    "test_weights",
)
"""Files that would hold everyone up if a worker came to them last.

What test_export has exported is there when test_serving_process copies it, see `export_tiny`.
"""


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores: a fifth of the time tests wait, for servers and browsers."""
    return count_cores() + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow files."""
    items.sort(key=lambda item: SLOW.index(item.path.stem) if item.path.stem in SLOW else len(SLOW))


def pytest_collection_finish() -> None:
    """Collect garbage again, but not among what was imported, and seldom: it takes a tenth."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Start every test from the same random state, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    if "keras" in sys.modules:
        # Not TensorFlow's, by which nothing here draws: it would have it optimize all that it
        # has compiled anew, for every test.
        with unittest.mock.patch("tensorflow.random.set_seed"):
            sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture(scope="session")
def photos() -> dict[str, np.ndarray]:
    """Photos that come with scikit-image, uint8 (H, W, 3), by name. Not to be written to."""
    import skimage.data

    names = ("astronaut", "chelsea", "coffee", "rocket")
    found = {name: getattr(skimage.data, name)() for name in names}
    for photo in found.values():
        photo.setflags(write=False)
    return found


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of a tiny network's file, for `--model`: it colors every photo red."""
    from tiny_networks import red_network

    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    red_network().save(path)
    return str(path)


@pytest.fixture(scope="session")
def jax_forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator["JaxForks"]:
    """Runs programs in processes of Keras on JAX."""
    from jax_forks import JaxForks

    forks = JaxForks(tmp_path_factory.mktemp("jax"))
    yield forks
    forks.close()


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Return a function that makes a folder one that cannot be listed, also for root."""

    def lock(folder: Path) -> Path:
        folder.mkdir()
        scan = os.scandir

        def refuse(path: Any) -> Any:
            if str(path) == str(folder):  # a number, where an open folder is listed
                raise PermissionError(13, "Permission denied", str(path))
            return scan(path)

        monkeypatch.setattr(os, "scandir", refuse)
        return folder

    return lock
