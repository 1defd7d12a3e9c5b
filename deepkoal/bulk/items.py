"""What there is to do: which files of the sources have no result yet, each with a number."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from deepkoal.bulk.storage import Storage, StoredFile
from deepkoal.errors import DeepkoalError
from deepkoal.image_io.formats.kinds import is_photo_name

FILM_SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("avi", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg"),
        *("mpg", "mts", "ogv", "ts", "vob", "webm", "wmv"),
    )
)
"""Of files that are taken for films."""


@dataclass(frozen=True, slots=True)
class BulkItem:
    """A file of a source.

    Attributes:
        number: of the item in its run, from 0.
        source: index of the source that it is below.
        top: folder below the target for all of its source; empty for the target itself.
        path: below the source.
        is_alone: whether no other photo beside it has its name up to the ending.
        is_photo: whether its name ends as a photo's does; else its first bytes say what it is.
        is_film: whether its name ends as a film's does.
        if_newer: time, in nanoseconds, from which on a result that is found once its name is known
            is an earlier run's; None where none is looked for.
        rivals: paths of files that might leave the same result, where only its content says what
            its own is called.
        refusal: why it is not to be colored; empty where it is.
    """

    number: int
    source: int
    top: str
    path: str
    is_alone: bool
    is_photo: bool
    is_film: bool = False
    if_newer: int | None = None
    rivals: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def folder(self) -> str:
        """The folder below the target that its result belongs in; empty for the target itself."""
        folder = str(PurePosixPath(self.top) / PurePosixPath(self.path).parent)
        return "" if folder == "." else folder


@dataclass(frozen=True)
class BulkOutcome:
    """What became of an item.

    Attributes:
        number: the item's.
        written: names of the files that it left, its own first.
        notes: what their reader should know, a line each.
        error: why it could not be done; empty where it could.
        state: `colored`, `left` as it is, `done` by an earlier run, or `passed over`, being no
            picture.
        is_whole: whether the result has all that the file had.
    """

    number: int
    written: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    state: str = "colored"
    is_whole: bool = True


NameResults = Callable[[PurePosixPath, bool], list[str]]
"""From a photo's path, and whether it is alone, to the names of the files that it leaves."""


def plan_items(
    sources: Sequence[Storage],
    target: Storage,
    name_results: NameResults,
    *,
    overwrite: bool = False,
    films: bool = True,
) -> tuple[list[BulkItem], int]:
    """List what is to be done.

    Args:
        sources: folders of photos.
        target: the folder of the results; what lies in it is no photo to color.
        name_results: of a photo; a photo of which all are there and newer than it is done.
        overwrite: whether what is done is done again.
        films: whether films are colored; else they are passed over.

    Returns:
        Items, those among them too that are refused because another photo leaves the same result,
        and how many are done already.

    Raises:
        DeepkoalError: a folder cannot be listed, or holds nothing.
    """
    done = (
        {} if overwrite else {file.path: file.changed for file in target.list_files(may_lack=True)}
    )
    tops = [PurePosixPath(source.place).name for source in sources]
    if len(sources) == 1:
        tops = [""]
    elif shared := [name for name, count in Counter(tops).items() if count > 1]:
        raise DeepkoalError(
            f"two of the sources are called {shared[0]}, and so would their results' folders be; "
            "color them into different ones"
        )
    items: list[BulkItem] = []
    skipped = 0
    for index, (source, top) in enumerate(zip(sources, tops, strict=True)):
        if source.place == target.place:
            raise DeepkoalError(f"{target} is the photos' own folder; give -o another")
        results = _find_below(source, target)
        files = [file for file in source.list_files() if not file.path.startswith(results)]
        if not files:
            raise DeepkoalError(f"{source}: holds no files; expected photos")
        shared_stems = _find_shared_stems(files)
        rivals = _find_rivals(files)
        taken: dict[int, str] = {}
        for file in files:
            path = PurePosixPath(file.path)
            is_film = films and path.suffix.lower() in FILM_SUFFIXES
            is_photo = is_photo_name(path)
            is_named = is_photo or is_film
            others = () if is_named else _choose_rivals(file.path, rivals)
            is_alone = _hash_stem(file.path) not in shared_stems and not any(
                is_photo_name(PurePosixPath(other)) for other in others
            )
            if_newer = None if overwrite or is_named else file.changed
            item = BulkItem(
                len(items), index, top, file.path, is_alone, is_photo, is_film, if_newer, others
            )
            if is_named:
                names = name_results(path, is_alone)
                places = [str(PurePosixPath(item.folder) / name) for name in names]
                if refusal := _find_refusal(places, taken, source, target):
                    item = replace(item, refusal=f"{source.name(file.path)}: {refusal}")
                else:
                    taken.update(dict.fromkeys(map(hash, places), file.path))
                    if done and all(done.get(place, -1) >= file.changed for place in places):
                        skipped += 1
                        continue
            items.append(item)
    # A film takes long, and nobody should wait for one that was begun last.
    items.sort(key=lambda item: not item.is_film)
    return items, skipped


def _find_shared_stems(files: Sequence[StoredFile]) -> set[int]:
    """Return hashes of the paths, up to their endings, of photos that share these."""
    seen: set[int] = set()
    shared: set[int] = set()
    for file in files:
        if is_photo_name(PurePosixPath(file.path)):
            stem = _hash_stem(file.path)
            (shared if stem in seen else seen).add(stem)
    return shared


def _hash_stem(path: str) -> int:
    return hash(os.path.splitext(path)[0])  # noqa: PTH122 -- of millions


def _find_rivals(files: Sequence[StoredFile]) -> dict[int, list[str]]:
    """Return what shares its path, up to the ending, with a file whose name says not what it is."""
    unnamed = [file.path for file in files if not is_photo_name(PurePosixPath(file.path))]
    found: dict[int, list[str]] = {_hash_stem(path): [] for path in unnamed}
    for file in files if found else ():
        if (stem := _hash_stem(file.path)) in found:
            found[stem].append(file.path)
    return found


def _choose_rivals(path: str, rivals: Mapping[int, Sequence[str]]) -> tuple[str, ...]:
    """Return the photos beside a file of unknown kind, and such files before it."""
    return tuple(
        other
        for other in rivals[_hash_stem(path)]
        if is_photo_name(PurePosixPath(other)) or other < path
    )


def _find_refusal(
    places: Sequence[str], taken: Mapping[int, str], source: Storage, target: Storage
) -> str:
    """Return why a photo is refused that leaves these files; nothing where it is not.

    Args:
        places: of the files, below the target.
        taken: paths of photos, by hashes of the places of theirs.
        source: of the photos.
        target: of the files.
    """
    for place in places:
        if hash(place) in taken:
            return explain_shared(target.name(place), source.name(taken[hash(place)]))
    return ""


def explain_shared(place: str, other: str) -> str:
    """Return what is wrong where another photo leaves the same file."""
    return f"its result {place} is also that of {other}; color the two into different folders"


def _find_below(source: Storage, target: Storage) -> str:
    """Return what the paths of earlier results begin with among a source's files; else no path."""
    if target.place.startswith(source.place + "/"):
        return target.place.removeprefix(source.place + "/") + "/"
    return "/"
