"""A plain folder of photos made ready for training: recorded, and some of them held back."""

from __future__ import annotations

import dataclasses
import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from deepkoal.atomic_files import real_path
from deepkoal.data import Manifest, hold_back
from deepkoal.data.records.embed import Embedder
from deepkoal.data.records.manifest import Settings, Unreadable
from deepkoal.data.records.preparation import list_names, plan_records
from deepkoal.data.records.shards import read_accounts, write_records
from deepkoal.errors import OtherPhotosError, RecordsError, RunError
from deepkoal.pretrained.run_dir import RUN_FILE, check_run, lock_run

RECORDS_DIR = "records"
VALIDATION_DIR = "validation"

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


@dataclass(frozen=True)
class PhotoPlan:
    """A folder's photos as they are to be recorded, listed once; nothing is written yet.

    Attributes:
        photos: the folder.
        training: names of the photos to train on.
        held_back: names of those to validate with.
        embedder: computes semantic embeddings; None where the network needs none.
        settings: of the records to train on.
        held_back_settings: of those to validate with; None where none are held back.
    """

    photos: Path
    training: list[str]
    held_back: list[str]
    embedder: Embedder | None
    settings: Settings
    held_back_settings: Settings | None

    def check(self, run_dir: Path) -> None:
        """Make sure, without writing, that a run's folder holds no records of other photos.

        Raises:
            RunError: it does, or it is the photos' own folder.
        """
        if real_path(run_dir) == real_path(self.photos):
            raise RunError(f"{run_dir} is the photos' own folder; choose another for the run")
        try:
            read_accounts(run_dir / RECORDS_DIR, self.settings)
            if self.held_back_settings is not None:
                read_accounts(run_dir / VALIDATION_DIR, self.held_back_settings)
        except OtherPhotosError as error:
            raise RunError(
                f"{run_dir} was begun with other photos or settings ({error}); choose another "
                "folder for the run, or delete that one"
            ) from error
        check_run(run_dir, {"records": dataclasses.asdict(self.settings)})


def plan_photos(
    photos: str | Path, run_dir: str | Path, *, size: int, embedder: Embedder | None = None
) -> PhotoPlan:
    """List a folder's photos and choose those to hold back, one in ten, see `data.hold_back`.

    Args:
        photos: a folder of color photos, at any depth; those below the folders of runs, such as
            their previews, are left out.
        run_dir: the run's folder; another than `photos`.
        size: short side in pixels that larger photos are to be resized to.
        embedder: computes semantic embeddings, for a network that needs them.

    Raises:
        PhotoError: the folder cannot be listed.
        RecordsError: it is a file or holds no photos.
        RunError: the run was begun with other photos or another size.
    """
    photos = Path(photos)
    if photos.is_file():
        raise RecordsError(f"{photos} is a file: give the folder that your photos are in")
    names = _leave_out_runs(photos, list_names(photos))
    if not names:
        raise RecordsError(
            f"{photos} holds no photos: expected JPEG, PNG or other photo files, "
            "or records that deepkoal prepare wrote"
        )
    training, held_back = hold_back(names)
    embedders = [] if embedder is None else [embedder]
    settings = [
        plan_records(photos, chosen, size=size, embedders=embedders) if chosen else None
        for chosen in (training, held_back)
    ]
    assert settings[0] is not None
    plan = PhotoPlan(photos, training, held_back, embedder, settings[0], settings[1])
    plan.check(Path(run_dir))
    return plan


def record_photos(plan: PhotoPlan, run_dir: Path, *, progress: bool = False) -> OwnPhotos:
    """Record photos in a run's folder, which this process has locked.

    An interrupted call is taken up where it was left, a finished one is done at once.

    Args:
        plan: what `plan_photos` returned for this folder.
        run_dir: the run's folder.
        progress: draw a bar on stderr.

    Raises:
        RecordsError: none of the photos can be trained on, or the records cannot be written.
    """
    embedders = [] if plan.embedder is None else [plan.embedder]

    def record(folder: str, names: list[str], settings: Settings) -> Manifest:
        return write_records(
            plan.photos, run_dir / folder, names, settings, embedders=embedders, progress=progress
        )

    kept = record(RECORDS_DIR, plan.training, plan.settings)
    validation = None
    if plan.held_back_settings is not None:
        validation = record(VALIDATION_DIR, plan.held_back, plan.held_back_settings)
    grey = kept.grey + (validation.grey if validation else 0)
    unreadable = [*kept.unreadable, *(validation.unreadable if validation else ())]
    if not kept.count:
        # So that others may be tried.
        for folder in (RECORDS_DIR, VALIDATION_DIR):
            shutil.rmtree(run_dir / folder, ignore_errors=True)
        causes = "".join(f"; {photo.file}: {photo.cause}" for photo in unreadable[:1])
        total = len(plan.training) + len(plan.held_back)
        raise RecordsError(
            f"{plan.photos}: none of its {total} photos can be trained on ({grey} near grey, "
            f"{len(unreadable)} unreadable); color photos are needed{causes}"
        )
    held_back_count = validation.count if validation else 0
    return OwnPhotos(
        records=run_dir / RECORDS_DIR,
        validation=run_dir / VALIDATION_DIR if held_back_count else None,
        training_count=kept.count,
        held_back_count=held_back_count,
        grey=grey,
        unreadable=tuple(sorted(unreadable, key=lambda photo: photo.file)),
    )


def prepare_photos(
    photos: str | Path,
    run_dir: str | Path,
    *,
    size: int,
    embedder: Embedder | None = None,
    progress: bool = False,
) -> OwnPhotos:
    """Record a folder's photos in a run's folder, those to train on and those held back.

    Args and errors as in `plan_photos` and `record_photos`.

    Raises:
        RunError: another process trains there, or as in `plan_photos`.
    """
    plan = plan_photos(photos, run_dir, size=size, embedder=embedder)
    with lock_run(Path(run_dir)):
        return record_photos(plan, Path(run_dir), progress=progress)


def _leave_out_runs(photos: Path, names: list[str]) -> list[str]:
    folders = {folder for name in names for folder in PurePosixPath(name).parents}
    folders.discard(PurePosixPath())
    runs = {folder for folder in folders if os.path.isfile(photos / folder / RUN_FILE)}  # noqa: PTH113 -- it never raises
    return [name for name in names if runs.isdisjoint(PurePosixPath(name).parents)]
