"""An album of photo files: what options files beside some say carries to like things in all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.cli.photo_runs.folder_run import FolderRun
from deepkoal.errors import DeepkoalError, PhotoError

if TYPE_CHECKING:
    from deepkoal.arrays import SampleArray
    from deepkoal.cli.files.jobs import Job
    from deepkoal.cli.files.result_files import ResultFiles
    from deepkoal.image_io import Photo
    from deepkoal.inference.album import Album, Carry
    from deepkoal.inference.colorizer import Colorizer
    from deepkoal.inference.options_file import SavedOptions
    from deepkoal.rendering.contact_sheets import SheetRow

REPORT = "album-report"
"""Name, without its suffix, of what a run leaves beside the photos."""

MOST_ROWS = 60
"""Photos on the report's contact sheet."""

_SIDE = 320  # of a picture on it, in pixels


def find_looks(jobs: Sequence[Job]) -> dict[Path, tuple[Path, SavedOptions]]:
    """Return, for each photo that has one, its options file and what that says.

    The file is named as the photo is, with `.json` behind or instead of its ending. One that holds
    something else altogether, as photo services write them, is passed over.

    Raises:
        DeepkoalError: one cannot be read, or there is none at all.
    """
    from deepkoal.inference.options_file import read_options

    looks = {}
    for job in jobs:
        if job.source is None:
            continue
        for file in (job.source.with_name(f"{job.source.name}.json"), _swap_suffix(job.source)):
            if file.is_file() and not _is_foreign(file):
                looks[job.source] = file, read_options(file)
                break
    if not looks:
        raise DeepkoalError(
            "expected an options file beside at least one photo of the album, such as "
            "beach.jpg.json, found none; write one with --save-options, or in the studio"
        )
    return looks


def _swap_suffix(photo: Path) -> Path:
    return photo.with_name(f"{photo.stem}.json")


def _is_foreign(file: Path) -> bool:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False  # `read_options` says what is wrong
    if isinstance(content, list):  # of hints alone: meant for the photo, and told how to be written
        return not any(isinstance(entry, dict) and "color" in entry for entry in content)
    return not isinstance(content, dict) or not {"deepkoal", "options", "hints"} & set(content)


class AlbumRun(FolderRun):
    """Colors the photos of an album, as `FolderRun` does.

    Args:
        colorizer: what colors.
        look: of photos that have none of their own; the default is the most alike photo's.
        looks: of `find_looks`.
        settings: see `FolderRun`.

    Attributes:
        carries: for each photo that was colored, what it took of others.
        rows: of the contact sheet, likewise.
    """

    def __init__(
        self,
        colorizer: Colorizer,
        look: SavedOptions,
        looks: Mapping[Path, tuple[Path, SavedOptions]],
        **settings: Any,
    ) -> None:
        super().__init__(colorizer, look, **settings)
        from deepkoal.inference.album import Album

        self._looks = {photo: found for photo, (_, found) in looks.items()}
        self._says_more = look.to_json()["options"] != type(look)().to_json()["options"]
        self.album: Album = Album(colorizer)
        self.carries: dict[Path, list[Carry]] = {}
        self.rows: dict[Path, SheetRow] = {}
        self._made: dict[Path, SavedOptions] = {}
        """How each photo was colored, without what it took of others."""

    def learn(self, photo: Path) -> None:
        """Learn from a photo that has options.

        Raises:
            DeepkoalError: they do not fit it. What is wrong with the photo itself is left to be
                found when it is colored.
        """
        from deepkoal.image_io import read_photo

        look = self._looks[photo]
        try:
            rgb = read_photo(photo, rotate=look.rotation).rgb
        except PhotoError:
            return
        try:
            options = dataclasses.replace(
                look.fit(*rgb.shape[:2]),
                reference=[each.read() for each in look.list_references()] or None,
            )
            self.album.learn(rgb, options, str(photo))
        except DeepkoalError as error:
            raise DeepkoalError(f"{photo}: its options cannot be used ({error})") from error

    def _color_versions(
        self, job: Job, photo: Photo, beside: ResultFiles | None
    ) -> list[SampleArray]:
        from deepkoal.rendering.contact_sheets import SheetRow, desaturate

        assert job.source is not None
        rgb = photo.rgb
        prediction = self._colorizer.predict(rgb)
        look = self._looks.get(job.source)
        own = None if look is None else look.apply(prediction)
        if look is None and self._says_more:
            own = self._look.fit(*rgb.shape[:2])
        options, carries = self.album.carry(prediction, own, str(job.source))
        self.carries[job.source] = [*self.carries.get(job.source, ()), *carries]  # of its pages
        plain = dataclasses.replace(options, hints=(), reference=None, variation=None)
        self._made[job.source] = dataclasses.replace(look or self._look, options=plain)
        colored = prediction.render(options)
        small = dataclasses.replace(prediction, l=_shrink(prediction.l), bits=8)
        cells = [desaturate(_shrink_rgb(rgb)), small.render(), _shrink_rgb(colored)]
        self.rows[job.source] = SheetRow(_caption(job.source, look is not None, carries), cells)
        if beside is not None:
            self._add_beside(beside, job, photo, prediction, options, colored)
        return [colored]

    def _find_rotation(self, job: Job) -> int:
        assert job.source is not None
        return self._looks.get(job.source, self._look).rotation

    def _find_look(self, job: Job) -> tuple[SavedOptions, list[str]]:
        assert job.source is not None
        # Where the photos lie on this machine is nobody's business.
        taken = [
            dataclasses.replace(
                carry, source=Path(carry.source).name, target=Path(carry.target).name
            )
            for carry in self.carries[job.source]
            if carry.taken
        ]
        return self._made[job.source], [str(carry) for carry in taken]

    def write_report(self, out: Path) -> list[Path]:
        """Write what went where, as text and as a contact sheet, and return their paths.

        What an earlier run found in photos that this one passed over is kept.
        """
        from deepkoal.atomic_files import write_json_atomically, write_text_atomically
        from deepkoal.image_io import write_image
        from deepkoal.rendering.contact_sheets import draw_sheet

        data, text, sheet = (out / f"{REPORT}{suffix}" for suffix in (".json", ".txt", ".jpg"))
        kept: dict[str, Any] = {}
        if data.is_file():
            try:
                kept = dict(json.loads(data.read_bytes()))
            except (OSError, ValueError, TypeError):
                kept = {}
        for photo, carries in self.carries.items():
            kept[str(photo)] = [str(carry) for carry in carries]
        write_json_atomically(data, kept)
        lines: list[str] = []
        for name, found in sorted(kept.items()):
            lines += [name, *(f"  {line}" for line in found or ["takes nothing of others"])]
        write_text_atomically(text, "\n".join(lines) + "\n")
        rows = [self.rows[photo] for photo in sorted(self.rows)][:MOST_ROWS]
        if rows:
            titles = ["photo", "automatic", "in the album"]
            write_image(sheet, draw_sheet(rows, titles, width=_SIDE, height=_SIDE))
        return [path for path in (text, sheet) if path.is_file()]


def _caption(photo: Path, is_source: bool, carries: Sequence[Carry]) -> str:
    taken = [carry for carry in carries if carry.taken]
    what = "; ".join(f"{carry.thing} of {Path(carry.source).name}" for carry in taken[:3])
    own = "its own options" if is_source else ""
    return f"{photo.name}: {', '.join(filter(None, [own, what])) or 'nothing taken'}"


def _shrink(l: Any) -> Any:
    from deepkoal.rendering.resampling import resize

    scale = min(1.0, _SIDE / max(l.shape))
    return resize(l, *(max(1, round(side * scale)) for side in l.shape))


def _shrink_rgb(rgb: Any) -> Any:
    import numpy as np
    from PIL import Image

    picture = Image.fromarray(rgb if rgb.dtype == np.uint8 else (rgb >> 8).astype(np.uint8))
    picture.thumbnail((_SIDE, _SIDE))
    return np.asarray(picture)
