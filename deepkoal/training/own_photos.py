"""A plain folder of photos made ready for training: recorded, and some of them held back."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from deepkoal.data import Manifest, hold_back, prepare
from deepkoal.data.embed import Embedder
from deepkoal.data.records import MANIFEST_NAME, Unreadable
from deepkoal.errors import OtherPhotosError, RecordsError, RunError
from deepkoal.image_io import list_photos
from deepkoal.pretrained.run_dir import RUN_FILE

SPARE = 9 / 8
"""Short side of prepared photos over the side of the crops trained on."""


@dataclass(frozen=True)
class OwnPhotos:
    """Photos on record in a run's folder.

    Attributes:
        records: of those to train on.
        validation: of those held back; None where there are none.
        training_count: photos to train on.
        held_back_count: photos held back.
        grey: how many near-grey photos were left out.
        unreadable: files left out because they could not be read.
    """

    records: Path
    validation: Path | None
    training_count: int
    held_back_count: int
    grey: int
    unreadable: tuple[Unreadable, ...]


def fit_photo_size(crop: int) -> int:
    """Return the short side in pixels at which to keep photos for crops of that side."""
    return round(SPARE * crop)


def holds_records(folder: str | Path) -> bool:
    """Tell whether `prepare` has written to a folder, finished or not."""
    found = (Path(folder).glob(pattern) for pattern in (MANIFEST_NAME, "photos-*.tfrecord*"))
    return any(any(paths) for paths in found)


def prepare_photos(
    photos: str | Path,
    run_dir: str | Path,
    *,
    size: int,
    embedder: Embedder | None = None,
    progress: bool = False,
) -> OwnPhotos:
    """Record a folder's photos in a run's folder, those to train on and those held back.

    One in ten is held back, see `dataset.hold_back`. An interrupted call is taken up where it was
    left, a finished one is done at once. Photos below the folders of runs, such as their
    previews, are left out.

    Args:
        photos: a folder of color photos, at any depth.
        run_dir: the run's folder, made where there is none; another than `photos`.
        size: short side in pixels that larger photos are resized to.
        embedder: computes semantic embeddings, for a network that needs them.
        progress: draw a bar on stderr.

    Raises:
        PhotoError: the folder cannot be listed.
        RecordsError: it holds no photo that can be trained on.
        RunError: the run was begun with other photos or another size.
    """
    photos, run_dir = Path(photos), Path(run_dir)
    if photos.is_file():
        raise RecordsError(f"{photos} is a file: give the folder that your photos are in")
    if run_dir.resolve() == photos.resolve():
        raise RunError(f"{run_dir} is the photos' own folder; choose another for the run")
    names = _list_names(photos)
    if not names:
        raise RecordsError(
            f"{photos} holds no photos: expected JPEG, PNG or other photo files, "
            "or records that deepkoal prepare wrote"
        )
    training, held_back = hold_back(names)

    def record(folder: str, chosen: list[str]) -> Manifest:
        return prepare(
            photos,
            run_dir / folder,
            names=chosen,
            size=size,
            embedder=embedder,
            progress=progress,
        )

    try:
        kept = record("records", training)
        judged = record("validation", held_back) if held_back else None
    except OtherPhotosError as error:
        raise RunError(
            f"{run_dir} was begun with other photos or settings ({error}); choose another folder "
            "for the run, or delete that one"
        ) from error
    grey = kept.grey + (judged.grey if judged else 0)
    unreadable = [*kept.unreadable, *(judged.unreadable if judged else ())]
    if not kept.count:
        _forget(run_dir)
        causes = "".join(f"; {photo.file}: {photo.cause}" for photo in unreadable[:1])
        raise RecordsError(
            f"{photos}: none of its {len(names)} photos can be trained on ({grey} near grey, "
            f"{len(unreadable)} unreadable); color photos are needed{causes}"
        )
    held_back_count = judged.count if judged else 0
    return OwnPhotos(
        records=run_dir / "records",
        validation=run_dir / "validation" if held_back_count else None,
        training_count=kept.count,
        held_back_count=held_back_count,
        grey=grey,
        unreadable=tuple(sorted(unreadable, key=lambda photo: photo.file)),
    )


def _forget(run_dir: Path) -> None:
    """Take away what was recorded of useless photos, so that others may be tried."""
    for folder in ("records", "validation"):
        shutil.rmtree(run_dir / folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # something else is in it
        run_dir.rmdir()


def _list_names(photos: Path) -> list[str]:
    found = [path.relative_to(photos) for path in list_photos(photos)]
    folders = {folder for path in found for folder in path.parents if folder != Path()}
    runs = {folder for folder in folders if (photos / folder / RUN_FILE).is_file()}
    return [path.as_posix() for path in found if runs.isdisjoint(path.parents)]
