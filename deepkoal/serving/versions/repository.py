"""The newest version of each model in a folder, kept up to date while requests run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deepkoal.errors import DeepkoalError
from deepkoal.serving.errors import Code, ServingError, is_model_name, printable
from deepkoal.serving.versions.opening import AUTO, choose_file, open_version
from deepkoal.serving.versions.served_version import ServedVersion

POLL_SECONDS = 1.0
"""How often the folder is looked at; TensorFlow Serving's default."""

Fingerprint = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class VersionState:
    """The state of a version.

    Attributes:
        state: LOADING, AVAILABLE, UNLOADING or END.
        code: OK, or why it could not be loaded.
        message: likewise, one line.
    """

    state: str
    code: Code = "OK"
    message: str = ""


class Repository:
    """All `NAME/VERSION` of a folder that hold a SavedModel or a bare network.

    A new version is loaded beside the old one and takes its place between two requests; the old
    one is unloaded when the last request that began with it has ended. A version that cannot be
    loaded, as one that is still being copied, changes nothing and is tried again whenever its
    files have changed.

    Args:
        folder: of the models.
        log: called with a line for each event.
        backend: that runs them, see `opening.BACKENDS`.
    """

    def __init__(self, folder: Path, log: Callable[[str], None], backend: str = AUTO) -> None:
        self._folder = folder
        self._log = log
        self._backend = backend
        self._current: dict[str, ServedVersion] = {}
        self._states: dict[str, dict[int, VersionState]] = {}
        self._seen: dict[Path, Fingerprint] = {}
        self._tried: dict[Path, Fingerprint] = {}
        self._retiring: set[asyncio.Task[None]] = set()
        self._refused: set[str] = set()

    @property
    def versions(self) -> dict[str, int]:
        """The version in use of each model."""
        return {name: served.version for name, served in self._current.items()}

    @contextmanager
    def use(
        self, name: str, version: int | None = None, label: str = ""
    ) -> Iterator[ServedVersion]:
        """Yield a model's version in use, and hold it until the end of the block.

        Raises:
            ServingError: NOT_FOUND, or INVALID_ARGUMENT for any label, of which there are none.
        """
        if label:
            raise ServingError("INVALID_ARGUMENT", f"Unrecognized servable version label: {label}")
        served = self._current.get(name)
        if served is None or version not in (None, served.version):
            which = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise ServingError("NOT_FOUND", f"Servable not found for request: {which}")
        served.users += 1
        try:
            yield served
        finally:
            served.users -= 1

    def list_states(self, name: str, version: int | None = None) -> dict[int, VersionState]:
        """Return the states of a model's versions, newest first.

        Raises:
            ServingError: NOT_FOUND.
        """
        states = self._states.get(name, {})
        if version is None and states:
            return dict(sorted(states.items(), reverse=True))
        if version is not None and version in states:
            return {version: states[version]}
        which = "any versions" if version is None else f"version {version}"
        raise ServingError("NOT_FOUND", f"Could not find {which} of model {name}")

    async def refresh(self, settled: bool = True) -> None:
        """Look at the folder once and load what is new.

        Args:
            settled: load only what has not changed since the last look.

        Raises:
            DeepkoalError: the folder cannot be read.
        """
        found = await asyncio.to_thread(find_versions, self._folder)
        for name in [name for name in found if not is_model_name(name)]:
            del found[name]
            if name not in self._refused:
                self._refused.add(name)
                self._log(
                    f"{printable(name)}: left out, as no request can name it; rename the folder "
                    "to text in UTF-8 without / and :"
                )
        for name, versions in found.items():
            await self._refresh_model(name, versions, settled)
        for name in self._current.keys() - found.keys():
            self._log(f"{name}: its folder is gone")
            self._retire(self._current.pop(name))

    async def watch(self) -> None:
        """Refresh again and again."""
        failing = ""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.refresh()
                failing = ""
            except DeepkoalError as error:
                if str(error) != failing:
                    failing = str(error)
                    self._log(failing)

    async def close(self) -> None:
        """Unload all models, each after its last request."""
        while self._current:
            self._retire(self._current.popitem()[1])
        await asyncio.gather(*self._retiring)

    async def _refresh_model(self, name: str, versions: dict[int, Path], settled: bool) -> None:
        current = self._current.get(name)
        for version in sorted(versions, reverse=True):
            if current is not None and version == current.version:
                return
            folder = versions[version]
            fingerprint = await asyncio.to_thread(take_fingerprint, folder)
            seen = self._seen.get(folder)
            self._seen[folder] = fingerprint
            if (settled and fingerprint != seen) or fingerprint == self._tried.get(folder):
                continue
            if choose_file((file for file, _, _ in fingerprint), self._backend) is None:
                continue
            self._tried[folder] = fingerprint
            served = await self._load(name, version, folder)
            if served is not None:
                self._current[name] = served
                if current is not None:
                    self._retire(current)
                return

    async def _load(self, name: str, version: int, folder: Path) -> ServedVersion | None:
        self._set_state(name, version, VersionState("LOADING"))
        try:
            served = await asyncio.to_thread(open_version, name, version, folder, self._backend)
        except ServingError as error:
            self._set_state(name, version, VersionState("END", error.code, str(error)))
            self._log(str(error))
            return None
        self._set_state(name, version, VersionState("AVAILABLE"))
        self._log(f"serving {name}, version {version}")
        return served

    def _retire(self, served: ServedVersion) -> None:
        self._tried = {
            path: tried
            for path, tried in self._tried.items()
            if path.parent.name != served.name or path.name != str(served.version)
        }  # it may be wanted again
        task = asyncio.create_task(self._drain(served))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _drain(self, served: ServedVersion) -> None:
        self._set_state(served.name, served.version, VersionState("UNLOADING"))
        while served.users:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(served.close)
        self._set_state(served.name, served.version, VersionState("END"))

    def _set_state(self, name: str, version: int, state: VersionState) -> None:
        self._states.setdefault(name, {})[version] = state


def find_versions(folder: Path) -> dict[str, dict[int, Path]]:
    """Return the version folders of each model below a folder.

    Raises:
        DeepkoalError: it cannot be read.
    """
    try:
        found = {}
        for model in sorted(path for path in folder.iterdir() if path.is_dir()):
            versions = {
                int(path.name): path
                for path in model.iterdir()
                if path.name.isascii() and path.name.isdecimal() and path.is_dir()
            }
            if versions:
                found[model.name] = versions
        return found
    except OSError as error:
        raise DeepkoalError(
            f"{error.filename or folder}: cannot be read ({error.strerror}); give the folder that "
            "holds NAME/VERSION/"
        ) from error


def take_fingerprint(folder: Path) -> Fingerprint:
    """Return name, size and time of each of a folder's files, by which a change is seen."""
    files = []
    for path in sorted(folder.rglob("*")):
        try:
            stat = path.stat()
        except OSError:  # gone meanwhile
            continue
        files.append((path.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime_ns))
    return tuple(files)
