"""Frames whose colors a person has decided, named by their time; and frames worth deciding.

A keyframe's colors are carried along the motion through its shot, forward and back, and weigh more
than any guess; what the motion loses takes them by affinity, as from a reference photo.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from deepkoal.arrays import ByteArray, FloatArray
from deepkoal.color import rgb_to_lab
from deepkoal.errors import DeepkoalError, VideoError
from deepkoal.image_io import list_photos, read_photo, write_image
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.options_file import SavedOptions, read_options
from deepkoal.video.files.film import Film
from deepkoal.video.files.frames import name_time, to_bytes
from deepkoal.video.plan import Plan

CANDIDATES = 5
"""Frames of a shot, evenly spread, that its keyframe is chosen from."""
SHAPE_TOLERANCE = 0.02
"""Part by which a picture's aspect may differ from the film's."""
_COLORED = 2.0  # mean chroma from which a picture is taken to have been colored
_TIME = re.compile(r"(?:(\d+)[-_:])?(\d{1,2})[-_:](\d{1,2}(?:\.\d+)?)")


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A frame whose colors are decided; times in units of the film's `time_base`.

    Attributes:
        pts: time of its frame.
        rgb: uint8 (H, W, 3), the frame in color.
        start: time at which its shot begins.
        stop: time before which it ends; None for the film's end.
    """

    pts: int
    rgb: ByteArray
    start: int
    stop: int | None

    def has(self, pts: int) -> bool:
        """Return whether a frame is of the same shot."""
        return self.start <= pts and (self.stop is None or pts < self.stop)

    def measure_ab(self, height: int, width: int) -> FloatArray:
        """Return its chroma, float32 (height, width, 2) in CIE Lab units."""
        small = cv2.resize(self.rgb, (width, height), interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(rgb_to_lab(small.astype(np.float32) / 255)[..., 1:], np.float32)


def check_keyframes(folder: str | Path) -> Path:
    """Return a folder of keyframes that is there.

    Raises:
        VideoError: it is not.
    """
    if not Path(folder).is_dir():
        raise VideoError(f"{folder}: no such folder of keyframes; check the path")
    return Path(folder)


def read_keyframes(
    folder: str | Path, film: Film, plan: Plan, colorizer: Colorizer
) -> list[Keyframe]:
    """Read a folder of keyframes.

    Each is a picture of a frame in color, or a JSON file of options and hints (what
    `deepkoal colorize --save-options` writes), named by the time: `00-01-23.456`, or `01-23.456`.
    Pictures without color, as they are exported, have not been decided and are passed over.

    Args:
        folder: theirs.
        film: that they are of.
        plan: of the film; each keyframe belongs to the nearest frame.
        colorizer: what colors frames as a JSON file says.

    Raises:
        VideoError: there is no such folder, it holds no keyframe, or one cannot be read, has a
            name that is no time, or lies outside the film.
    """
    folder = check_keyframes(folder)
    found: dict[int, Keyframe] = {}
    undecided = 0
    for path in sorted([*list_photos(folder), *folder.glob("*.json")]):
        index = _find_frame(path, film, plan.times)
        pts = plan.times[index]
        rgb = _read_picture(path, pts, film, colorizer)
        if rgb is None:
            undecided += 1
        elif pts in found:
            raise VideoError(f"{path}: another keyframe is of the same frame; remove one of them")
        else:
            start = max(cut for cut in plan.cuts if cut <= index)
            stop = min((cut for cut in plan.cuts if cut > index), default=None)
            end = None if stop is None else plan.times[stop]
            found[pts] = Keyframe(pts, rgb, plan.times[start], end)
    if not found:
        what = f"{undecided} pictures without color" if undecided else "no picture and no JSON file"
        raise VideoError(f"{folder}: holds {what}; color the frames there that you want to decide")
    return [found[pts] for pts in sorted(found)]


def _find_frame(path: Path, film: Film, times: Sequence[int]) -> int:
    match = _TIME.fullmatch(path.stem)
    if match is None:
        raise VideoError(f"{path}: expected a time as its name, such as 00-01-23.456{path.suffix}")
    hours, minutes, seconds = match.groups()
    time = 3600 * int(hours or 0) + 60 * int(minutes) + Fraction(seconds)
    wanted = time / film.time_base
    index = bisect_left(times, wanted)
    near = range(max(index - 1, 0), min(index + 1, len(times)))
    nearest = min(near, key=lambda number: abs(times[number] - wanted))
    if abs(times[nearest] - wanted) * film.time_base > max(1 / film.rate, Fraction(1, 100)):
        raise VideoError(f"{path}: the film has no frame at that time; it ends before or has a gap")
    return nearest


def _read_picture(path: Path, pts: int, film: Film, colorizer: Colorizer) -> ByteArray | None:
    """Return a keyframe in color; None for a picture that has none."""
    try:
        if path.suffix.lower() == ".json":
            return _color_frame(read_options(path), pts, film, colorizer)
        rgb = read_photo(path).rgb
    except DeepkoalError as error:
        raise VideoError(f"keyframe {path.name}: {error}") from error
    height, width = rgb.shape[:2]
    if abs(width * film.height / (height * film.width) - 1) > SHAPE_TOLERANCE:
        raise VideoError(
            f"{path}: expected a picture of {film.width}×{film.height} pixels or of that shape, "
            f"got {width}×{height}"
        )
    spread = rgb.max(axis=2).astype(np.int16) - rgb.min(axis=2)
    return np.asarray(rgb, np.uint8) if spread.mean() > _COLORED else None


def _color_frame(look: SavedOptions, pts: int, film: Film, colorizer: Colorizer) -> ByteArray:
    if look.rotation:
        raise VideoError("the options rotate a photo; a film's frames are not rotated")
    frame = next(film.read(pts))
    prediction = colorizer.predict(to_bytes(frame.rgb))
    return np.asarray(prediction.render(look.apply(prediction)), np.uint8)


def export_keyframes(
    folder: str | Path,
    film: Film,
    plan: Plan,
    colorizer: Colorizer,
) -> list[Path]:
    """Write the frame of each shot that is most worth deciding, in grey, named by its time.

    Of `CANDIDATES` frames of a shot it is the one that the network doubts most.

    Args:
        folder: to write to; made where there is none.
        film: to choose from.
        plan: of the film.
        colorizer: whose doubt counts.

    Returns:
        The files, the shots that are doubted most first.

    Raises:
        VideoError: the film cannot be read or a file cannot be written.
    """
    folder = Path(folder)
    shots = {}
    for start, stop in zip(plan.cuts, [*plan.cuts[1:], len(plan.times)], strict=True):
        picks = np.linspace(start, stop - 1, min(CANDIDATES, stop - start) + 2)[1:-1]
        shots.update({plan.times[round(pick)]: start for pick in picks})
    best: dict[int, tuple[float, int, ByteArray]] = {}
    for frame in film.read():
        if frame.pts not in shots:
            continue
        rgb = to_bytes(frame.rgb)
        doubt = float(np.mean(colorizer.uncertainty(rgb)))
        shot = shots[frame.pts]
        if shot not in best or doubt > best[shot][0]:
            best[shot] = doubt, frame.pts, rgb
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for _, pts, rgb in sorted(best.values(), key=lambda found: -found[0]):
            path = folder / f"{name_time(pts * film.time_base)}.png"
            write_image(path, rgb)
            written.append(path)
    except OSError as error:
        raise VideoError(
            f"{folder}: keyframes cannot be written ({error.strerror}); check the disk"
        ) from error
    return written
