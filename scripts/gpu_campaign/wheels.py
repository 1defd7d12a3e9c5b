"""Keras for a machine that has JAX but neither Keras nor a network: wheels sent with the parts.

A wheel is a zip file of packages, so it is unpacked into a folder rather than installed.
"""

from __future__ import annotations

import atexit
import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from deepkoal.errors import RunError

FOLDER = "wheels"
NAMES = ("keras", "namex", "optree")
"""What Keras needs and a machine with JAX, h5py and rich is likely to lack: 3 MB together."""

PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def download_wheels(folder: Path, python: str) -> list[Path]:
    """Fetch the wheels, of the versions that are installed here, into a folder.

    Args:
        folder: the parts' folder; the wheels come into a folder of their own in it.
        python: version of the other machine's Python, such as `3.12`; the machine is a Linux one
            with an x86-64 processor.

    Raises:
        RunError: they cannot be had.
    """
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in NAMES]
    platforms = [option for tag in PLATFORMS for option in ("--platform", tag)]
    target = folder / FOLDER
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--python-version", python, "--implementation", "cp"]
    done = subprocess.run(
        [*command, *platforms, "--dest", str(target), *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip() or "pip failed").splitlines()[-1]
        raise RunError(
            f"cannot fetch {', '.join(wanted)} for Python {python} ({reason}); check the network, "
            f"or put the wheels into {target} yourself"
        )
    return sorted(target.glob("*.whl"))


def add_wheels(folder: Path) -> list[str]:
    """Make importable what is not installed here but lies among the wheels; return the names.

    Args:
        folder: the parts' folder.

    Raises:
        RunError: Keras is neither installed nor there, cannot be imported, or a wheel is damaged.
    """
    added: list[str] = []
    target = Path(tempfile.mkdtemp(prefix="wheels-"))
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    for wheel in sorted((folder / FOLDER).glob("*.whl")):
        name = wheel.name.split("-")[0]
        if importlib.util.find_spec(name) is not None:
            continue
        try:
            with zipfile.ZipFile(wheel) as content:
                content.extractall(target)
        except (zipfile.BadZipFile, OSError) as error:
            raise RunError(f"{wheel} is damaged ({error}); send it again") from error
        added.append(name)
    sys.path.insert(0, str(target))
    importlib.invalidate_caches()
    if importlib.util.find_spec("keras") is None:
        raise RunError(
            "Keras is not installed here, and its wheels are not beside the parts; run `pack` with "
            f"--wheels {sys.version_info[0]}.{sys.version_info[1]} where there is a network, and "
            f"send {FOLDER}/ along"
        )
    try:
        importlib.import_module("keras")
    except ImportError as error:
        reason = str(error).strip().replace("\n", " ")
        raise RunError(
            f"Keras cannot be imported ({reason}); put the wheels of what it lacks into "
            f"{folder / FOLDER} and send them along"
        ) from error
    return added
